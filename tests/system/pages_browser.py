"""The pages in a real browser: a log-in and forms with its own headers, a page that is live, a log that is followed, and nothing of a job's text that runs. Called by pages_browser.sh; speaks TAP lines."""
import json
import subprocess
import sys

from browser import Browser, Trouble

program, directory, url, token = sys.argv[1:5]
failed = 0


def told(good, what, why=''):
    global failed
    failed += not good
    print('%s %s' % ('yes' if good else 'no', what))
    if not good and why:
        print('# ' + str(why).replace('\n', '\n# '))
    sys.stdout.flush()


def api(method, path, body=None):
    answer = subprocess.run(['curl', '-s', '-m', '45', '-X', method, '-H', 'Authorization: Bearer ' + token, *(['-d', json.dumps(body)] if body is not None else []), url + path],
                            stdout=subprocess.PIPE, check=True).stdout
    return json.loads(answer)


def session(b):
    b.go(url + '/status/jobs')
    told(b.eval('!!document.querySelector("form[action=\'/status/login\']")'), 'without a token it is asked for')
    b.leave('document.getElementById("token").value = %s; document.forms[0].requestSubmit()' % json.dumps(token))
    told(b.eval('location.pathname') == '/status', 'the form logs in', b.eval('document.body.innerText'))

    bad = '</pre><script>window.hit = 1</script><img src=x onerror="window.hit = 1">'
    job = api('POST', '/jobs', {'type': 'steps', 'name': bad, 'payload': bad, 'tags': [bad]})['id']
    b.go(url + '/status/jobs')
    b.wait('document.querySelector("a[href=\'/status/jobs/%s\']")' % job)
    b.leave('document.querySelector("a[href=\'/status/jobs/%s\']").click()' % job)
    told(b.eval('location.pathname') == '/status/jobs/' + job, 'a job is one click away')
    b.eval('window.same = true')
    b.wait('document.getElementById("log") && document.getElementById("log").textContent.includes("one")')
    told(True, 'its log is followed')
    open(directory + '/go', 'w').close()
    b.wait('document.querySelector(".badge").textContent === "succeeded" && document.body.innerText.includes("two")')
    told(b.eval('window.same === true'), 'its end is shown on the page that was open')
    told(b.eval('window.hit === undefined'), 'nothing of its texts has run')

    job = api('POST', '/jobs', {'type': 'steps', 'delay': '1h'})['id']
    b.go(url + '/status/jobs/' + job)
    b.leave('document.querySelector("form[action$=\'/cancel\']").requestSubmit()')
    told(b.eval('document.querySelector(".badge").textContent') == 'cancelled', 'a button is pressed', b.eval('document.body.innerText'))
    b.leave('document.querySelector("details").open = true; document.querySelector("form[action$=\'/delete\']").requestSubmit()')
    told(b.eval('location.pathname + document.querySelector("[role=status]").textContent') == '/status/jobs1 job was deleted.', 'and the one that is folded away', b.eval('document.body.innerText'))

    typed = '["\u00fcber & <b>", 1]'
    b.go(url + '/status/submit')
    b.leave('document.getElementById("type").value = "steps"; document.getElementById("delay").value = "1h"; '
            'document.getElementById("payload").value = "{oops"; document.querySelector("form.submit").requestSubmit()')
    told(b.eval('document.querySelector("[role=alert]").textContent').startswith('The payload is not JSON: line 1, column 2'), 'a payload that is no JSON is told of')
    b.leave('document.getElementById("payload").value = %s; document.querySelector("form.submit").requestSubmit()' % json.dumps(typed))
    told(b.eval('document.querySelector(".badge").textContent') == 'scheduled', 'mended, with the rest as it was typed, it is submitted', b.eval('document.body.innerText'))
    told(b.eval('document.querySelector("[aria-labelledby=payload] pre").textContent') == typed, 'as it was typed')

    b.call('Emulation.setScriptExecutionDisabled', value=True)
    b.go(url + '/status/jobs')
    told(b.eval('document.querySelectorAll("tbody tr").length') == 2, 'without scripts the page is as complete')
    told(not b.complaints(), 'the browser has nothing to complain of', b.complaints())


try:
    with Browser(program, directory) as browser:
        session(browser)
except Trouble as trouble:
    told(False, 'the browser does as it is told', trouble)
sys.exit(failed != 0)

"""A browser for tests: Chromium without a window, spoken to over two pipes (--remote-debugging-pipe), with nothing but Python's own library.

    with Browser(program, directory) as b:
        b.go(url)                       waits until it is loaded
        b.wait('document.title')        until the expression is true
        b.eval('1 + 1')
Everything waits a minute at most, and then says for what."""
import fcntl
import json
import os
import select
import signal
import time

LIMIT = 60
FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
         '--disable-dev-shm-usage', '--disable-extensions', '--no-proxy-server', '--remote-debugging-pipe']


class Trouble(Exception):
    pass


class Browser:
    def __init__(self, program, directory):
        ours_read, theirs_write = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in os.pipe())
        theirs_read, ours_write = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in os.pipe())
        null = os.open(os.devnull, os.O_RDWR)
        env = dict(os.environ, HOME=directory, XDG_CONFIG_HOME=directory, XDG_CACHE_HOME=directory)
        self.pid = os.posix_spawnp(program, [program, *FLAGS, '--user-data-dir=' + directory + '/profile', 'about:blank'], env, setsid=True, file_actions=[
            (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2), (os.POSIX_SPAWN_DUP2, theirs_read, 3), (os.POSIX_SPAWN_DUP2, theirs_write, 4)])
        os.close(theirs_read)
        os.close(theirs_write)
        self.read, self.write, self.buffer, self.number, self.session = ours_read, ours_write, b'', 0, None
        self.events = []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log'):
            self.call(domain + '.enable')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.session = None
            self.call('Browser.close')
        except (Trouble, OSError):
            pass
        end = time.monotonic() + 10
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                os.killpg(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                break
            time.sleep(0.05)

    def message(self, end):
        while b'\0' not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.read], [], [], left)[0]:
                raise Trouble('the browser does not answer')
            piece = os.read(self.read, 65536)
            if not piece:
                raise Trouble('the browser has ended')
            self.buffer += piece
        one, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(one)

    def call(self, method, **params):
        self.number += 1
        ask = {'id': self.number, 'method': method, 'params': params}
        if self.session:
            ask['sessionId'] = self.session
        data = json.dumps(ask).encode() + b'\0'
        while data:
            data = data[os.write(self.write, data):]
        end = time.monotonic() + LIMIT
        while True:
            m = self.message(end)
            if m.get('id') == self.number:
                if 'error' in m:
                    raise Trouble('%s: %s' % (method, m['error'].get('message')))
                return m['result']
            if 'method' in m:
                self.events.append(m)

    def eval(self, expression):
        answer = self.call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in answer:
            raise Trouble('%s: %s' % (expression, answer['exceptionDetails'].get('exception', {}).get('description')))
        return answer['result'].get('value')

    def wait(self, expression):
        end = time.monotonic() + LIMIT
        while True:
            try:
                value = self.eval('!!(%s)' % expression)
            except Trouble:             # between two pages
                value = None
            if value:
                return
            if time.monotonic() > end:
                raise Trouble('never came true: %s\n%s' % (expression, self.eval('location.href + "\\n" + document.body.innerText')))
            time.sleep(0.05)

    def go(self, url):
        self.call('Page.navigate', url=url)
        self.wait('location.href === %s && document.readyState === "complete"' % json.dumps(url))

    def leave(self, expression):
        """Does something that leads to another page, and waits for that."""
        self.eval('window.leaving = true; ' + expression + '; 0')
        self.wait('!window.leaving && document.readyState === "complete"')

    def complaints(self):
        """What the browser has refused to do, and scripts that threw."""
        found = []
        for m in self.events:
            if m['method'] == 'Runtime.exceptionThrown':
                found.append(str(m['params']['exceptionDetails'].get('exception', {}).get('description')))
            if m['method'] == 'Log.entryAdded' and m['params']['entry']['source'] in ('security', 'violation', 'javascript'):
                found.append(m['params']['entry']['text'])
        return found

#!/bin/sh
# Webhooks on the real server: what is sent, what each answer does to its job, endpoints that misbehave, and the ends that are not the endpoint's.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

mkdir "$T/end"
"$builddir/tests/system/endpoint" "$T/end" &
endpoint=$!
until_true 20 test -s "$T/end/port" || bail "the endpoint did not start"
at=http://127.0.0.1:$(cat "$T/end/port")

# Bytes that base64 writes with '+' and '/' too.
secret=whsec_$(printf '\373\377\276\000 secret of 24 byt\r\n\t' | base64)
printf '%s\n' "$secret" > "$T/secret"
cat > "$T/hooks.conf" <<END
worker_jobs = 250
handler keep { url = "$at/keep/SECRETPATH"  allow = {"127.0.0.1"}  secret_file = "$T/secret" }
handler echo { url = "$at/echo"  allow = {"127.0.0.0/8"} }
handler busy { url = "$at/status/503?retry-after=3600"  allow = {"127.0.0.1"} }
handler flaky { url = "$at/status/500"  allow = {"127.0.0.1"}  max_retries = 2  backoff_base = 10ms }
handler gone { url = "$at/status/410"  allow = {"127.0.0.1"} }
handler moved { url = "$at/redirect"  allow = {"127.0.0.1"} }
handler inside { url = "$at/keep" }
handler named { url = "http://localhost:$(cat "$T/end/port")/echo"  allow = {"localhost"} }
handler metadata { url = "http://169.254.169.254/latest/meta-data/" }
handler closed { url = "http://127.0.0.1:1/"  allow = {"127.0.0.1"}  max_retries = 0 }
handler nowhere { url = "http://no-such-host.invalid/"  max_retries = 0 }
handler short { url = "$at/short"  allow = {"127.0.0.1"}  max_retries = 1  backoff_base = 10ms }
handler reset { url = "$at/reset"  allow = {"127.0.0.1"}  max_retries = 1  backoff_base = 10ms }
handler huge { url = "$at/huge"  allow = {"127.0.0.1"}  max_output = 100K }
handler drip { url = "$at/drip"  allow = {"127.0.0.1"}  timeout = 300ms  max_retries = 0 }
handler never { url = "$at/never"  allow = {"127.0.0.1"}  timeout = 0 }
handler gather { url = "$at/gather/200"  allow = {"127.0.0.1"}  timeout = 2m }
END
add_conf < "$T/hooks.conf"
must_start

kept() { ls "$T/end" | grep -c 'request$'; }
request_field() { tr -d '\r' < "$T/end/$1.request" | sed -n "s/^$2: *//Ip"; } # NUMBER NAME

# What is sent.
submit keep '{"a":[1, 2],"b":"caf\u00e9"}' ',"trace":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"'
wait_final "$id"
is "an endpoint is called" "$state" succeeded
is "with the job's id" "$(request_field 1 stint-job-id)" "$id"
is "which is the idempotency key, too" "$(request_field 1 idempotency-key)" "$id"
is "the attempt" "$(request_field 1 stint-attempt)" 1
is "the trace" "$(request_field 1 traceparent)" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
is "and the type of the payload" "$(request_field 1 content-type)" application/json
is "which goes byte for byte" "$(sed '1,/^.$/d' "$T/end/1.request")" '{"a":[1, 2],"b":"caf\u00e9"}'
head -c 3000 /dev/urandom > "$T/raw"
request POST "/jobs?type=keep" --data-binary "@$T/raw" -H 'Content-Type: image/png'
wait_final "$(field id)"
is "a raw body goes with its own type" "$(request_field 2 content-type)" image/png
tail -c 3000 "$T/end/2.request" > "$T/raw.sent"
ok "and its own bytes" cmp -s "$T/raw" "$T/raw.sent"
submit echo '{"n":12345678901234567890123}'
wait_final "$id"
is "the answer is the result" "$(jq -c .result < "$T/body" | cut -c 1-8)" '{"n":123'
submit named 1
wait_final "$id"
is "a name in allow is enough" "$state" succeeded

# Signed as the specification has it: by its own library.
if npm install --silent --no-audit --no-fund --prefix "$T/npm" standardwebhooks > "$T/npm.out" 2>&1; then
	cat > "$T/npm/verify.js" <<'END'
const { Webhook } = require("standardwebhooks");
const whole = require("fs").readFileSync(process.argv[3]);
const end = whole.indexOf("\r\n\r\n");
const headers = Object.fromEntries(whole.subarray(0, end).toString().split("\r\n").slice(1).map(l => [l.slice(0, l.indexOf(":")).toLowerCase(), l.slice(l.indexOf(":") + 1).trim()]));
const body = whole.subarray(end + 4).toString();
const verify = (secret, body) => { try { new Webhook(secret).verify(body, headers); return "good"; } catch (e) { return e.message; } };
console.log(verify(process.argv[2], body), verify(process.argv[2], body + " "), verify("whsec_" + Buffer.from("another secret").toString("base64"), body));
END
	is "the signature is good, and for this body and secret alone" "$(node "$T/npm/verify.js" "$secret" "$T/end/1.request")" "good No matching signature found No matching signature found"
else
	n=$((n + 1))
	echo "ok $n - the signature is good, and for this body and secret alone # SKIP the npm package standardwebhooks cannot be had"
fi

# What the status decides.
submit busy 1
busy=$id
is_retrying() { [ "$(job_state "$1")" = retrying ]; }
ok "503 is retried" until_true 20 is_retrying "$busy"
is "when the endpoint says" "$(jq '((.run_at | sub("\\.[0-9]+Z"; "Z") | fromdate) - (.updated_at | sub("\\.[0-9]+Z"; "Z") | fromdate)) | . >= 3599 and . <= 3601' < "$T/body")" true
like "and the job says why" "$(field last_error)" '127\.0\.0\.1:[0-9]+ answered 503 Service Unavailable: \{"error": "as you asked"\}$'
submit flaky 1
wait_final "$id"
is "500 is retried to the end" "$state $(field attempts)" "dead 3"
submit gone 1
wait_final "$id"
is "410 is not" "$state $(field attempts)" "dead 1"
submit moved 1
wait_final "$id"
is "no redirect is followed" "$state $(field attempts)" "dead 1"
like "and the job says where it leads" "$(field last_error)" 'answered 302 Found: redirects are not followed, and it points to http://169\.254\.169\.254/'
before=$(kept)
for type in inside metadata; do
	submit $type 1
	wait_final "$id"
	is "$type: refused for good" "$state $(field attempts)" "dead 1"
	like "$type: and why" "$(field last_error)" 'refused to call (127\.0\.0\.1 \(loopback\)|169\.254\.169\.254 \(link-local\)).*allow'
done
is "nothing was sent" "$(kept)" "$before"
submit closed 1
wait_final "$id"
like "a closed port" "$state: $(field last_error)" '^dead: cannot connect to 127\.0\.0\.1:1: Connection refused$'
submit nowhere 1
wait_final "$id"
like "a host that is not there" "$state: $(field last_error)" '^dead: cannot look up no-such-host\.invalid: '

# Endpoints that misbehave.
for type in short reset; do
	submit $type 1
	wait_final "$id"
	is "$type: retried" "$state $(field attempts)" "dead 2"
done
like "short: ends before its length" "$(field last_error)" '127\.0\.0\.1:[0-9]+'
submit huge 1
wait_final "$id" 60
is "of 10 GB so much is kept" "$state $(field result_truncated) $(jq -r '.result | length' < "$T/body")" "succeeded true 102400"
sent_is_told() { [ -s "$T/end/sent" ]; }
ok "and no more is read than lay in between" until_true 10 sent_is_told
ok "which is little" test "$(cat "$T/end/sent")" -lt 100000000
submit drip 1
wait_final "$id"
is "a drip has the job's time, no more" "$state $(field last_error)" "dead timed out after 300ms"
like "its history says so" "$(events "$id")" 'timed_out'

# Hundreds at once: the endpoint answers none before all are there.
i=0
while [ $i -lt 200 ]; do echo '{"type":"gather"}'; i=$((i + 1)); done > "$T/lines"
request POST /jobs --data-binary "@$T/lines" -H 'Content-Type: application/x-ndjson'
last=$(tail -n 1 "$T/body" | jq -r .id)
wait_final "$last" 45
is "200 at once" "$state" succeeded

# Ends that are not the endpoint's.
submit never 1
ok "one that is never answered runs" until_true 20 is_running "$id"
request DELETE "/jobs/$id"
wait_final "$id"
is "until it is cancelled" "$state" cancelled
submit never 1
ok "another one" until_true 20 is_running "$id"
expect_log 'worker [0-9]+ \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'worker [0-9]+: the next one is started in'
kill -KILL "$(worker_of "$id")"
runs_again() { get "/jobs/$id" && [ "$(field attempts)" = 2 ] && [ "$(field state)" = running ]; }
ok "is run elsewhere when its worker is killed" until_true 20 runs_again
like "its history says so" "$(events "$id")" 'crashed'
ok "the server ends at once when told to" end_server INT 10
must_start
ok "it was given back, and runs again" until_true 20 is_running "$id"
like "its history says so" "$(events "$id")" 'released'
request DELETE "/jobs/$id"
request DELETE "/jobs/$busy"

# A secret that cannot be read is told before it is in force.
rm "$T/secret"
like "a missing secret is a mistake of the conf" "$("$stintd" -t -c "$T/stint.conf" 2>&1)" "stint\.conf:[0-9]+: handler keep: secret_file '.*/secret' cannot be read: No such file or directory"
is "no secret and no path of a webhook is in the log" "$(grep -cF -e SECRETPATH -e "$(printf '%s' "$secret" | cut -c 7-20)" "$T/log")" 0
submit echo 1
wait_final "$id"
loaded() { grep -ql libcurl "/proc/$1/maps"; }
ok "a worker that calls loads libcurl" loaded "$(worker_of "$id")"
is "the others do not" "$(for who in keeper acceptor; do loaded "$(pid_of $who)" && echo $who; done)" ""
kill "$endpoint"
finish

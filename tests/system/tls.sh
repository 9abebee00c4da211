#!/bin/sh
# TLS listeners: versions, long bodies both ways, connections that go on, the command `stint` by https, what is not TLS, a new certificate by reload, and certificates and keys that will not do.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/secure.sh" || exit 99

certificate one
certificate two
cp "$T/one.crt" "$T/server.crt"
cp "$T/one.key" "$T/server.key"
STINT_HTTP_TLS_CERTIFICATE=$T/server.crt STINT_HTTP_TLS_KEY=$T/server.key STINT_HTTP_MAX_BODY=4M STINT_HTTP_HEADER_TIMEOUT=1s
export STINT_HTTP_TLS_CERTIFICATE STINT_HTTP_TLS_KEY STINT_HTTP_MAX_BODY STINT_HTTP_HEADER_TIMEOUT
add_conf <<'END'
handler work { builtin = noop }
handler far { remote = true }
handler noop { builtin = noop }
END

must_start
url=https://127.0.0.1:$secure
tls() { curl -sS -m 20 --cacert "$T/$1.crt" -o "$T/body" -D "$T/header" -w '%{http_code}' "$url$2" 2> "$T/curl.err"; }

is "a request" "$(tls one /livez)" 200
is "a job" "$(curl -sS -m 20 --cacert "$T/one.crt" -d '{"type":"work"}' -o "$T/body" -w '%{http_code}' "$url/jobs")" 201
for v in 1.2 1.3; do
	is "TLS $v" "$(curl -sS -m 20 --cacert "$T/one.crt" "--tlsv$v" --tls-max $v -o /dev/null -w '%{http_code}' "$url/livez")" 200
done
ok "nothing older" sh -c "openssl s_client -connect 127.0.0.1:$secure -tls1_1 -cipher ALL:@SECLEVEL=0 < /dev/null 2>&1 | grep -q 'Cipher is (NONE)'"
is "HTTP/1.1 is agreed on" "$(openssl s_client -connect "127.0.0.1:$secure" -alpn h2,http/1.1 < /dev/null 2>/dev/null | grep '^ALPN protocol')" "ALPN protocol: http/1.1"

# Long ones, in both directions, and pieces that come late.
head -c 3000000 /dev/urandom > "$T/payload"
curl -sS -m 30 --cacert "$T/one.crt" --data-binary "@$T/payload" -o "$T/job" "$url/jobs?type=work&delay=1h"
id=$(jq -r .id < "$T/job")
curl -sS -m 30 --cacert "$T/one.crt" -o "$T/back" "$url/jobs/$id/payload"
ok "three megabytes there and back" cmp -s "$T/payload" "$T/back"
is "one connection for several" "$(curl -sS -m 20 --cacert "$T/one.crt" -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects} ' "$url/livez" "$url/stats" "$url/status")" "1 0 0 "
two=$({ printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'; sleep 2; } |
	openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$secure" 2>/dev/null | grep -c alive)
is "two requests in one record" "$two" 2
awk 'BEGIN { for (i = 0; i < 20000; i++) print "{\"type\":\"work\",\"delay\":\"1h\"}" }' > "$T/lines"
curl -sS -m 60 --cacert "$T/one.crt" -T "$T/lines" -X POST -H 'Content-Type: application/x-ndjson' -o "$T/answer" "$url/jobs"
is "twenty thousand lines" "$(grep -c '"scheduled"' "$T/answer")" 20000

# The command: whom it trusts, submissions, streams and work.
stint() { SSL_CERT_FILE=$T/$by.crt "$stint" "$@" 2> "$T/err"; }
by=one
stint submit --url "$url" --wait work > "$T/out"
is "stint submit --wait by https" "$?" 0
id=$(stint submit --url "$url" work)
stint show --url "$url" "$id" > "$T/out"
like "stint show" "$(cat "$T/out")" "$id"
by=two
stint show --url "$url" "$id" > "$T/out"
is "an authority that is not known" "$?" 69
like "says so, and what to do" "$(cat "$T/err")" 'self-signed certificate.*SSL_CERT_FILE'
by=one
stint show --url "https://localhost:$secure" "$id" > "$T/out"
is "another name" "$?" 69
like "says so" "$(cat "$T/err")" 'ostname mismatch'
stint show --url "https://127.0.0.1:$port" "$id" > "$T/out"
is "https where there is none" "$?" 69
like "says what is wrong" "$(cat "$T/err")" 'does not speak TLS at this port'
stint show --url "http://127.0.0.1:$secure" "$id" > "$T/out"
is "http where there is none" "$?" 69
like "says what may be meant" "$(cat "$T/err")" 'https://'
stint bench submit --url "$url" --connections 4 --jobs 200 --json > "$T/out"
is "stint bench submit by https" "$? $(jq -c '[.jobs, .errors, .connections]' < "$T/out")" "0 [200,0,4]"
stint bench latency --url "$url" --jobs 5 --json > "$T/out"
is "and latency" "$? $(jq .jobs < "$T/out")" "0 5"
by=two
stint bench submit --url "$url" --jobs 1 > "$T/out"
is "an authority that it does not know" "$?" 69
like "is told" "$(cat "$T/err")" 'self-signed certificate.*SSL_CERT_FILE'
by=one
stint bench submit --url "https://127.0.0.1:$port" --jobs 1 > "$T/out"
is "https where there is none" "$?" 69
like "is told as well" "$(cat "$T/err")" 'does not speak TLS at this port'
SSL_CERT_FILE=$T/one.crt "$stint" work --url "$url" --type far -- /bin/sh -c 'cat; echo a line of the log >&2' 2> "$T/work.log" &
work=$!
id=$(stint submit --url "$url" far '"by https"')
stint show --url "$url" "$id" --follow > "$T/out"
is "stint work by https, followed by stint show" "$?" 0
like "what it wrote" "$(cat "$T/out")" 'a line of the log'
curl -sS -m 10 -o "$T/body" "http://127.0.0.1:$port/jobs/$id"
is "and its end" "$(field state)" succeeded
kill -TERM $work
wait $work
is "and it ends" "$?" 0

# What is not TLS, and what never comes to its end.
is "plain HTTP is no TLS" "$(curl -sS -m 10 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$secure/livez" 2>/dev/null)" 000
head -c 2000 /dev/urandom | curl -sS -m 10 "telnet://127.0.0.1:$secure" > /dev/null 2>&1
sleep 3 | curl -sS -m 10 "telnet://127.0.0.1:$secure" > /dev/null 2>&1
code=$?
ok "a handshake that does not come is ended" test $code -ne 28
is "nobody else is disturbed" "$(tls one /livez)" 200
curl -sS -m 10 -o "$T/body" "http://127.0.0.1:$port/livez"
is "the plain listener too" "$(field status)" alive

# A new certificate.
cp "$T/two.crt" "$T/server.crt"
cp "$T/two.key" "$T/server.key"
kill -HUP "$server"
renewed() { [ "$(tls two /livez)" = 200 ]; }
ok "a reload takes the new certificate" until_true 10 renewed
is "the old one is no more" "$(tls one /livez)" 000
cp "$T/one.key" "$T/server.key"
mark_log
kill -HUP "$server"
refused() { since_mark | grep -q 'tls_key is not the key of tls_certificate'; }
ok "a key of another certificate is refused by name" until_true 10 refused
expect_log 'tls_key is not the key of tls_certificate'
expect_log 'reload'
expect_log 'acceptor .* exited with code 2'
expect_log 'its generation is given up'
is "and all goes on" "$(tls two /livez)" 200
"$stintd" -t -c "$T/stint.conf" > "$T/test" 2>&1
code=$?
is "-t says so too" "$code $(grep -c 'tls_key is not the key' "$T/test")" "78 1"
echo nothing > "$T/server.crt"
"$stintd" -t -c "$T/stint.conf" > "$T/test" 2>&1
like "no certificate" "$(cat "$T/test")" 'there is no certificate in tls_certificate'
rm "$T/server.crt"
"$stintd" -t -c "$T/stint.conf" > "$T/test" 2>&1
code=$?
is "a file that is not there" "$code $(grep -c 'cannot be read: No such file' "$T/test")" "78 1"
# Whole again, for who checks the store by this conf.
cp "$T/two.crt" "$T/server.crt"
cp "$T/two.key" "$T/server.key"
url=http://127.0.0.1:$port
finish

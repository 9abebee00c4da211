#!/bin/sh
# HTTP against the real server: what curl says, what nobody should say, and connections through a reload, a dead acceptor and a stop.
. "$srcdir/tests/system/lib.sh"

STINT_HTTP_HEADER_TIMEOUT=1s STINT_HTTP_MAX_BODY=100K
export STINT_HTTP_HEADER_TIMEOUT STINT_HTTP_MAX_BODY
add_conf <<'END'
handler hello { builtin = noop }
END
must_start

# Sends standard input as it stands; what comes back is in $T/raw.
raw() { curl -sS -m 20 "telnet://127.0.0.1:$port" > "$T/raw" 2> "$T/curl.err"; }
statuses() { grep -ao 'HTTP/1\.1 [0-9]*' "$T/raw" | cut -d' ' -f2 | tr '\n' ' '; }

# --- what curl does ---

post /jobs '{"type":"hello"}' -H 'Transfer-Encoding: chunked'
is "a chunked body" "$status" 201
is "an answer says what it is" "$(header Content-Type), $(header X-Content-Type-Options), $(header Cache-Control)" "application/json, nosniff, no-store"
id=$(field id)
is "HEAD has the length of GET" "$(curl -sSI "$url/jobs/$id/history" | tr -d '\r' | sed -n 's/^Content-Length: //p')" "$(curl -sS "$url/jobs/$id/history" | wc -c | tr -d ' ')"
head -c 60000 /dev/zero | tr '\0' 'a' > "$T/large"
request POST '/jobs?type=hello' --data-binary "@$T/large" -H 'Expect: 100-continue' -H 'Content-Type: text/plain'
is "a large body that waits for 100" "$status" 201
get "/jobs/$(field id)/payload"
ok "came as it was" cmp -s "$T/body" "$T/large"
head -c 3000000 /dev/zero > "$T/huge"
request POST /jobs --data-binary "@$T/huge" -H 'Expect:' -H 'Content-Type: application/json'
is "a body over max_body" "$status" 413
is "is answered with a problem" "$(header Content-Type) $(field status)" "application/problem+json 413"
request POST /jobs --data-binary "@$T/huge" -H 'Expect:' -H 'Content-Type: application/json' -H 'Transfer-Encoding: chunked'
is "a chunked one too" "$status" 413
get /stats -H 'Host: evil.example'
is "somebody else's Host" "$status" 421
post /jobs '{"type":"hello"}' -H 'Origin: http://evil.example'
is "a page of somebody else" "$status" 403
get '/schedules/x/run?x=1'
is "a method that a path does not take" "$status $(header Allow)" "405 POST"
get "/jobs/$id?wiat=1s"
is "a query name that is not known" "$status $(field field)" "400 wiat"
is "several requests on one connection" "$(curl -sS -o "$T/body" -w '%{num_connects} ' "$url/livez" -o "$T/body" "$url/stats" -o "$T/body" "$url/nothing")" "1 0 0 "

# --- what nobody should do ---

printf 'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n' | raw
is "two framings are one 400 and the end" "$(statuses)" "400 "
printf 'GET /livez HTTP/1.1\nHost: localhost\n\n' | raw
is "lines that end in LF alone" "$(statuses)" "400 "
printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' | raw
is "pipelined requests" "$(statuses)" "200 200 "
{ printf 'GET /livez HTTP/1.1\r\nHost: loc'; sleep 3; } | raw
is "a head that does not come" "$(statuses)" "408 "

# --- connections through changes ---

in_force() { since_mark | grep -q 'is in force'; }
curl -sS -m 60 -o "$T/body" -w '%{http_code}\n' "$url/livez?[1-1000]" > "$T/refused" 2>&1
curl -sS -m 60 -o "$T/body" -w '%{http_code}\n' "$url/jobs/[1-1000]" > "$T/codes" 2> "$T/curl.err" &
client=$!
for _ in 1 2 3; do
	mark_log
	kill -HUP "$server"
	until_true 10 in_force || fail "the reload came through"
done
wait "$client"
is "a query name where none is known" "$(sort -u "$T/refused")" 400
is "no request is lost in a reload" "$(sort "$T/codes" | uniq -c | tr -s ' ')" " 1000 404"

expect_log 'acceptor.*(killed|signal|died|SIGKILL)'
acceptor=$(for p in $(left_over); do tr '\0' ' ' < "/proc/$p/cmdline" | grep -q 'acceptor' && echo "$p"; done | head -n 1)
kill -KILL "$acceptor"
ok "another acceptor takes the place of one that was killed" until_true 10 is_ready
submit hello '{}'
is "and jobs are taken" "$status" 201

submit hello '{}' ',"delay":"1h"'
curl -sS -m 45 -o "$T/waited" -w '%{http_code}' "$url/jobs/$id?wait=40s" > "$T/codes" 2> "$T/curl.err" &
client=$!
two_open() { [ "$(curl -sS "$url/metrics" | sed -n 's/^stint_http_connections_open //p')" = 2 ]; }
ok "a client waits" until_true 10 two_open
ok "the server ends with a client that waits" end_server TERM 20
wait "$client"
is "which has its answer" "$(cat "$T/codes") $(jq -r .state "$T/waited")" "200 scheduled"

finish

#!/bin/sh
# NDJSON of any length on the real server: longer than max_body as a whole, in order, each accepted line durable through the death of everybody, bounded in memory, and slow.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

STINT_HTTP_MAX_BODY=64K STINT_STORE_MAX_QUEUED=0
export STINT_HTTP_MAX_BODY STINT_STORE_MAX_QUEUED
add_conf <<'END'
handler work { builtin = noop }
END
expect_log 'acceptor'
expect_log 'keeper'
must_start

lines() { awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) printf "{\"type\":\"work\",\"delay\":\"1h\",\"name\":\"n%d\",\"payload\":{\"n\":%d}}\n", i, i }'; }
send() { curl -sS -m 120 -N -T . -X POST -H 'Content-Type: application/x-ndjson' -o "$T/answer" -w '%{http_code}' "$@" "$url/jobs" 2> "$T/curl.err"; }

lines 20000 > "$T/lines"
ok "it is longer than a body may be" test "$(wc -c < "$T/lines")" -gt 1000000
is "chunked" "$(send < "$T/lines")" 200
is "a line an answer" "$(wc -l < "$T/answer" | tr -d ' ')" 20000
is "all of them accepted" "$(grep -c '"state":"scheduled"' "$T/answer")" 20000
get "/jobs/$(sed -n 19999p "$T/answer" | jq -r .id)"
is "in order" "$(field name)" n19999
get /stats
is "nothing else is there" "$(field scheduled)" 20000
is "where it is the last of its connection, as behind many a proxy" "$(send -H 'Connection: close' < "$T/lines") $(wc -l < "$T/answer" | tr -d ' ')" "200 20000"
lines 2000 > "$T/lines"
is "with a length" "$(curl -sS -m 60 -T "$T/lines" -X POST -H 'Content-Type: application/x-ndjson' -o "$T/answer" -w '%{http_code} %{num_connects} ' "$url/jobs" --next -sS -o "$T/second" -w '%{http_code} %{num_connects}' "$url/livez")" "200 1 200 0"
is "and the connection goes on" "$(wc -l < "$T/answer" | tr -d ' ') $(jq -r .status < "$T/second")" "2000 alive"

{
	lines 2
	printf '\n   \n{"type":"nobody"}\n{bad\n'
	head -c 100000 /dev/zero | tr '\0' ' '
	printf '\n{"type":"work"}'
} > "$T/mixed"
is "mistakes stand in their places" "$(send < "$T/mixed") $(jq -r '.status // .state' < "$T/answer" | tr '\n' ' ')" "200 scheduled scheduled 422 400 413 queued "
is "with their lines" "$(jq -r 'select(.line) | .line' < "$T/answer" | tr '\n' ' ')" "5 6 7 "
is "an empty one" "$(send < /dev/null) $(wc -c < "$T/answer" | tr -d ' ')" "200 0"

# A client that waits for each answer before it sends the next line. By hand: curl looks at the answer when it has sent everything.
mkfifo "$T/slow"
curl -sS -N -m 60 "telnet://127.0.0.1:$port" < "$T/slow" > "$T/answer" 2> "$T/curl.err" &
sender=$!
exec 5> "$T/slow"
printf 'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n' >&5
for i in 1 2 3; do
	printf '10\r\n{"type":"work"}\n\r\n' >&5
	answered() { [ "$(grep -c '"state":"queued"' "$T/answer")" = "$i" ]; }
	ok "line $i is answered while the request goes on" until_true 10 answered
done
printf '0\r\n\r\n' >&5
whole() { [ "$(tail -n 2 "$T/answer" | tr -d '\r\n')" = 0 ]; }
ok "and it ends" until_true 10 whole
exec 5>&-
wait "$sender"

# Whatever is killed: what was answered is there.
for victim in acceptor keeper; do
	rm -f "$T/answer"
	lines 60000 | send > "$T/code" &
	sender=$!
	some() { [ -s "$T/answer" ] && [ "$(wc -l < "$T/answer")" -gt 2000 ]; }
	ok "thousands are answered" until_true 20 some
	kill -9 "$(pid_of $victim)"
	wait "$sender"
	ready() { get /readyz; [ "$status" = 200 ]; }
	until_true 20 ready
	head -c -1 "$T/answer" | grep '"state":"scheduled"}$' | jq -r .id 2>/dev/null > "$T/ids"
	note "$victim killed after $(wc -l < "$T/ids") answers"
	lost=0
	for id in $(head -n 300 "$T/ids") $(tail -n 300 "$T/ids"); do
		get "/jobs/$id"
		[ "$status" = 200 ] || lost=$((lost + 1))
	done
	is "the $victim's death loses none that was answered" $lost 0
done
finish

#!/bin/sh
# The first thing that a new user does: the README's curl line, on the sample conf, with only places overridden by the environment.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

readme_line=$(grep -m1 -F "curl -d '{\"type\":\"print\"" "$srcdir/README.md")
like "the README has its line" "$readme_line" '^curl .*http://127\.0\.0\.1:8080/jobs$'

STINT_STORE_PATH=$T/store STINT_RUN_DIR=$T/run STINT_PID_FILE=$T/run/stintd.pid STINT_LOG=$T/log STINT_USER="" STINT_GROUP="" STINT_STORE_MIN_FREE=1M
export STINT_STORE_PATH STINT_RUN_DIR STINT_PID_FILE STINT_LOG STINT_USER STINT_GROUP STINT_STORE_MIN_FREE
conf=$srcdir/conf/stint.conf

"$stintd" -t -c "$conf" > "$T/out" 2>&1
is "the sample conf passes -t" $? 0

for _ in 1 2 3 4 5 6 7 8; do
	port=$(random_port)
	url=http://127.0.0.1:$port
	STINT_HTTP_LISTEN=127.0.0.1:$port "$stintd" -c "$conf" > "$T/start.out" 2>&1
	start_status=$?
	port_was_taken "$start_status" || break
done
is "the server starts" "$start_status" 0
[ "$start_status" -eq 0 ] || { sed 's/^/# /' "$T/start.out"; finish; }
server=$(cat "$T/run/stintd.pid")

line=$(printf '%s\n' "$readme_line" | sed "s|http://127.0.0.1:8080|$url|")
sh -c "$line -sS -m 30 -i -o '$T/answer'"
tr -d '\r' < "$T/answer" | sed '1,/^$/d' > "$T/body"
like "the line is answered with 201" "$(head -n 1 "$T/answer")" '^HTTP/1.1 201 '
id=$(field id)
like "with an id (UUIDv7)" "$id" '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'
like "and a place to look" "$(tr -d '\r' < "$T/answer")" "^Location: /jobs/$id\$"
wait_final "$id"
is "the job succeeds" "$state" succeeded
is "in one attempt" "$(field attempts)" 1
printed() { grep -q hello "$T/log"; }
ok "what it printed is in the log" until_true 5 printed

get "/jobs/$id/history"
is "its history" "$(jq -r '[.history[].event] | join(" ")' < "$T/body")" "queued claimed started succeeded"
get "/jobs/$id/payload"
is "its payload, as sent" "$(cat "$T/body")" '"hello"'

submit sleep '{"ms":10}'
wait_final "$id"
is "sleep: succeeds" "$state" succeeded
submit noop null
wait_final "$id"
is "noop: succeeds" "$state" succeeded
submit fail null ',"max_retries":0'
wait_final "$id"
is "fail: is dead" "$state" dead
submit nosuchtype null
is "a type without a handler is refused" "$status" 422
like "by its name" "$(field detail)" nosuchtype

measured() { get /stats; [ "$(jq '[.processes[].rss_kb > 0] | length == 5 and all' < "$T/body")" = true ]; }
ok "each process says what memory it has" until_true 10 measured
for page in /status /stats /status.json /metrics /livez /readyz /health; do
	get $page
	is "$page" "$status" 200
done
finish

#!/bin/sh
# GET /jobs on the real server: pages over many jobs, filters, the order of each state, and pages that go on while jobs end.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

add_conf <<'END'
handler work { builtin = noop }
handler bad { builtin = fail  max_retries = 0 }
END
must_start

request POST /queues/still/pause
is "a queue is paused" "$status" 200
awk 'BEGIN { for (i = 0; i < 1500; i++) printf "{\"type\":\"work\",\"queue\":\"still\",\"priority\":%d,\"name\":\"n%d\",\"tags\":[\"t%d\"]}\n", i % 3, i, i % 10 }' > "$T/lines"
request POST /jobs --data-binary "@$T/lines" -H 'Content-Type: application/x-ndjson'
is "1,500 jobs wait" "$(grep -c '"queued"' "$T/body")" 1500

# Every page of a listing: the ids, in order.
pages() { # QUERY
	cursor=
	while :; do
		get "/jobs?$1${cursor:+&cursor=$cursor}"
		[ "$status" = 200 ] || { echo "status $status"; return; }
		jq -r '.jobs[].id' < "$T/body"
		cursor=$(jq -r '.cursor // empty' < "$T/body")
		[ -n "$cursor" ] || return
	done
}
pages 'limit=400' > "$T/all"
is "all of them, each once" "$(sort -u "$T/all" | wc -l) $(wc -l < "$T/all")" "1500 1500"
is "newest first" "$(sort -r "$T/all" | cmp - "$T/all" && echo same)" same
get '/jobs'
is "fifty where nothing is said" "$(jq '.jobs | length' < "$T/body")" 50
pages 'state=queued&queue=still&tag=t3&limit=37' > "$T/tagged"
is "by tag" "$(wc -l < "$T/tagged" | tr -d ' ')" 150
get '/jobs?state=queued&limit=3'
is "next to run first" "$(jq -r '.jobs[] | "\(.priority) \(.name)"' < "$T/body" | tr '\n' ' ')" "2 n2 2 n5 2 n8 "
get '/jobs?q=N1499'
is "by a part of the name" "$(jq -r '.jobs[].name' < "$T/body")" n1499

for i in 1 2 3; do
	submit bad "$i"
	echo "$id" >> "$T/bad"
done
dead() { get /stats; [ "$(field dead)" = 3 ]; }
ok "three die" until_true 10 dead
tac "$T/bad" > "$T/wanted"
pages 'state=dead' > "$T/dead"
is "last ended first" "$(sort "$T/dead" | tr '\n' ' ')" "$(sort "$T/wanted" | tr '\n' ' ')"
get '/jobs?state=dead&q=nothing+like+it'
is "by the text of the error" "$(jq '.jobs | length' < "$T/body")" 0

# They end while somebody turns the pages: nobody is given twice.
get '/jobs?queue=still&limit=100'
cursor=$(jq -r .cursor < "$T/body")
jq -r '.jobs[].id' < "$T/body" > "$T/turned"
request POST /queues/still/resume
while [ -n "$cursor" ]; do
	get "/jobs?queue=still&limit=100&cursor=$cursor"
	jq -r '.jobs[].id' < "$T/body" >> "$T/turned"
	cursor=$(jq -r '.cursor // empty' < "$T/body")
done
is "each once, while they end" "$(sort -u "$T/turned" | wc -l) $(wc -l < "$T/turned")" "1500 1500"

get '/jobs?state=over'
is "a state that there is not" "$status $(field field)" "400 state"
get '/jobs?limit=1001'
is "more than a page may have" "$status $(field field)" "400 limit"
get '/jobs?colour=red'
is "an unknown parameter" "$status" 400
request PUT /jobs -d x
is "a wrong method" "$status" 405
finish

#!/bin/sh
# `stint export` of a running server and of a store at rest; `stint import` into another store, and into a running server: what comes out of that is the same, and a server goes on with it.
. "${srcdir:-.}/tests/system/lib.sh"
. "${srcdir:-.}/tests/system/children.sh"

add_conf <<'END'
handler noop { builtin = noop }
handler fail { builtin = fail max_retries = 0 }
handler print { builtin = print }
handler slow { builtin = sleep }
END

must_start
head -c 1048576 /dev/urandom > "$T/binary"
request POST '/jobs?type=slow&delay=1h' --data-binary "@$T/binary" -H 'Content-Type: application/octet-stream'
is "a binary payload of 1 MiB" "$status" 201
binary=$(field id)
{ printf '{"text":"'; head -c 1000000 /dev/zero | tr '\0' x; printf '"}'; } > "$T/json"
"$stint" submit slow "@$T/json" --delay 1h --url "$url" > "$T/id" 2> "$T/err"
is "a JSON payload of 1 MB" "$? $(cat "$T/err")" "0 "
submit slow '{"ms":1}' ',"delay":"1h","name":"Übung 💩","tags":["ä","b"],"unique_key":"u","key":"k","priority":7'
is "with a name of many letters" "$status" 201
post /jobs '[1,
2]'
post /jobs '{"type":"slow","delay":"2h","payload":[1,
2]}' -H 'Idempotency-Key: once'
is "a payload of two lines" "$status" 201
twoline=$(field id)
for i in 1 2 3 4 5; do submit noop "$i"; submit print '"said"'; submit fail null; done
wait_final "$id"
submit slow '{"ms":1}' ',"delay":"3h"'
parent=$id
submit slow '{"ms":1}' ",\"depends_on\":[\"$parent\"]"
child=$id
post /queues/halted/pause ''
settled() { get /stats; [ "$(field succeeded)$(field dead)" = 105 ]; }
ok "what runs has ended" until_true 30 settled

# --- out ---
export_to() { "$stint" export -c "$T/stint.conf" "$@" > "$T/out" 2> "$T/err"; code=$?; }
import_from() { "$stint" import -c "$T/other.conf" "$@" > "$T/out" 2> "$T/err"; code=$?; }
export_to "$T/live"
is "of a running server" "$code $(cat "$T/err" "$T/out")" "0 $T/live: 21 jobs"
export_to "$T/live"
is "to a file that is there" "$code $(cat "$T/err")" "73 stint: cannot make $T/live: File exists; an export is a new file"
expect_log "the master is gone"
ok "the server ends" end_server
server=
"$stint" export -c "$T/stint.conf" - > "$T/rest" 2> "$T/err"
is "of a store at rest, to standard output" "$? $(cat "$T/err")" "0 "
body_of() { grep -v '^{"kind":"stint-export"' "$1"; }
is "the same of both" "$(body_of "$T/rest" | cksum)" "$(body_of "$T/live" | cksum)"
ok "every line is JSON" jq -e . "$T/rest"

# --- in ---
sed "s|$T/store|$T/other|; s|$T/run|$T/run2|g" "$T/stint.conf" > "$T/other.conf"
import_from "$T/rest"
is "where there is no store: exit code" $code 66
mkdir -m 750 "$T/other"
import_from "$T/rest"
is "into an empty directory" "$code $(cat "$T/err" "$T/out")" "0 21 jobs, 0 were there already, 0 lines were refused"
is "what comes out is what went in" "$("$stint" export -c "$T/other.conf" - | grep -v '^{"kind":"stint-export"' | cksum)" "$(body_of "$T/rest" | cksum)"
"$stint" check -c "$T/other.conf" > "$T/out" 2>&1
is "it is sound" "$? $(sed 's/:.*//' "$T/out")" "0 sound"
import_from --json - < "$T/rest"
is "again: all is there" "$code $(jq -c . < "$T/out")" '0 {"jobs":0,"there":21,"refused":0}'

# --- damaged files ---
sed 's/"state":"dead"/"state":"undead"/; s/"type":"print"/"tipe":"print"/' "$T/rest" > "$T/bad"
mkdir -m 750 "$T/third"
sed "s|$T/other|$T/third|" "$T/other.conf" > "$T/third.conf"
"$stint" import -c "$T/third.conf" "$T/bad" > "$T/out" 2> "$T/err"
is "lines that are wrong: the others are taken" "$? $(cat "$T/out")" "65 11 jobs, 0 were there already, 10 lines were refused"
like "lines that are wrong: line, member and what would be right" "$(cat "$T/err")" "^stint: $T/bad:[0-9]+: state: it must be a state: scheduled, "
"$stint" import -c "$T/third.conf" "$T/rest" > "$T/out" 2> "$T/err"
is "the whole file afterwards brings the rest" "$? $(cat "$T/out")" "0 10 jobs, 11 were there already, 0 lines were refused"
head -n 5 "$T/rest" > "$T/cut"
import_from "$T/cut"
is "a file that is cut" "$code $(cat "$T/err")" "65 stint: $T/cut ends without its last line: it is not whole; what it has was imported"
echo '{"a":1}' > "$T/no"
import_from "$T/no"
is "no export" "$code $(cat "$T/err")" "65 stint: $T/no is no export: its first line must be of the kind stint-export"
: > "$T/empty"
import_from "$T/empty"
is "an empty file" "$code $(cat "$T/err")" "65 stint: $T/empty is empty: no export"
import_from "$T/nowhere"
is "no file" $code 66

# --- a server goes on with it ---
sed -i "s|path = \"$T/store\"|path = \"$T/other\"|" "$T/base.conf"
must_start
import_from -c "$T/stint.conf" "$T/rest"
is "where a server runs: into that" "$code $(cat "$T/err" "$T/out")" "0 0 jobs, 21 were there already, 0 lines were refused"
get "/jobs/$binary/payload"
ok "the binary payload" cmp -s "$T/binary" "$T/body"
get "/jobs/$(cat "$T/id")/payload"
ok "the JSON payload" cmp -s "$T/json" "$T/body"
get "/jobs/$twoline/payload"
is "the payload of two lines" "$(cat "$T/body")" "[1,
2]"
post /jobs '{"type":"slow","delay":"2h","payload":[1,
2]}' -H 'Idempotency-Key: once'
is "its idempotency key is known" "$status $(field id)" "200 $twoline"
get "/jobs/$id/history"
is "a history" "$(jq -r '.history | length > 0' < "$T/body")" true
post "/jobs/$parent/run-now" ''
wait_final "$child"
is "a child waits for its parent, and runs" "$state" succeeded
events "$child" > "$T/history"
get /queues/halted
is "a queue is paused" "$(field paused)" true

# --- into a running server ---
post /queues/later/pause ''
i=0
while [ $i -lt 3000 ]; do
	echo "{\"type\":\"noop\",\"queue\":\"later\",\"payload\":$i}"
	i=$((i + 1))
done > "$T/many"
request POST /jobs --data-binary "@$T/many" -H 'Content-Type: application/x-ndjson'
export_to "$T/all"
is "an export of 3,021 jobs" "$code $(cat "$T/err" "$T/out")" "0 $T/all: 3,021 jobs"
grep -v '^{"kind":"queue"' "$T/all" > "$T/awake"
ok "the server ends" end_server
mkdir -m 750 "$T/fresh"
sed -i "s|path = \"$T/other\"|path = \"$T/fresh\"|" "$T/base.conf"
must_start
slow=
for i in 1 2 3; do submit slow '{"ms":3600000}' ',"timeout":"2h"'; slow="$slow $id"; done
ok "jobs run" until_true 30 is_running "$id"
grep -v '"queue":"later"' "$T/awake" | sed 's/"state":"dead"/"state":"undead"/; s/"type":"print"/"tipe":"print"/' > "$T/bad"
import_from -c "$T/stint.conf" "$T/bad"
is "lines that are wrong: the others are taken" "$code $(cat "$T/out")" "65 11 jobs, 0 were there already, 10 lines were refused"
like "lines that are wrong: line, member and what would be right" "$(cat "$T/err")" "^stint: $T/bad:[0-9]+: state: it must be a state: scheduled, "
{
	head -n 1 "$T/rest"
	grep "\"id\":\"$child\"" "$T/rest" | sed 's/"id":"[0-9a-f]*/"id":"00000000/; s/"waits_for":\["[0-9a-f]*/"waits_for":["00000000/; s/"depends_on":\["[0-9a-f]*/"depends_on":["00000000/'
	tail -n 1 "$T/rest"
} > "$T/orphan"
import_from -c "$T/stint.conf" "$T/orphan"
is "a line that only the store can refuse" "$code $(cat "$T/err" "$T/out")" "65 stint: $T/orphan:2: waits_for: a job that it waits for is not there
0 jobs, 0 were there already, 1 lines were refused"
import_from -c "$T/stint.conf" "$T/bad" --url "http://127.0.0.1:1"
is "a server that is not there" $code 69

# the keeper is killed twice in the middle of it
"$stint" import --url "$url" --json "$T/awake" > "$T/out" 2> "$T/err" &
importer=$!
more_than() { get /queues/later; [ "$(jq -r '[.counts[]] | add // 0' < "$T/body" 2> /dev/null || echo 0)" -gt "$1" ]; }
expect_log 'keeper'
for n_more in 100 1500; do
	ok "more than $n_more are there" until_true 60 more_than $n_more
	old=$(pid_of keeper)
	kill -KILL "$old"
	ok "a keeper that is killed is replaced" until_true 30 replaced keeper "$old"
done
wait $importer
is "it goes on: exit code" "$? $(cat "$T/err")" "0 "
import_from --json -c "$T/stint.conf" "$T/awake"
is "again: all is there" "$code $(jq -c . < "$T/out")" '0 {"jobs":0,"there":3021,"refused":0}'
counts() { get "/queues/$1"; jq -r '[.counts.queued, .counts.running, .counts.succeeded] | join(" ")' < "$T/body"; }
ran() { [ "$(counts later)" = "0 0 3000" ]; }
ok "what was queued runs at once, and nothing is doubled" until_true 60 ran
is "what runs goes on meanwhile" "$(counts default | cut -d' ' -f2)" 3
for id in $slow; do request DELETE "/jobs/$id"; done
get "/jobs/$binary/payload"
ok "the binary payload" cmp -s "$T/binary" "$T/body"
get "/jobs/$(cat "$T/id")/payload"
ok "the JSON payload" cmp -s "$T/json" "$T/body"
get "/jobs/$child"
is "a final job is as it was" "$status $(field state)" "200 succeeded"
is "and so is its history" "$(events "$child")" "$(cat "$T/history")"
post /jobs '{"type":"slow","delay":"2h","payload":[1,
2]}' -H 'Idempotency-Key: once'
is "an idempotency key is known" "$status $(field id)" "200 $twoline"
post "/jobs/$(jq -r 'select(.name == "Übung 💩").id' < "$T/awake")/run-now" ''
wait_final "$(field id)"
is "a scheduled one runs when it is due" "$state" succeeded
request POST /import --data-binary '{}' -H 'Content-Type: application/json'
is "an import of another kind" "$status" 415
finish

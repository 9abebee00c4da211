#!/bin/sh
# `stint export` of a running server and of a store at rest; `stint import` into another store: what comes out of that is the same, and a server goes on with it.
. "${srcdir:-.}/tests/system/lib.sh"

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
is "while a server runs: exit code" $code 69
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
get /queues/halted
is "a queue is paused" "$(field paused)" true
finish

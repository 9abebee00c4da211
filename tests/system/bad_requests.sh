#!/bin/sh
# What is not a job, in every way that somebody may come up with: refused with a status, the field at fault, and words that say what would be right. Nothing of it is stored.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/measure.sh" || exit 99

add_conf <<'STOP'
handler noop { builtin = noop }
STOP
must_start
keep_fds

n_bad=0
bad() { # STATUS FIELD REGEX BODY [HEADER]
	want=$1
	at=$2
	words=$3
	text=$4
	shift 4
	n_bad=$((n_bad + 1))
	request POST /jobs --data-binary "$text" -H "${1:-Content-Type: application/json}"
	short=$(printf '%.60s' "$text" | tr -d '\n' | tr '\\' '/')
	is "$short" "$status $(jq -r '.field // ""' < "$T/body")" "$want $at"
	like "... and why" "$(field detail)" "$words"
}

# --- not JSON ---
bad 400 '' 'empty' ''
bad 400 '' 'line 1, column 2: ' '{'
bad 400 '' 'JSON object' 'null'
bad 400 '' 'JSON object' '"noop"'
bad 400 '' 'line 1, column 16: .*follows' '{"type":"noop"}x'
bad 400 '' 'line 2, column 1: .*follows' '{"type":"noop"}
{"type":"noop"}'
bad 400 '' 'line 1, column 16: .*member name' '{"type":"noop",}'
bad 400 '' 'line 1, column 2: .*double quotes' "{'type':'noop'}"
bad 400 '' 'line 1, column 15: .*comma' '{"type":"noop"/**/}'
bad 400 '' 'leading zero' '{"type":"noop","payload":01}'
bad 400 '' 'line 1, column 26: ' '{"type":"noop","payload":NaN}'
bad 400 '' 'nested too deeply' "$(printf '{"type":"noop","payload":%0500d' 0 | tr 0 '[')"
bad 400 '' 'invalid UTF-8' "$(printf '{"type":"no\303("}')"
bad 400 '' 'control character' "$(printf '{"type":"a\tb"}')"
bad 400 '' 'inside a string' '{"type":"noop","payload":"'
bad 400 type 'twice' '{"type":"noop","type":"noop"}'
bad 400 type 'U\+0000' '{"type":"a\u0000b"}'
bad 400 type 'missing' '{}'

# --- types and ranges ---
with() { # FIELD REGEX MEMBERS
	bad 400 "$1" "$2" "{\"type\":\"noop\",$3}"
}
bad 400 type 'string of 1 to 128' '{"type":1}'
bad 400 type 'string of 1 to 128' '{"type":""}'
bad 400 type 'letters' '{"type":"a b"}'
bad 422 type '"nothere".*handler' '{"type":"nothere"}'
with name 'string of 0 to 256' '"name":1'
with name '257 bytes.*256' "\"name\":\"$(printf '%0257d' 0)\""
with queue 'string of 1 to 128' '"queue":""'
with queue 'control' '"queue":"a\nb"'
with priority '-32768 to 32767, not 32768' '"priority":32768'
with priority '-32768 to 32767, not 1.5' '"priority":1.5'
with priority '-32768 to 32767, not "1"' '"priority":"1"'
with priority '64 bits' '"priority":99999999999999999999'
with max_retries '0 to 1000, not -1' '"max_retries":-1'
with timeout '3650d.*"30s".*not "soon"' '"timeout":"soon"'
with timeout 'not -1' '"timeout":-1'
with timeout 'not "3651d"' '"timeout":"3651d"'
with delay 'not "1h30m"' '"delay":"1h30m"'
with run_at 'RFC 3339.*not "2026-02-30T00:00:00Z"' '"run_at":"2026-02-30T00:00:00Z"'
with run_at 'RFC 3339' '"run_at":"2026-01-01T00:00:00"'
with delay 'only one' '"run_at":"2030-01-01T00:00:00Z","delay":5'
with expires_in 'longer than 0' '"expires_in":0'
with backoff '"base", "factor", "max" and "jitter"' '"backoff":1'
with backoff.factor '1 to 1000' '"backoff":{"factor":0.5}'
with backoff.jitter '0 to 100' '"backoff":{"jitter":"25%"}'
with backoff.bas 'no member "bas"' '"backoff":{"bas":1}'
with backoff 'must not be less' '"backoff":{"base":10,"max":5}'
with trace 'traceparent' '"trace":"00-00000000000000000000000000000000-b7ad6b7169203331-01"'
with 'tags[1]' '1 to 128' '"tags":["a",""]'
with tags '17 elements.*16' '"tags":["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"]'
with paylod 'no field "paylod".*payload' '"paylod":1'
with state 'no field "state"' '"state":"succeeded"'
bad 400 '[1].priority' 'not 99999' '[{"type":"noop"},{"type":"noop","priority":99999}]'
bad 415 '' 'application/json' '<job/>' 'Content-Type: application/xml'

# --- of the query ---
asked() { # STATUS FIELD REGEX PATH
	request POST "$4" --data-binary x
	is "$4" "$status $(jq -r '.field // ""' < "$T/body")" "$1 $2"
	like "... and why" "$(field detail)" "$3"
	n_bad=$((n_bad + 1))
}
asked 400 nope 'these are: type, queue' '/jobs?nope=1'
asked 400 type 'twice' '/jobs?type=noop&type=noop'
asked 400 priority 'not "x"' '/jobs?type=noop&priority=x'
asked 400 '' 'need type=' '/jobs?queue=x'

get /stats
is "nothing of it was stored" "$(field total) $(field submitted_total)" "0 0"
is "all of it was counted" "$(field rejected_total)" "$n_bad"
asked 400 '' 'hexadecimal' '/jobs?type=%zz'
asked 400 '' '%00' '/jobs?type=noop%00'

# --- what only looks wrong ---
good() { # BODY
	post /jobs "$1"
	is "$(printf '%.60s' "$1" | tr '\\' '/')" "$status" 201
	id=$(field id)
}
good '{"type":"noop","payload":1e999}'
good ' {"type":"noop" , "\u0070ayload" : {"a":1, "a":2} } '
get "/jobs/$id/payload"
is "a payload that stands under an escaped name, as it was sent" "$(cat "$T/body")" '{"a":1, "a":2}'
good '{"type":"noop","run_at":"9999-12-31T23:59:59Z"}'
is "a job for the year 9999 waits" "$(field state)" scheduled
good '{"type":"noop","timeout":1e-9}'
get "/jobs/$id"
is "the shortest time limit is not none" "$(field timeout)" 0.001
good '{"type":"noop","priority":-32768,"tags":["a","a"],"backoff":{}}'
for word in '/jobs/x' '/jobs/00000000-0000-7000-8000-000000000000' '/jobs/00000000-0000-7000-8000-000000000000/history' '/jobs/' '//' '/../etc/passwd'; do
	get "$word" --path-as-is
	is "$word" "$status" 404
done
must_be_idle
fds_are_kept
finish

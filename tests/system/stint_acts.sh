#!/bin/sh
# stint list, cancel, retry, run-now, delete, queues, pause, resume, purge and schedules: what they print, what they do, how they fail.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

add_conf <<'END'
handler work { builtin = noop }
handler bad { builtin = fail  max_retries = 0 }
schedule nightly { cron = "0 3 * * *"  type = work  timezone = "Europe/Berlin" }
END
must_start
STINT_URL=$url
export STINT_URL
cmd() { "$stint" "$@" > "$T/out" 2> "$T/err"; code=$?; }

for i in 1 2 3; do
	submit bad "$i"
	echo "$id" >> "$T/dead"
done
request POST /jobs -d "{\"type\":\"work\",\"delay\":\"1h\",\"name\":\"$(printf 'two\\nlines')\",\"tags\":[\"x\"]}"
later=$(field id)
dead() { get /stats; [ "$(field dead)" = 3 ]; }
until_true 10 dead

cmd list
is "list: a line a job, and a head" "$code $(wc -l < "$T/out" | tr -d ' ')" "0 5"
like "columns" "$(head -n 1 "$T/out")" '^ID +STATE +TYPE +QUEUE +PRIORITY +ATTEMPTS +CREATED +NAME OR LAST ERROR$'
ok "what came from others cannot end a line" grep -q 'two\\x0alines' "$T/out"
cmd list --state dead --limit 2
is "a state, so many" "$code $(grep -c dead "$T/out") $(cat "$T/err")" "0 2 there are more; --limit shows more at once"
cmd list --tag x --json
is "as JSON" "$code $(jq -r '.jobs[].id' < "$T/out")" "0 $later"
cmd list --search "$later"
is "by id" "$(sed 1d "$T/out" | cut -d ' ' -f 1)" "$later"
cmd list --state over
is "a state that there is not" "$code" 65
like "is told as the server says it" "$(cat "$T/err")" '^stint: .*there is no state "over"; a job is scheduled'
cmd list dead
is "a filter is an option" "$code" 64

cmd run-now "$later"
like "run-now" "$code $(cat "$T/out")" "^0 $later (queued|running|succeeded)\$"
first=$(head -n 1 "$T/dead")
cmd cancel "$first"
is "what has ended cannot be cancelled" "$code" 65
like "and says so" "$(cat "$T/err")" "^stint: $first: .*has ended already"
cmd retry "$first" 01930000-0000-7000-8000-000000000000
is "one that is not there does not keep the others from it" "$code $(wc -l < "$T/out" | tr -d ' ')" "66 1"
cmd delete nonsense
is "an id looks like one" "$code" 64
until_true 10 dead
cmd delete --state dead --dry-run
is "counted only" "$code $(cat "$T/out")" "0 3 would be deleted"
cmd delete "$first"
is "one deleted" "$code $(cat "$T/out")" "0 $first deleted"
cmd show "$first"
is "it is gone" "$code" 66
cmd delete --state dead
is "all that a filter means" "$code $(cat "$T/out")" "0 2 deleted"
cmd delete
is "which ones must be said" "$code" 64
cmd run-now --state dead
is "run-now takes none" "$code" 64
cmd delete "$first" --state dead
is "not both" "$code" 64

cmd pause a "b/c d"
is "pause" "$code $(tr '\n' ' ' < "$T/out")" "0 a: paused b/c d: paused "
request POST /jobs -d '[{"type":"work","queue":"a"},{"type":"work","queue":"a"}]'
cmd queues
like "queues" "$(grep '^a ' "$T/out")" '^a +true +2 +0 '
ok "a name with a slash" grep -q '^b/c d  *true' "$T/out"
cmd purge a
is "purge" "$code $(cat "$T/out")" "0 a: 2 cancelled"
cmd resume a
is "resume" "$code $(cat "$T/out")" "0 a: resumed"
cmd pause
is "which queue must be said" "$code" 64
cmd schedules
like "schedules" "$(sed -n 2p "$T/out")" '^nightly +0 3 \* \* \* +Europe/Berlin +work +default +- +20'
cmd schedules --json
is "as JSON" "$(jq -r '.schedules[0].name' < "$T/out")" nightly
end_server
cmd list
is "without a server" "$code" 69
like "it says what to do" "$(cat "$T/err")" 'stintd'
finish

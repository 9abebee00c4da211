#!/bin/sh
# depends_on on the real server: chains, fans, ends that go down them, and a keeper that is killed while a parent's many children are told.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
handler bad { builtin = fail  max_retries = 0 }
handler fine { builtin = noop }
END
expect_log 'keeper'
must_start
count_of() { get /stats; jq -r ".queues.\"$2\".$1 // 0" < "$T/body"; }
later() { submit fine 1 ",\"delay\":\"1h\"${1:-}"; } # a job that has not ended

# What is refused.
submit fine 1 ',"depends_on":["019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071"]'
is "an unknown parent" "$status $(field field)" "422 depends_on[0]"
like "is named" "$(field detail)" 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071
submit bad 1
dead=$id
wait_final "$dead"
later
open=$id
submit fine 1 ",\"depends_on\":[\"$open\",\"$dead\"]"
is "a dead parent" "$status $(field field)" "422 depends_on[1]"
like "is named with its end" "$(field detail)" "$dead.*dead"
submit fine 1 ',"depends_on":["nonsense"]'
is "no id" "$status $(field field)" "400 depends_on[0]"
submit fine 1 ",\"depends_on\":[\"$open\",\"$open\"]"
is "the same twice" "$status $(field field)" "400 depends_on[1]"
submit fine 1 ',"depends_on":"x"'
is "no array" "$status $(field field)" "400 depends_on"
get /stats
before=$(field total)
post /jobs "[{\"type\":\"fine\"},{\"type\":\"fine\",\"depends_on\":[\"$dead\"]}]"
is "an array with such a job is refused as a whole" "$status $(field field)" "422 [1].depends_on[0]"
get /stats
is "and none of it is stored" "$(field total)" "$before"

# One that waits.
submit fine 1 ",\"depends_on\":[\"$open\"]"
child=$id
is "it waits" "$status $(field state) $(jq -c .depends_on < "$T/body")" "201 waiting [\"$open\"]"
get "/jobs/$child"
is "and says so when it is asked for" "$(field state) $(jq -c .depends_on < "$T/body")" "waiting [\"$open\"]"
post "/jobs/$child/run-now" ''
is "it cannot be run now" "$status" 409
post "/jobs/$open/run-now" ''
wait_final "$child"
is "it runs when its parent has succeeded" "$state" succeeded
is "its history" "$(events "$child")" "waiting queued claimed started succeeded"
submit fine 1 ",\"depends_on\":[\"$open\"]"
wait_final "$id"
is "one whose parent has succeeded already does not wait" "$(events "$id")" "queued claimed started succeeded"

# Down the chain, and by hand again.
later
root=$id
submit fine 1 ",\"depends_on\":[\"$root\"]"
first=$id
submit fine 1 ",\"depends_on\":[\"$first\"]"
second=$id
request DELETE "/jobs/$root"
wait_final "$second"
is "the child's child is cancelled" "$state" cancelled
get "/jobs/$first/history"
like "with the reason" "$(jq -r '.history[-1].detail' < "$T/body")" "$root.*cancelled"
post "/jobs/$first/retry" ''
is "a child is not retried while its parent is cancelled" "$status" 409
post "/jobs/$root/retry" ''
wait_final "$root"
post "/jobs/$first/retry" ''
is "but when that has succeeded" "$status" 200
wait_final "$first"
is "then it runs" "$state" succeeded
is "and its history has both lives" "$(events "$first")" "waiting cancelled requeued claimed started succeeded"

# A chain of 1,000 and a fan-in of 256.
later ',"queue":"chain"'
root=$id
last=$root
i=0
while [ $i -lt 1000 ]; do
	i=$((i + 1))
	last=$(curl -s -o /dev/null -w '%header{location}' -d "{\"type\":\"fine\",\"queue\":\"chain\",\"depends_on\":[\"$last\"]}" "$url/jobs" | sed 's|.*/||')
done
is "1,000 wait in a chain" "$(count_of waiting chain)" 1000
post "/jobs/$root/run-now" ''
wait_final "$last"
is "the last runs" "$state" succeeded
is "after all others" "$(count_of succeeded chain)" 1001
awk 'BEGIN { printf "["; for (i = 0; i < 256; i++) printf "%s{\"type\":\"fine\",\"delay\":\"1h\",\"queue\":\"fan\"}", i ? "," : ""; printf "]" }' > "$T/array"
request POST /jobs --data-binary "@$T/array" -H 'Content-Type: application/json'
ids=$(jq -c '[.[].id]' < "$T/body")
submit fine 1 ",\"depends_on\":$ids"
fan=$id
is "one waits for 256" "$status $(field state)" "201 waiting"
submit fine 1 ",\"depends_on\":$(printf '%s' "$ids" | sed "s/]/,\"$root\"]/")"
is "but not for 257" "$status $(field field)" "400 depends_on"
for one in $(printf '%s' "$ids" | jq -r '.[]'); do curl -s -o /dev/null -X POST "$url/jobs/$one/run-now"; done
wait_final "$fan"
is "it runs when all have" "$state $(count_of succeeded fan)" "succeeded 256"

# A parent with many children ends, and the keeper is killed while they are told.
fan_out() { # TYPE QUEUE
	submit "$1" 1 ',"delay":"1h"'
	root=$id
	for _ in 1 2; do
		awk -v id="$root" -v q="$2" 'BEGIN { for (i = 0; i < 8000; i++) printf "{\"type\":\"fine\",\"queue\":\"%s\",\"depends_on\":[\"%s\"]}\n", q, id }' > "$T/lines"
		request POST /jobs --data-binary "@$T/lines" -H 'Content-Type: application/x-ndjson'
	done
	is "16,000 wait for one ($1)" "$(count_of waiting "$2")" 16000
	post "/jobs/$root/run-now" ''
}
kill_while_it_waits() { # QUEUE
	kills=0
	while [ $kills -lt 3 ] && [ "$(count_of waiting "$1")" != 0 ]; do
		now=$(count_of waiting "$1")
		moved() { [ "$(count_of waiting "$1")" != "$now" ]; }
		until_true 10 moved "$1"
		old=$(pid_of keeper)
		kill -KILL "$old" && kills=$((kills + 1))
		ok "the keeper is replaced ($1, $kills)" until_true 10 replaced keeper "$old"
	done
}
fan_out bad lost
kill_while_it_waits lost
all_cancelled() { [ "$(count_of cancelled lost)" = 16000 ]; }
ok "all children of the dead one are cancelled" until_true 30 all_cancelled
fan_out fine won
kill_while_it_waits won
all_run() { [ "$(count_of succeeded won)" = 16000 ]; }
ok "all children of the good one run" until_true 60 all_run
is "and none waits" "$(count_of waiting won)" 0

# A bulk action on what waits.
later
submit fine 1 ",\"queue\":\"w\",\"depends_on\":[\"$id\"]"
post /jobs/cancel '{"state":"waiting"}'
is "what waits can be cancelled in bulk" "$(field count) $(count_of cancelled w)" "1 1"

end_server
finish

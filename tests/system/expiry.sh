#!/bin/sh
# Jobs with an expires_at end by themselves when it comes, on a server where nothing else happens, through the death of the keeper and a stop of the whole server.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
queue shut { }
handler fine { builtin = noop }
handler bad { builtin = fail  max_retries = 5  backoff_base = 1h  backoff_jitter = 0 }
END
expect_log 'keeper'
must_start
post /queues/shut/pause ''

# One of each state, and a child of the first.
submit fine 1 ',"queue":"shut","expires_in":"4s","unique_key":"only"'
queued=$id
submit fine 1 ",\"depends_on\":[\"$queued\"]"
child=$id
submit fine 1 ',"delay":"1h"'
parent=$id
submit fine 1 ",\"depends_on\":[\"$parent\"],\"expires_in\":\"4s\""
waiting=$id
submit bad 1 ',"expires_in":"4s"'
retrying=$id
is "they are taken" "$status" 201
submit fine 1 ',"queue":"shut","expires_in":"2h"'
stays=$id
submit fine 1 ',"delay":"2h","expires_in":"3s"'
scheduled=$id
is "one that expires before its time may start is taken too" "$status" 201
# Nothing is claimed and nobody asks but these.
for job in "$queued" "$waiting" "$retrying" "$scheduled"; do
	wait_final "$job"
	is "it expired" "$state" expired
done
wait_final "$child"
is "its child is cancelled" "$state" cancelled
like "with the reason" "$(events "$child")" "waiting cancelled"
is "the history of one that was queued" "$(events "$queued")" "queued expired"
like "of one that waited for its retry" "$(events "$retrying")" "retry_scheduled expired$"
get "/jobs/$stays"
is "one with more time waits on" "$(field state)" queued
submit fine 1 ',"queue":"shut","unique_key":"only"'
is "the unique key is free again" "$status" 201
get /stats
is "the counts" "$(field expired) $(field queued) $(field scheduled) $(field waiting) $(field retrying)" "4 2 1 0 0"

# The keeper dies with some of them before it, and then the server is away when their time comes.
submit fine 1 ',"queue":"shut","expires_in":"1s"'
first=$id
keeper=$(pid_of keeper)
kill -9 "$keeper"
ok "another keeper comes" until_true 20 replaced keeper "$keeper"
wait_final "$first"
is "one that a dead keeper knew of" "$state" expired
i=0
while [ "$i" -lt 700 ]; do
	i=$((i + 1))
	echo '{"type":"fine","queue":"shut","expires_in":"1s"}'
done > "$T/lines"
request POST /jobs --data-binary "@$T/lines" -H 'Content-Type: application/x-ndjson'
end_server
sleep 1
must_start
count_is() { get /stats && [ "$(field expired)" = "$1" ]; }
ok "700 that expired while no server ran" until_true 30 count_is 705
finish

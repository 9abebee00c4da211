#!/bin/sh
# Limits of queues and types on the real server: concurrency over two workers, with the death of a worker and of the keeper; pause, rate, max_queued, purge.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

# Each run stands as a file of its own while it goes on, and notes how many stood at once.
cat > "$T/count" <<'EOF'
#!/bin/sh
dir=$1
mkdir -p "$dir/now"
me=$dir/now/$$
trap 'rm -f "$me"; exit 1' TERM
: > "$me"
for other in "$dir"/now/*; do
	pid=${other##*/}
	kill -0 "$pid" 2>/dev/null && echo "$pid"
done | wc -l >> "$dir/most"
echo "$$" >> "$dir/started"
sleep 0.2
rm -f "$me"
EOF
chmod +x "$T/count"
add_conf <<'END_CONF'
queue two { concurrency = 2 }
queue small { max_queued = 2 }
queue slow { rate = 4/s }
handler many { exec = {"$T/count", "$T/work/many"} }
handler pair { exec = {"$T/count", "$T/work/pair"}  concurrency = 2 }
handler fine { builtin = noop }
END_CONF
must_start

most() { sort -n "$T/work/$1/most" | tail -n 1 | tr -d ' '; }
started() { [ -f "$T/work/$1/started" ] && wc -l < "$T/work/$1/started" | tr -d ' '; }
has_started() { [ "$(started "$1")" -ge "$2" ] 2>/dev/null; }
count_is() { # QUEUE STATE N
	get "/queues/$1"
	[ "$(field "counts.$2")" = "$3" ]
}

# Both limits at once: a queue's over one type, a type's over two queues; a free type goes past them.
request POST /jobs --data-binary "$(i=0; while [ $i -lt 20 ]; do echo '{"type":"many","queue":"two"}'; i=$((i + 1)); done)" -H 'Content-Type: application/x-ndjson'
is "twenty jobs in a queue of two" "$status $(wc -l < "$T/body" | tr -d ' ')" "200 20"
request POST /jobs --data-binary "$(i=0; while [ $i -lt 10 ]; do printf '{"type":"pair"}\n{"type":"pair","queue":"b"}\n'; i=$((i + 1)); done)" -H 'Content-Type: application/x-ndjson'
is "twenty of a type of two" "$status" 200
submit fine 1 ',"queue":"two"'
succeeded() { [ "$(job_state "$1")" = succeeded ]; }
ok "another type of the blocked queue waits its turn and runs" until_true 120 succeeded "$id"
submit fine 1
wait_final "$id"
is "and other queues are held up by nothing" "$state" succeeded

ok "they run" until_true 20 has_started many 4
expect_log 'worker|keeper'
kill -KILL "$(pid_of "worker 1")"
ok "they go on without a worker" until_true 20 has_started many 8
kill -KILL "$(pid_of keeper)"
ok "all of the queue run" until_true 60 count_is two queued 0
none_runs() { count_is two running 0; }
ok "to their end" until_true 20 none_runs
count_is two succeeded 21
is "each has succeeded" "$(field counts.succeeded)" 21
is "never more than two of the queue at once" "$(most many)" 2
drained() { count_is b queued 0 && count_is b running 0 && count_is default queued 0 && count_is default running 0; }
ok "all of the type run" until_true 60 drained
is "never more than two of the type at once" "$(most pair)" 2

# Paused before its first job, over a restart.
request POST /queues/later/pause
is "a queue is paused before its first job" "$status $(field paused) $(field name)" "200 true later"
submit fine 1 ',"queue":"later"'
ok "the server ends" end_server
must_start
get "/jobs/$id?wait=1s"
is "over a restart nothing of it starts" "$(field state)" queued
get /queues/later
is "it is still paused" "$(field paused) $(field counts.queued) $(field running)" "true 1 0"
get /queues
is "the list has it" "$(jq -r '.queues[] | select(.name == "later") | .paused' < "$T/body")" true
is "and the conf's queues with their limits" "$(jq -r '.queues[] | select(.name == "two") | .concurrency' < "$T/body")" 2
request POST /queues/later/resume
is "it is resumed" "$status $(field paused)" "200 false"
wait_final "$id"
is "and its job runs" "$state" succeeded

# Four at once, then one each quarter of a second.
before=$(date +%s%3N)
request POST /jobs --data-binary "$(i=0; while [ $i -lt 10 ]; do echo '{"type":"fine","queue":"slow"}'; i=$((i + 1)); done)" -H 'Content-Type: application/x-ndjson'
ok "all of the slow queue run" until_true 20 count_is slow succeeded 10
after=$(date +%s%3N)
ok "not sooner than its rate allows" [ $((after - before)) -ge 1450 ]

# max_queued: 429 names the queue; an array is taken whole or not at all.
request POST /queues/small/pause
submit fine 1 ',"queue":"small"'
post /jobs '[{"type":"fine","queue":"small"},{"type":"fine","queue":"small"}]'
is "an array that has no room" "$status" 429
submit fine 1 ',"queue":"small"'
is "a second job has" "$status" 201
submit fine 1 ',"queue":"small"'
is "a third has not" "$status" 429
like "the refusal names the queue" "$(field detail)" '"small"'
like "and says when to come again" "$(header Retry-After)" '^[0-9]+$'

request POST /jobs --data-binary '{"type":"fine","queue":"small"}' -H 'Content-Type: application/x-ndjson'
is "a line of many is refused alone" "$status $(field status)" "200 429"
like "and names the queue as well" "$(field detail)" '"small"'

# Purge.
request DELETE /queues/small/jobs
is "which jobs must be said" "$status $(field field)" "400 state"
request DELETE '/queues/small/jobs?state=queued'
is "the queue is purged" "$status $(field count)" "200 2"
get /queues/small
is "its jobs are cancelled" "$(field counts.cancelled) $(field counts.queued)" "2 0"
request POST /queues/big/pause
for _ in 1 2 3; do
	request POST /jobs --data-binary "[$(i=1; while [ $i -lt 1000 ]; do printf '{"type":"fine","queue":"big"},'; i=$((i + 1)); done)"'{"type":"fine","queue":"big"}]' -H 'Content-Type: application/json'
done
is "three thousand more" "$status" 201
request DELETE '/queues/big/jobs?state=queued'
is "go in slices" "$status $(field count)" "200 3000"

get /queues/nobody
is "no such queue" "$status" 404
request DELETE '/queues/nobody/jobs?state=queued'
is "nothing to purge there" "$status" 404
request POST /queues/nobody/resume
is "nor to resume" "$status" 404
request PUT /queues/small
is "another method" "$status" 405

# A reload that lifts a limit lets go what it held back.
request POST /jobs --data-binary "$(i=0; while [ $i -lt 6 ]; do echo '{"type":"many","queue":"two"}'; i=$((i + 1)); done)" -H 'Content-Type: application/x-ndjson'
rm -f "$T/work/many/most"
sed -i 's/concurrency = 2 }/concurrency = 1 }/' "$T/stint.conf"
kill -HUP "$server"
ok "all run" until_true 30 count_is two succeeded 27

end_server
finish

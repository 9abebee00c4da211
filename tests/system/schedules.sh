#!/bin/sh
# Schedules on the real server: run now, missed ticks after a downtime, a clock that was put back, reloads, and kill -9 of the keeper, over which no tick is run twice.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

set_tick() { "$builddir/tests/system/set_tick" "$T/store" "$@"; }

# Ticks at a minute half an hour away from now, so that none comes in while this runs; whoever waits for a tick has the store say that one was missed.
minute=$((($(date +%s) / 60 + 30) % 60))
cat > "$T/schedules.conf" <<END
handler note { exec = {"/bin/sh", "-c", "cat > /dev/null; echo \$STINT_JOB_ID \$STINT_JOB_TYPE >> $T/work/ran"}  queue = night  timeout = 9s }
schedule one { cron = "$minute * * * *"  type = note  payload = "{\"day\":\"yesterday\"}" }
schedule each { cron = "$minute * * * *"  type = note  missed = all  timezone = "America/New_York" }
schedule none { cron = "$minute * * * *"  type = note  missed = skip  queue = other }
schedule fixed { cron = "$minute $((($(date -u +%H | sed 's/^0//') + 12) % 24)) * * *"  type = note  missed = all }
schedule stuck { cron = "$minute * * * *"  type = note  missed = all  queue = full }
queue full { max_queued = 1 }
END
cp "$T/schedules.conf" "$T/more.conf"
must_start

schedule() { get /schedules; jq -r ".schedules[] | select(.name == \"$1\") | .$2" < "$T/body"; }
stored() { get /stats; jq -r '.submitted_total' < "$T/body"; }
stored_is() { [ "$(stored)" = "$1" ]; }

get /schedules
is "they are all there" "$status $(jq -r '[.schedules[].name] | join(",")' < "$T/body")" "200 one,each,none,fixed,stuck"
is "with what the conf says" "$(jq -c '.schedules[1] | [.cron,.timezone,.type,.queue,.missed]' < "$T/body")" "[\"$minute * * * *\",\"America/New_York\",\"note\",\"night\",\"all\"]"
is "and a queue of their own" "$(schedule none queue)" other
is "none has run" "$(schedule one last_run_at)" null
next=$(schedule one next_run_at)
like "the next tick is told" "$next" "T[0-9][0-9]:0*$minute:00\.000Z"
is "a new schedule starts from now" "$(stored)" 0

# By hand.
request POST /schedules/one/run
is "run now" "$status $(field type) $(field name) $(field queue) $(field timeout)" "201 note one night 9"
id=$(field id) created=$(field created_at)
is "its place" "$(header Location)" "/jobs/$id"
is "its payload" "$(jq -c .payload < "$T/body")" '{"day":"yesterday"}'
wait_final "$id"
is "it runs" "$state" succeeded
is "the tick is where it was" "$(schedule one next_run_at)" "$next"
is "it is the last run" "$(schedule one last_job) $(schedule one last_run_at)" "$id $created"
is "and no other's" "$(schedule fixed last_run_at)" null
request POST /schedules/nobody/run
is "no such schedule" "$status" 404
like "says where they are" "$(field detail)" "GET /schedules"
get /schedules/one/run
is "another method" "$status" 405
get /status/schedules
like "the page has them" "$(cat "$T/body")" 'action="/status/schedules/one/run"'

# A queue that has no room when the server is back.
post /queues/full/pause ''
is "a queue is paused" "$status" 200
post /jobs '{"type":"note","queue":"full"}'
is "and filled" "$status" 201
expect_log 'schedule stuck: its job is not taken: .*; trying again each second'

# A downtime of five hours, by the store's word.
ok "the server ends" end_server
for s in one each none stuck; do
	set_tick $s 18000 || bail "set_tick $s"
done
must_start
ok "one job for all that one missed, and five for each" until_true 10 stored_is 8
not_taken() { grep -q 'schedule stuck: its job is not taken' "$T/log"; }
ok "what finds no room waits" until_true 10 not_taken
is "it has not run" "$(schedule stuck last_run_at)" null
post /queues/full/resume ''
ok "and runs when there is some: five as well" until_true 20 stored_is 13
like "last_run_at is told" "$(schedule one last_run_at)" "^20"
job=$(schedule one last_job)
wait_final "$job"
is "and its job" "$state $(field name) $(field type)" "succeeded one note"
is "the one that skips has not run" "$(schedule none last_run_at)" null
like "the log says so" "$(cat "$T/log")" "schedule none: ticks were missed and are skipped"
next=$(schedule each next_run_at)
ok "it ends again" end_server
must_start
is "no tick is run twice by a restart" "$(stored)" 13
is "and the next one is the same" "$(schedule each next_run_at)" "$next"

# More than a thousand, with the keeper killed as soon as it may have begun.
ok "it ends once more" end_server
set_tick each $((1005 * 3600)) || bail "set_tick"
set_tick one 7200 || bail "set_tick"
expect_log 'schedule each: more than 1000 ticks were missed: 1000 jobs run for them and no more'
expect_log 'keeper \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'keeper: the next one is started in'
must_start
for i in 1 2 3; do
	old=$(pid_of keeper)
	kill -KILL "$old"
	ok "the keeper is replaced ($i)" until_true 10 replaced keeper "$old"
done
ok "a thousand for each, one for one" until_true 30 stored_is 1014
ok "and no more" stored_is 1014
none_waits() { get /stats; [ "$(jq '.queue_depth + .active_workers' < "$T/body")" = 0 ]; }
ok "all have run" until_true 60 none_waits
is "each once" "$(sort "$T/work/ran" | uniq -d | wc -l)" 0
is "all of them" "$(wc -l < "$T/work/ran")" 1014

# Put back: the store says that ticks have run that are yet to come. By less than three hours: fixed times wait, those of every hour go by the new time. By more: all do.
ok "it ends for the clock" end_server
for s in each fixed; do
	set_tick $s -7200 || bail "set_tick"
done
expect_log 'schedule each has run up to 20.*, and the clock was set back: it goes by the new time'
expect_log 'schedule fixed has run up to 20.*'
must_start
behind() { grep -q "schedule $1 has run up to .*$2" "$T/log"; }
ok "the log says that fixed times wait" until_true 10 behind fixed 'which the clock has not reached'
ok "and that the others do not" until_true 10 behind each 'the new time'
ok "their next tick is within the hour" [ "$(date -d "$(schedule each next_run_at)" +%s)" -le $(($(date +%s) + 3600)) ]
ok "it ends for the clock again" end_server
set_tick fixed -10900 || bail "set_tick"
must_start
ok "three hours are no correction" until_true 10 behind fixed 'the new time'
ok "it ends and starts once more" end_server
must_start
is "nothing was run by all that" "$(stored)" 1014

# A reload: another expression starts from now, what is taken out is forgotten.
other=$(((minute + 1) % 60))
sed -i -e "s/schedule each { cron = \"$minute /schedule each { cron = \"$other /" -e '/^schedule none/d' "$T/stint.conf"
kill -HUP "$server"
changed() { [ "$(schedule each cron)" = "$other * * * *" ]; }
ok "the new expression is in force" until_true 10 changed
ok "from now on" [ "$(date -d "$(schedule each next_run_at)" +%s)" -le $(($(date +%s) + 3600)) ]
is "the other is gone" "$(schedule none name)" ""
request POST /schedules/none/run
is "and cannot be run" "$status" 404
sed -i '/^schedule each/s/type = note/type = nobody/' "$T/stint.conf"
expect_log 'reload: .*schedule each: no handler section takes the type nobody'
expect_log 'the reload has failed'
kill -HUP "$server"
refused() { grep -q 'the reload has failed' "$T/log"; }
ok "a bad one is refused" until_true 10 refused
is "and the old one stays" "$(schedule each type)" note
is "nothing was run by all that" "$(stored)" 1014
finish

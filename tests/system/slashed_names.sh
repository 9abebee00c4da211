#!/bin/sh
# Names of queues and schedules with a slash: escaped it is a character of the name, as itself it ends a segment.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

add_conf <<'END'
handler hello { builtin = noop }
queue "a/b" { weight = 2 }
schedule "n/s" { cron = "0 0 1 1 *"  type = hello }
END
must_start
request POST '/queues/a%2Fb/pause'
is "a queue is paused" "$status $(field name) $(field paused)" "200 a/b true"
submit hello 1 ',"queue":"a/b"'
is "it takes jobs" "$status $(field queue) $(field state)" "201 a/b queued"
job=$id
get '/queues/a%2fb'
is "and is read" "$status $(field name) $(field counts.queued) $(field weight)" "200 a/b 1 2"
request POST '/queues/a%2Fb/resume'
is "and resumed" "$status" 200
wait_final "$job"
is "then the job runs" "$state" succeeded
request POST '/queues/a/b/pause'
is "unescaped it is another path" "$status" 404
request POST '/schedules/n%2Fs/run'
is "a schedule is run now" "$status $(field name)" "201 n/s"
request POST '/schedules/n/s/run'
is "unescaped it is another path" "$status" 404
finish

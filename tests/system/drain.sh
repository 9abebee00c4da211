#!/bin/sh
# TERM: not ready any more, no new jobs, answers to the rest; what runs may finish. After drain_timeout it is given back, with no retry used up.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

sed -i 's/^drain_timeout.*/drain_timeout = 60s/' "$T/base.conf"
add_conf <<'END'
worker_jobs = 1
handler hold { exec = {"$T/hold"}  timeout = 20m }
END
start_foreground || bail "stintd -F did not start"

submit hold 1
first=$id
submit hold 2
second=$id
submit hold 3
third=$id
ok "two jobs run" until_true 10 begun "$first" 1
ok "on two workers" until_true 10 begun "$second" 1
kill -TERM "$server"
not_ready() { get /readyz; [ "$status" = 503 ]; }
ok "/readyz says 503" until_true 10 not_ready
get /livez
is "/livez says 200" "$status" 200
submit hold 4
is "a submission is answered with 503" "$status" 503
like "with Retry-After" "$(header Retry-After)" '^[0-9]+$'
is "a job that runs can be seen" "$(job_state "$first")" running
is "and one that waits" "$(job_state "$third")" queued
kill -HUP "$server"
touch "$T/work/go"
ok "when the jobs are done it ends" end_server CONT 20
is "with exit code 0" "$server_status" 0
expect_log 'SIGHUP: the server ends, nothing is reloaded'

rm "$T/work/go"
sed -i 's/^drain_timeout.*/drain_timeout = 500ms/' "$T/base.conf"
start_foreground || bail "stintd -F did not start again"
for id in $first $second; do
	get "/jobs/$id"
	is "what ran has succeeded" "$(field state)" succeeded
	is "in its first attempt" "$(field attempts)" 1
done
ok "what waited runs now" until_true 10 begun "$third" 1
expect_log 'drain_timeout is over'
ok "TERM with a job that does not end: it ends after drain_timeout" end_server TERM 20
is "with exit code 0" "$server_status" 0

touch "$T/work/go"
must_start
wait_final "$third"
is "the job was given back, and succeeds now" "$state" succeeded
is "with no retry used up" "$(field retry_count)" 0
like "its history says that it was released" "$(events "$third")" '^queued claimed started released '
ok "no job ran twice at once" test ! -e "$T/work/overlap"
finish

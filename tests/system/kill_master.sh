#!/bin/sh
# kill -9 of the master: everything that it had started ends by itself, handlers and what they hide included; the next start runs the jobs again, with no retry used up.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
handler hold { exec = {"$T/hold"}  timeout = 20m }
END
expect_log 'the master is gone: ending'
must_start

submit hold 1
first=$id
submit hold 2 ',"delay":"1h"'
later=$id
ok "a job runs" until_true 10 begun "$first" 1
pids=$(pid_of keeper; pid_of acceptor; pid_of "worker 1"; pid_of "worker 2")
is "there are four children" "$(echo "$pids" | wc -l)" 4
kill -KILL "$server"
server=
ok "no process is left, not even one that hides" until_true 10 none_left

touch "$T/work/go"
must_start
wait_final "$first"
is "the next start runs the job again" "$state" succeeded
is "as its second attempt" "$(field attempts)" 2
is "with no retry used up" "$(field retry_count)" 0
like "its history says why" "$(events "$first")" '^queued claimed started crashed '
is "a job that waited for its time still does" "$(job_state "$later")" scheduled
ok "no job ran twice at once" test ! -e "$T/work/overlap"
finish

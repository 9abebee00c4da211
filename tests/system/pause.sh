#!/bin/sh
# WINCH: jobs are taken and not run, what runs finishes; HUP undoes it.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
handler hello { builtin = noop }
handler hold { exec = {"$T/hold"}  timeout = 20m }
END
must_start

submit hold 1
held=$id
ok "a job runs" until_true 10 begun "$held" 1
kill -WINCH "$server"
paused() { grep -q 'no job is claimed any more' "$T/log"; }
ok "the pause is logged" until_true 10 paused
waiting=
for i in 1 2 3 4 5; do
	submit hello "$i"
	is "a job is taken" "$status" 201
	waiting="$waiting $id"
done
touch "$T/work/go"
wait_final "$held"
is "the one that runs finishes" "$state" succeeded
for id in $waiting; do is "the others wait" "$(job_state "$id")" queued; done

# A worker that dies in the pause: its successor does not claim either.
expect_log 'worker 1'
old=$(pid_of "worker 1")
kill -KILL "$old"
ok "a worker that dies is replaced" until_true 10 replaced "worker 1" "$old"
ready_again() { grep -q "worker 1 is ready, pid $(pid_of "worker 1")\$" "$T/log"; }
ok "the new one is ready" until_true 10 ready_again
for id in $waiting; do is "the others still wait" "$(job_state "$id")" queued; done

ok "-s reload" "$stintd" -c "$T/stint.conf" -s reload
for id in $waiting; do
	wait_final "$id"
	is "after HUP they run" "$state" succeeded
done
finish

#!/bin/sh
# kill -9 of the acceptor: the port stays open (a connection waits for the successor), jobs go on, and what was acknowledged is there.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
handler hello { builtin = noop }
handler hold { exec = {"$T/hold"}  timeout = 20m }
END
expect_log 'acceptor \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'acceptor: the next one is started in'
must_start

submit hold 1
held=$id
ok "a job runs" until_true 10 begun "$held" 1
all=
for i in 1 2 3 4 5; do
	submit hello "$i"
	is "a job is taken ($i)" "$status" 201
	all="$all $id"
	old=$(pid_of acceptor)
	kill -KILL "$old"
	get /livez
	is "a connection made right after the kill is answered ($i)" "$status" 200
	ok "by a successor ($i)" replaced acceptor "$old"
done
for id in $all; do
	wait_final "$id"
	is "what was acknowledged succeeds" "$state" succeeded
done
touch "$T/work/go"
wait_final "$held"
is "the job that ran all the time succeeds" "$state" succeeded
is "in its first attempt" "$(field attempts)" 1
finish

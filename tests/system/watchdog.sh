#!/bin/sh
# A child that stands still (SIGSTOP) is ended by the watchdog and replaced, whatever its role; those that beat are left alone.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

sed -i '1i watchdog = 2s' "$T/base.conf"
add_conf <<'END'
handler hello { builtin = noop }
handler hold { exec = {"$T/hold"}  timeout = 20m }
END
expect_log 'is killed: its heartbeat has stood still'
expect_log 'was killed by SIGKILL: its heartbeat stood still'
must_start

submit hold 1
held=$id
ok "a job runs" until_true 10 begun "$held" 1
busy=$(title_of "$(worker_of "$held")")
like "a job names its worker" "$busy" '^worker [12]$'
case $busy in "worker 1") idle="worker 2" ;; *) idle="worker 1" ;; esac

for title in keeper acceptor "$idle" "$busy"; do
	old=$(pid_of "$title")
	kill -STOP "$old"
	ok "$title: is replaced" until_true 15 replaced "$title" "$old"
	submit hello 1
	is "$title: a job is taken afterwards" "$status" 201
	wait_final "$id"
	is "$title: and run" "$state" succeeded
done
is "four were killed, no more" "$(grep -c 'is killed: its heartbeat' "$T/log")" 4
ok "the stopped worker's job begins again" until_true 10 begun "$held" 2
touch "$T/work/go"
wait_final "$held"
is "and succeeds" "$state" succeeded
is "with no retry used up" "$(field retry_count)" 0
ok "no job ran twice at once" test ! -e "$T/work/overlap"
finish

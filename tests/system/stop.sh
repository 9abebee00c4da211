#!/bin/sh
# INT, and a second TERM: the server is gone within seconds, also where handlers ignore TERM; their jobs are given back with no retry used up.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

sed -i 's/^drain_timeout.*/drain_timeout = 10m/' "$T/base.conf"
add_conf <<'END'
handler hold { exec = {"$T/hold"}  timeout = 20m }
END

jobs=
for way in INT TERM,TERM TERM,INT QUIT,TERM; do
	start_foreground || bail "stintd -F did not start"
	submit hold 1
	jobs="$jobs $id"
	ok "$way: a job runs" until_true 10 begun "$id" 1
	case $way in
	*,*)
		kill -"${way%,*}" "$server"
		not_ready() { get /readyz; [ "$status" = 503 ]; }
		ok "$way: it drains" until_true 10 not_ready
		;;
	esac
	ok "$way: it is gone soon" end_server "${way#*,}" 5
	is "$way: exit code 0" "$server_status" 0
	ok "$way: no process is left" until_true 2 none_left
done
touch "$T/work/go"
must_start
for id in $jobs; do
	wait_final "$id"
	is "a job that was given back succeeds" "$state" succeeded
	is "with no retry used up" "$(field retry_count)" 0
done
ok "no job ran twice at once" test ! -e "$T/work/overlap"
finish

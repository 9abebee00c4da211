#!/bin/sh
# kill -9 of a worker: what it ran runs elsewhere at once, nothing of it goes on beside, and no retry is used up. The neighbour's jobs are not disturbed.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
worker_jobs = 4
handler hold { exec = {"$T/hold"}  timeout = 20m }
handler hello { builtin = noop }
END
expect_log 'worker [12] \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'worker [12]: the next one is started in'
must_start

jobs=
for _ in 1 2 3 4 5 6; do
	submit hold 1
	jobs="$jobs $id"
done
for id in $jobs; do until_true 10 begun "$id" 1 || fail "job $id begins"; done
old=$(worker_of "$id")
victim=$(title_of "$old")
like "a job names its worker" "$victim" '^worker [12]$'
hit=
spared=
for id in $jobs; do
	if [ "$(worker_of "$id")" = "$old" ]; then hit="$hit $id"; else spared="$spared $id"; fi
done
ok "both workers have some" test -n "$hit" -a -n "$spared"

kill -KILL "$old"
ok "it is replaced" until_true 10 replaced "$victim" "$old"
for id in $hit; do
	ok "a job that it ran begins again" until_true 10 begun "$id" 2
	get "/jobs/$id"
	is "and runs" "$(field state)" running
	is "as its second attempt" "$(field attempts)" 2
	is "with no retry used up" "$(field retry_count)" 0
	like "its history says why" "$(events "$id")" '^queued claimed started crashed (requeued )?claimed started$'
done
ok "no job ran twice at once" test ! -e "$T/work/overlap"
touch "$T/work/go"
for id in $hit $spared; do
	wait_final "$id"
	is "it succeeds" "$state" succeeded
done
for id in $spared; do
	get "/jobs/$id"
	is "a job of the other worker has had one attempt" "$(field attempts)" 1
done
# History is the only clock: it says how long a job was nowhere.
for id in $hit; do
	get "/jobs/$id/history"
	note "crashed -> started: $(jq -r '.history | (map(select(.event == "crashed"))[0].at) + " " + (map(select(.event == "started"))[1].at)' < "$T/body")"
done

# --- a storm: whoever is there is killed, again and again ---
all=
for i in 1 2 3 4 5 6 7 8 9 10; do
	submit hello "$i"
	is "in the storm: a job is taken" "$status" 201
	all="$all $id"
	pid=$(pid_of "worker $((i % 2 + 1))")
	[ -z "$pid" ] || kill -KILL "$pid"
done
for id in $all; do
	wait_final "$id"
	is "and succeeds" "$state" succeeded
done
finish

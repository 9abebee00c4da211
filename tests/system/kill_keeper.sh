#!/bin/sh
# kill -9 of the keeper while jobs are submitted and finished: every request is answered by its successor, no acknowledged job is lost, none is there twice.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
handler count { exec = {"/bin/sh", "-c", "echo $STINT_JOB_ID >> $T/work/ran"} }
handler hold { exec = {"$T/hold"}  timeout = 20m }
END
expect_log 'keeper \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'keeper: the next one is started in'
must_start

submit hold 1
held=$id
ok "a job runs" until_true 10 begun "$held" 1

# A client that never stops, beside the killing. A line a job: its status and its id.
{
	i=0
	while [ ! -e "$T/work/enough" ]; do
		i=$((i + 1))
		curl -s -m 30 -o "$T/answer" -w '%{http_code} ' -d "{\"type\":\"count\",\"payload\":$i}" "$url/jobs" || printf 'none '
		jq -r '.id // "none"' < "$T/answer" 2>/dev/null || echo none
	done
} > "$T/acknowledged" &
client=$!

for i in 1 2 3 4 5; do
	enough() { [ "$(cat "$T/acknowledged" 2>/dev/null | wc -l)" -ge $((i * 10)) ]; }
	ok "jobs are taken ($i)" until_true 30 enough
	old=$(pid_of keeper)
	kill -KILL "$old"
	ok "the keeper is replaced ($i)" until_true 10 replaced keeper "$old"
done
touch "$T/work/enough"
wait $client
note "$(wc -l < "$T/acknowledged") submissions"
is "every submission was answered with 201" "$(grep -vc '^201 ' "$T/acknowledged")" 0

lost=0
while read -r _ id; do
	wait_final "$id"
	[ "$state" = succeeded ] || lost=$((lost + 1))
done < "$T/acknowledged"
is "every job that was acknowledged succeeds" $lost 0
is "and ran once" "$(sort "$T/work/ran" | uniq -d | wc -l)" 0
is "and no other was run" "$(sort -u "$T/work/ran" | wc -l)" "$(wc -l < "$T/acknowledged")"

is "the job of before still runs" "$(job_state "$held")" running
touch "$T/work/go"
wait_final "$held"
is "and succeeds" "$state" succeeded
is "in its first attempt" "$(field attempts)" 1
finish

#!/bin/sh
# Hundreds of jobs of every kind at once, some of which kill the worker under the others: each ends as its kind says, and /stats counts the same as the jobs do.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/measure.sh" || exit 99

printf '#!/bin/sh\nkill -KILL $PPID\nsleep 5\n' > "$T/killer"
printf '#!/bin/sh\nsetsid sleep 1000 < /dev/null > /dev/null 2>&1 &\n' > "$T/away"
chmod 755 "$T/killer" "$T/away"
add_conf <<'STOP'
worker_jobs = 32
handler noop { builtin = noop }
handler cat { exec = {"/bin/cat"} }
handler failing { builtin = fail  max_retries = 0 }
handler again { builtin = fail  max_retries = 2  backoff_base = 10ms  backoff_max = 20ms }
handler missing { exec = {"$T/missing"}  max_retries = 1  backoff_base = 1ms  backoff_max = 1ms }
handler tempfail { exec = {"/bin/sh", "-c", "exit 75"}  max_retries = 1  backoff_base = 1ms  backoff_max = 1ms }
handler dataerr { exec = {"/bin/sh", "-c", "exit 65"} }
handler slow { exec = {"/bin/sleep", "60"}  timeout = 100ms  max_retries = 0 }
handler away { exec = {"$T/away"} }
handler killer { exec = {"$T/killer"}  max_crashes = 2 }
handler nap { builtin = sleep }
STOP
expect_log 'handler missing: program '
expect_log 'not started: cannot run '
expect_log 'worker [12] \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'worker [12]: the next one is started in'
must_start
keep_fds

for kind in noop cat failing again missing tempfail dataerr slow away nap; do
	case $kind in slow | away) times=40 ;; *) times=200 ;; esac
	repeat $times "{\"type\":\"$kind\",\"payload\":{\"ms\":1},\"tags\":[\"$kind\"]}"
done > "$T/lines"
{ head -n 500 "$T/lines"; repeat 3 '{"type":"killer"}'; sed 1,500d "$T/lines"; } > "$T/all.lines"
submit_lines "$T/all.lines"
is "all of them are taken" "$status $(wc -l < "$T/ids" | tr -d ' ')" "200 $(wc -l < "$T/all.lines" | tr -d ' ')"
ok "all of them end" until_true 60 nothing_open
is "each kind as it should" "$(tally "$T/ids")" "1043 dead, 640 succeeded"
counted "$T/ids"
get /stats
is "failed attempts" "$(field failed_total)" $((200 + 600 + 400 + 400 + 200 + 40))
is "retries" "$(field retried_total)" $((400 + 200 + 200))
is "jobs that died" "$(field dead_total)" 1043
note "queued again after the death of a worker: $(field recovered_total)"
sed "s|.*|url = \"$url/jobs/&\"|" "$T/ids" | curl -sS -m 60 -K - | jq -r '"\(.type) \(.state) \(.retry_count)"' | sort | uniq -c | awk '{ print $2, $3, $4, $1 }' > "$T/kinds"
is "and used up the retries that it had" "$(cat "$T/kinds")" "again dead 2 200
away succeeded 0 40
cat succeeded 0 200
dataerr dead 0 200
failing dead 0 200
killer dead 0 3
missing dead 1 200
nap succeeded 0 200
noop succeeded 0 200
slow dead 0 40
tempfail dead 1 200"
is "no zombie is left" "$(for pid in $(own_pids); do ps -o stat= --ppid "$pid"; done | grep -c Z)" 0
must_be_idle
fds_are_kept
finish

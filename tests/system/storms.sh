#!/bin/sh
# Signals by the hundred while jobs come in, and an end at every moment of a start: no request fails, no job runs twice, nothing is left.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/measure.sh" || exit 99

add_conf <<'STOP'
handler once { exec = {"/bin/sh", "-c", "echo $STINT_JOB_ID >> $T/work/ran"} }
STOP
must_start
submit once null
wait_final "$id"
keep_fds
processes() { own_pids | wc -w; }
before=$(processes)

# --- reloads under load ---
client() { # NUMBER
	while [ ! -e "$T/work/stop" ]; do
		curl -sS -m 20 -o "$T/answer.$1" -w '%{http_code}\n' -d '{"type":"once"}' "$url/jobs" >> "$T/codes.$1" 2>> "$T/curl.$1"
		jq -r '.id // "none"' "$T/answer.$1" >> "$T/ids.$1"
	done
}
for i in 1 2 3 4; do
	client $i &
	clients="${clients:-} $!"
done
i=0
while [ $i -lt 100 ]; do
	kill -HUP "$server"
	[ $((i % 7)) -ne 0 ] || kill -USR1 "$server"
	[ $((i % 3)) -ne 0 ] || sleep 0.02
	i=$((i + 1))
done
for _ in 1 2 3; do
	sleep 0.3
	kill -HUP "$server"
done
sleep 0.3
touch "$T/work/stop"
# shellcheck disable=SC2086 # one word a process
wait $clients
is "every submission was taken" "$(cat "$T"/codes.* | sort -u)" 201
cat "$T"/ids.* > "$T/ids"
note "$(wc -l < "$T/ids") jobs, $(grep -c 'is in force' "$T/log") reloads of 103"
ok "they all end" until_true 30 nothing_open
is "and succeed" "$(tally "$T/ids")" "$(wc -l < "$T/ids" | tr -d ' ') succeeded"
is "each has run once" "$(sort "$T/work/ran" | uniq -d | wc -l | tr -d ' ')" 0
is "and not one more" "$(wc -l < "$T/work/ran" | tr -d ' ')" $(($(wc -l < "$T/ids") + 1))
settled() { [ "$(processes)" -eq "$before" ]; }
ok "the processes are as many as before" until_true 15 settled
must_be_idle
fds_are_kept
ok "the server ends" end_server

# --- an end in the middle of a start ---
expect_log 'told to end before the server was ready'
codes=
for pause in 0 0.005 0.01 0.015 0.02 0.03 0.04 0.05 0.06 0.08 0.1 0.15; do
	write_conf "$(random_port)"
	"$stintd" -F -c "$T/stint.conf" >> "$T/log" 2>&1 &
	starting=$!
	sleep $pause
	kill -TERM $starting
	until_true 10 gone $starting || fail "after $pause s it ends"
	wait $starting
	codes="$codes $?"
done
# Before it has taken its signals in hand it dies of them like anybody.
like "TERM in the middle of a start: exit codes" "$codes" '^( 143| 0)+$'
ok "no process is left" until_true 5 none_left
ok "no pid file is left" test ! -e "$T/run/stintd.pid"
must_start
pass "and the next start is as any other"
get "/jobs/$(head -n 1 "$T/ids")"
is "with all its jobs" "$(field state)" succeeded
finish

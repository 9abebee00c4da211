#!/bin/sh
# `stint status` reads the segment with the server running, held, and with every one of its processes dead.
. "${srcdir:-.}/tests/system/lib.sh"

add_conf <<'END'
handler noop { builtin = noop }
handler fail { builtin = fail max_retries = 0 }
END

status_of() { "$stint" status -c "$T/stint.conf" "$@" > "$T/out" 2> "$T/err"; code=$?; }
figure() { jq -r "$1" < "$T/out"; }

# --- before the first start ---
write_conf 1
status_of
is "without a segment: exit code" $code 66
like "without a segment: it says what that means" "$(cat "$T/err")" "^stint: there is no $T/run/status.shm: the server has not been started"
status_of -c "$T/nowhere.conf"
is "without a conf: exit code" $code 78

# --- running ---
must_start
for i in 1 2 3 4 5; do submit noop "$i"; done
wait_final "$id"
submit fail null
wait_final "$id"
is "a job fails" "$state" dead
settled() { status_of --json; [ "$(figure .processed)" = 6 ] && [ "$(figure .running)" = 0 ]; }
ok "the figures come within a second or so" until_true 10 settled
is "exit code" $code 0
is "it is alive" "$(figure .alive)" true
is "the server's state" "$(figure .server_state)" running
is "processes" "$(figure '[.processes[].role] | join(" ")')" "master keeper acceptor worker worker"
is "all of them are alive" "$(figure '[.processes[].alive] | all')" true
is "the master's pid" "$(figure '.processes[0].pid')" "$server"
is "jobs that succeeded" "$(figure .succeeded)/$(figure .succeeded_total)" 5/5
is "jobs that are dead" "$(figure .dead)/$(figure .dead_total)/$(figure .failed_total)" 1/1/1
is "submissions in the histogram" "$(figure .submit_ms.count)" 6
ok "commits" test "$(figure .store.commits)" -gt 0
get /stats
is "the same totals as /stats" "$(figure '"\(.processed) \(.succeeded_total) \(.failed_total) \(.dead_total) \(.queued)"')" \
	"$(jq -r '"\(.processed) \(.succeeded_total) \(.failed_total) \(.dead_total) \(.queued)"' < "$T/body")"
status_of
like "for people: the head" "$(head -n 1 "$T/out")" '^Stint .*  running, up [0-9]+s, conf generation 1$'
ok "on one screen" test "$(wc -l < "$T/out")" -le 30

# --- held ---
kill -WINCH "$server"
held() { status_of; grep -q '^Stint .*  holding: claims are stopped' "$T/out"; }
ok "WINCH is shown" until_true 10 held
kill -HUP "$server"
let_go() { status_of; grep -q '^Stint .*  running, .* generation 2$' "$T/out"; }
ok "and HUP" until_true 10 let_go

# --- every process dead ---
expect_log "the master is gone: ending"            # said by one that was not yet stopped
status_of --json
pids=$(figure ".processes[].pid")
for pid in $pids; do kill -STOP "$pid" 2>/dev/null; done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
ok "all of its processes are killed" until_true 10 none_left
server=
status_of
is "with every process dead: exit code" $code 0
like "with every process dead: the head" "$(head -n 1 "$T/out")" '^Stint .*  NOT RUNNING; the figures below are the last it left behind [0-9]+s ago$'
is "every process is shown as dead" "$(grep -cE '^(master|keeper|acceptor|worker [0-9]+) +[0-9]+  dead ' "$T/out")" "$(grep -cE '^(master|keeper|acceptor|worker)' "$T/out")"
like "the jobs are still told" "$(cat "$T/out")" 'succeeded  +5'
status_of --json
is "for programs, too" "$(figure .alive)/$(figure .succeeded_total)" false/5

# --- nonsense instead of a segment ---
echo "no segment" > "$T/run/status.shm"
status_of
is "a file that is none: exit code" $code 65
like "a file that is none: what is said" "$(cat "$T/err")" 'is not a status segment'

# --- and a new start ---
must_start
status_of --json
is "after a new start it is alive" "$(figure .alive)" true
is "the totals are those of the store" "$(figure .succeeded_total)" 5
ok "it stops" end_server TERM
status_of
like "stopped in order: the head" "$(head -n 1 "$T/out")" '^Stint .*  NOT RUNNING'
finish

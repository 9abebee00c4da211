#!/bin/sh
# `stint work`: a command for each job of a type, wherever the server is. The rules of exec handlers, leases that are kept, lost and given back, its ends and its deaths, and a server that is away.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
handler far { remote = true  backoff_base = 50ms  backoff_jitter = 0  timeout = 20m }
END
expect_log 'acceptor \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'acceptor: the next one is started in'
must_start

cat > "$T/program" <<END
#!/bin/sh
case "\$(cat)" in
'"json"') echo '{"a": 1}' ;;
'"text"') echo "not JSON"; echo "\$STINT_JOB_ID \$STINT_TYPE \$STINT_QUEUE \$STINT_ATTEMPT" ;;
'"bytes"') printf '\\377\\000x' ;;
'"progress"') echo '::progress 40 so far' >&2; while [ ! -e "$T/work/go" ]; do sleep 0.05; done ;;
'"bad"') echo "it is bad" >&2; exit 65 ;;
'"again"') [ "\$STINT_ATTEMPT" -gt 1 ] || { echo '::retry-in 20ms' >&2; exit 75; } ;;
'"late"') sleep 1000 ;;
'"sit"') echo \$\$ >> "$T/work/\$STINT_JOB_ID"; [ -e "$T/work/go" ] || exec sleep 1000 ;;
'"hold"') exec "$T/hold" ;;
*) echo "what?" >&2; exit 65 ;;
esac
END
chmod +x "$T/program"
begin_work() { # OPTIONS: $work is its pid, its log is in $T/work.log
	"$stint" work --url "$url" --type far "$@" -- "$T/program" 2>> "$T/work.log" &
	work=$!
}
end_work() { # SIGNAL: its exit code in $work_status
	kill -"$1" "$work"
	wait "$work"
	work_status=$?
}
shows() { get "/jobs/$id"; grep -q "$1" "$T/body"; }

# --- what cannot be
"$stint" work --type far 2> "$T/err"
is "without a command" "$?" 64
"$stint" work -- /bin/true 2> "$T/err"
is "without a type" "$?" 64
"$stint" work --url "$url" --type stranger -- /bin/true 2> "$T/err"
is "a type that the server knows nothing of" "$?" 65
like "says so" "$(cat "$T/err")" 'stranger'

# --- what comes of jobs
begin_work --jobs 4
submit far '"json"'
wait_final "$id"
is "a job succeeds" "$state" succeeded
like "with its output as JSON" "$(cat "$T/body")" '"result":\{"a": 1\}'
like "run by us" "$(field worker)" ":$work\$"
submit far '"text"'
wait_final "$id"
is "text is text" "$(field state)" succeeded
get "/jobs/$id/result"
is "with the environment of a handler" "$(cat "$T/body")" "not JSON
$id far default 1"
submit far '"bytes"'
wait_final "$id"
get "/jobs/$id/result"
is "any bytes come through" "$(od -An -tx1 < "$T/body" | tr -d ' \n')" ff0078
submit far '"bad"'
wait_final "$id"
is "65 is for good" "$state $(field attempts)" "dead 1"
is "with the last line of stderr" "$(field last_error)" "it is bad"
get "/jobs/$id/history"
like "and its exit code" "$(cat "$T/body")" '"exit_code":65'
get "/jobs/$id/log"
is "and its log" "$(cat "$T/body")" "it is bad"
submit far '"again"'
wait_final "$id"
is "75 is tried again" "$state $(field attempts) $(field retry_count)" "succeeded 2 1"
request POST /jobs -d '{"type":"far","payload":"late","timeout":"200ms","max_retries":0}'
id=$(field id)
wait_final "$id"
is "a time-out ends it" "$state" dead
like "and says so" "$(field last_error)" 'timed out after 200ms'
submit far '"progress"'
ok "progress is passed on" until_true 20 shows '"percent":40'
touch "$T/work/go"
wait_final "$id"
is "then it goes on" "$state" succeeded
rm "$T/work/go"
request POST "/jobs?type=far" -H 'Content-Type: text/plain' -d '"json"'
id=$(field id)
wait_final "$id"
is "a raw body is its bytes" "$state" succeeded

# --- cancelled under its hands: its next word is answered with 409
submit far '"hold"'
ok "a job runs" until_true 20 begun "$id" 1
pid=$(tail -n 1 "$T/work/$id")
request DELETE "/jobs/$id"
is "is cancelled" "$status $(field state)" "200 cancelled"
ok "and its program ended" until_true 40 gone "$pid"

# --- the server goes, and comes back on the same port
submit far '"hold"'
ok "another runs" until_true 20 begun "$id" 1
ok "the server ends" end_server TERM 20
touch "$T/work/go"
sleep 0.2
"$stintd" -c "$T/stint.conf" >> "$T/log" 2>&1
server=$(cat "$T/run/stintd.pid")
wait_final "$id"
is "the end of a job that the server was away for is told" "$state $(field attempts)" "succeeded 1"
rm "$T/work/go"
kill -KILL "$(pid_of acceptor)"
until_true 20 is_ready
submit far '"json"'
wait_final "$id"
is "and it works on with another acceptor" "$state" succeeded

# --- its ends
submit far '"hold"'
held=$id
ok "one runs" until_true 20 begun "$id" 1
kill -TERM "$work"
ok "TERM lets it run" until_true 20 grep -q 'asked to end' "$T/work.log"
submit far '"json"'
waiting=$id
touch "$T/work/go"
wait "$work"
is "to its end" "$?" 0
id=$held
wait_final "$id"
is "which is told" "$state $(field attempts)" "succeeded 1"
rm "$T/work/go"
id=$waiting
get "/jobs/$id"
is "and nothing more is taken" "$(field state) $(field attempts)" "queued 0"
begin_work
wait_final "$id"
is "until there is another" "$state" succeeded
submit far '"hold"'
ok "one runs again" until_true 20 begun "$id" 1
pid=$(tail -n 1 "$T/work/$id")
kill -TERM "$work"
until_true 20 grep -q '1 jobs run to their end' "$T/work.log"
end_work TERM
is "a second TERM ends" "$work_status" 0
ok "its program" gone "$pid"
ok "and the job is queued again" shows '"state":"queued"'
is "without using a retry" "$(field retry_count)" 0
touch "$T/work/go"
begin_work
wait_final "$id"
is "for another" "$state $(field attempts)" "succeeded 2"
rm "$T/work/go"
submit far '"sit"'
ok "one more runs" until_true 20 begun "$id" 1
pid=$(tail -n 1 "$T/work/$id")
end_work KILL
ok "kill -9 takes the program along" until_true 20 gone "$pid"
ok "the lease runs out, and the job is queued again" until_true 60 shows '"state":"queued"'
get "/jobs/$id/history"
like "its history says why" "$(cat "$T/body")" '"event":"lease_expired"'
touch "$T/work/go"
begin_work
wait_final "$id"
is "and it succeeds with the next" "$state $(field retry_count)" "succeeded 0"
end_work INT
is "INT is as TERM" "$work_status" 0
ok "never two at once" test ! -e "$T/work/overlap"
finish

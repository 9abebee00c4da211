#!/bin/sh
# shellcheck disable=SC2034,SC2154
# In the machine of tools/vm-check: its clock is set to and fro, as an administrator or a time server would, while jobs are delayed, run, hold leases, have time limits and schedules.
builddir=/stint/build
srcdir=/stint/src
export builddir srcdir
. "$srcdir/tests/system/lib.sh" || exit 99

up() { cut -d. -f1 /proc/uptime; }
until_true() { # SECONDS COMMAND...
	limit=$(($(up) + $1))
	shift
	while ! "$@"; do
		[ "$(up)" -lt "$limit" ] || return 1
		sleep 0.2
	done
}
# The clock, so many seconds on from what it would be; back with a minus.
step() { date -s "@$(($(date +%s) + $1))" > /dev/null && note "the clock is set by $1 s: $(date -u +%FT%TZ)"; }
state_of() { get "/jobs/$1"; field state; }
in_state() { [ "$(state_of "$1")" = "$2" ]; }
# Jobs of schedules, not attempts.
ran() { sort -u "$T/work/ticks" | grep -c "${1:-.}"; } # [TYPE]

cat > "$T/long" <<END
#!/bin/sh
echo \$\$ > "$T/work/\$STINT_JOB_ID"
while [ ! -e "$T/work/go" ]; do sleep 0.2; done
echo '"done"'
END
cat > "$T/tick" <<END
#!/bin/sh
echo "\$STINT_TYPE \$STINT_JOB_ID" >> "$T/work/ticks"
END
chmod 755 "$T/long" "$T/tick"
: > "$T/work/ticks"
add_conf <<'END'
handler long { exec = {"$T/long"}  timeout = 10m }
handler short { exec = {"/bin/sleep", "1000"}  timeout = 12s  kill_grace = 1s  max_retries = 0 }
handler noop { builtin = noop }
handler away { remote = true }
handler fails { exec = {"/bin/false"}  backoff_base = 20s  backoff_jitter = 0  max_retries = 1 }
handler hourly { exec = {"$T/tick"} }
handler often { exec = {"$T/tick"} }
schedule hourly { cron = "30 0-23 * * *"  timezone = "UTC"  type = hourly  missed = once }
schedule often { cron = "*/20 * * * *"  timezone = "UTC"  type = often  missed = once }
END
expect_log 'and the clock was set back: it goes by the new time'
expect_log 'which the clock has not reached: it goes on then'
# A day and a time at which no schedule is due in the next minutes.
date -u -s '2026-05-05 10:01:05' > /dev/null
must_start
note "$(date -u +%FT%TZ)"

# --- an hour forward ---
submit noop null ',"delay":"30m"'; soon=$id
submit noop null ',"delay":"5h"'; later=$id
submit long null; running=$id
submit short null; limited=$id
began=$(up)
submit noop null ',"delay":"4h","expires_in":"3h"'; stale=$id
submit away null; away=$id
post /claims '{"types":["away"],"max":1,"lease":"10m","wait":"10s"}'
lease=$(jq -r '.jobs[0].lease' < "$T/body")
is "a worker elsewhere has a lease" "$(jq -r '.jobs[0].id' < "$T/body")" "$away"
submit fails null; failing=$id
ok "jobs run" until_true 20 test -s "$T/work/$running"
step 3600
ok "what was delayed by less than the step runs at once" until_true 20 in_state "$soon" succeeded
is "what was delayed by more does not" "$(state_of "$later")" scheduled
is "what runs goes on" "$(state_of "$running")" running
is "a lease is as long as it was" "$(state_of "$away")" running
post "/jobs/$away/extend" "{\"lease\":\"$lease\",\"by\":\"60s\"}"
is "and can be extended" "$status" 200
ok "the schedule of fixed times has one tick for what was passed over" until_true 20 grep -q hourly "$T/work/ticks"
ok "so has the other" until_true 20 grep -q often "$T/work/ticks"
is "one each" "$(ran)" 2
ok "a pause after a failure is over: it was a time of the clock" until_true 20 in_state "$failing" dead
wait_final "$limited" 40
took=$(($(up) - began))
is "a time limit is as long as it was" "$state $(field last_error)" "dead timed out after 12s"
ok "in time that passes ($took s)" test "$took" -ge 11

# --- ten days forward ---
step 864000
ok "what was for later runs" until_true 20 in_state "$later" succeeded
ok "what is too late has expired" until_true 20 in_state "$stale" expired
is "what runs goes on" "$(state_of "$running")" running
is "a lease, too" "$(state_of "$away")" running
more() { [ "$(ran)" -ge 4 ]; }
ok "schedules have one tick for ten days" until_true 20 more
is "one each" "$(ran)" 4
get "/jobs/$soon"
is "what ended longer ago than it is kept is gone" "$status" 404

# --- and back, ten days and an hour ---
submit noop null; before=$id
wait_final "$before"
submit noop null ',"delay":"10m"'; delayed=$id
due=$(field run_at)
submit long null; second=$id
submit short null; limited=$id
began=$(up)
ok "jobs run" until_true 20 test -s "$T/work/$second"
step -867600
submit noop null; after=$id
wait_final "$after"
is "a new job runs" "$state" succeeded
ok "its id is beyond the last one's: arrival does not go back" test "$(printf '%s\n%s\n' "$before" "$after" | sort | head -n 1)" = "$before"
is "what runs goes on" "$(state_of "$running") $(state_of "$second")" "running running"
is "a lease, too" "$(state_of "$away")" running
is "what was delayed is due by the clock" "$(state_of "$delayed")" scheduled
note "it is due at $due"
wait_final "$limited" 40
is "a time limit is as long as it was" "$state $(field last_error)" "dead timed out after 12s"
took=$(($(up) - began))
ok "neither longer nor shorter ($took s)" test "$took" -ge 11 -a "$took" -lt 300
submit noop null ',"delay":"8s"'; eight=$id
began=$(up)
wait_final "$eight" 40
took=$(($(up) - began))
is "a delay of now is one of now" "$state" succeeded
ok "of eight seconds ($took)" test "$took" -ge 7 -a "$took" -lt 300
# The clock went back by more than three hours: both schedules go by the new time.
date -u -s '2026-05-05 10:19:57' > /dev/null
third() { [ "$(ran "$1")" -ge 3 ]; }
ok "a schedule whose minutes follow real time goes by the new time" until_true 60 third often
date -u -s '2026-05-05 10:29:57' > /dev/null
ok "so does one of fixed times, since it went back by more than three hours" until_true 60 third hourly
# Fifteen minutes back: what has run at fixed times does not run again.
date -u -s '2026-05-05 10:15:00' > /dev/null
sleep 2
date -u -s '2026-05-05 10:19:57' > /dev/null
fourth() { [ "$(ran often)" -ge 4 ]; }
ok "fifteen minutes back: the one whose minutes follow real time runs again" until_true 60 fourth
date -u -s '2026-05-05 10:29:57' > /dev/null
sleep 6
is "the one of fixed times does not" "$(ran hourly)" 3
step 868800
ok "the clock is set forward again: what was delayed runs" until_true 20 in_state "$delayed" succeeded

# --- while nobody serves ---
submit noop null ',"delay":"2h"'; over=$id
touch "$T/work/go"
wait_final "$running"
is "what ran all the time has succeeded" "$state $(field result)" "succeeded done"
is "at the first attempt" "$(field attempts)" 1
get "/jobs/$running/history"
like "and its figures are of time that passed" "$(jq '[.history[] | select(.event == "succeeded")][0].duration_ms < 900000' < "$T/body")" true
wait_final "$second"
is "so has the second" "$state $(field attempts)" "succeeded 1"
post "/jobs/$away/complete" "{\"lease\":\"$lease\",\"result\":1}"
is "the lease's owner completes" "$status" 200
ok "the server ends" end_server
step 10800
must_start
ok "over a restart with the clock set forward: what came due meanwhile runs" until_true 20 in_state "$over" succeeded
ok "the server ends" end_server
step -10800
must_start
submit noop null
wait_final "$id"
is "over a restart with the clock set back: jobs run" "$state" succeeded
ok "and ids go on" test "$(printf '%s\n%s\n' "$over" "$id" | sort | head -n 1)" = "$over"
get /stats
is "figures are sane" "$(jq '.execution_ms.max >= 0 and .execution_ms.max < 1000000 and .queue_ms.max >= 0 and .uptime_s >= 0 and .uptime_s < 1000' < "$T/body")" true
note "$(jq -c '{execution_ms, queue_ms, uptime_s}' < "$T/body")"
note "$(grep -E 'schedule|ticks|type=(hourly|often)' "$T/log" | cut -c1-160)"
finish

#!/bin/sh
# `stint bench` against a real server: small runs, whose figures must agree with the server's own; and that it always lets go of the workers.
. "${srcdir:-.}/tests/system/lib.sh"

add_conf <<'END'
worker_jobs = 8
handler noop { builtin = noop }
handler sleep { builtin = sleep }
END

bench() { "$stint" bench "$@" --url "$url" > "$T/out" 2> "$T/err"; code=$?; }
figure() { jq -r ".$1" < "$T/out"; }
more() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }
claims() { "$stint" status -c "$T/stint.conf" --json | jq -r .held; }
free_again() { [ "$(claims)" = false ]; }
idle() { get /stats; [ "$(field queued)" = 0 ] && [ "$(field running)" = 0 ]; }
must_start

bench submit --connections 4 --jobs 200 --json
is "submit: exit code" $code 0
is "submit: jobs and errors" "$(figure jobs)/$(figure errors)" 200/0
ok "submit: a rate" more "$(figure jobs_per_s)" 0
ok "submit: p99 is not under p50" awk -v a="$(figure submit_p99_ms)" -v b="$(figure submit_p50_ms)" 'BEGIN { exit !(a >= b && b > 0) }'
ok "submit: the jobs run" until_true 20 idle
is "submit: the server counts as many" "$(field succeeded_total)" 200
is "submit: nothing on stderr where that is no terminal" "$(cat "$T/err")" ""
bench submit --connections 2 --seconds 200ms
like "submit: for people" "$(cat "$T/out")" '^jobs/s +[0-9,]+\.[0-9]$'
ok "its jobs run" until_true 20 idle
before=$(field succeeded_total)

bench submit --connections 2 --jobs 8 --priorities 4 --with '"delay":"1h","unique_key":"bench-%"' --json
is "submit with more members: exit code" $code 0
is "submit with more members: each key is another" "$(figure jobs)/$(figure errors)" 8/0
get /stats
is "submit with more members: they are as was said" "$(field scheduled)" 8
bench submit --jobs 1 --with '{'
is "members that are none: exit code" $code 64
like "members that are none: what is wrong" "$(cat "$T/err")" 'must be members of a JSON object'

bench drain --jobs 300 -c "$T/stint.conf" --json
is "drain: exit code" $code 0
is "drain: jobs" "$(figure jobs)" 300
ok "drain: the commits it took" more "$(figure commits)" 0
ok "drain: a rate" more "$(figure jobs_per_s)" 0
get /stats
is "drain: the server counts as many" "$(field succeeded_total)" $((before + 300))
ok "drain: nothing is held afterwards" until_true 10 free_again

bench drain --jobs 100 --pid "$server" --json
is "drain with --pid alone: exit code" $code 0
is "drain with --pid alone: jobs" "$(figure jobs)" 100

bench sleep --ms 50ms --jobs 64 -c "$T/stint.conf" --json
is "sleep: exit code" $code 0
is "sleep: jobs at once, from the conf" "$(figure at_once)" 16
ok "sleep: the ideal" awk -v a="$(figure ideal_seconds)" 'BEGIN { exit a != 0.2 }'
ok "sleep: not better than the ideal, but for rounding to milliseconds" awk -v a="$(figure percent_of_ideal)" 'BEGIN { exit !(a > 0 && a < 103) }'

bench latency --jobs 20 -c "$T/stint.conf" --json
is "latency: exit code" $code 0
is "latency: jobs" "$(figure jobs)" 20
ok "latency: an end comes after an answer" awk -v a="$(figure done_p50_ms)" -v b="$(figure submit_p50_ms)" 'BEGIN { exit !(a > b && b > 0) }'
ok "latency: a start comes after the submission, and not after the end" awk -v s="$(figure start_max_ms)" -v e="$(figure done_max_ms)" 'BEGIN { exit !(s > 0 && s <= e + 1) }'
ok "latency: the time in queue by the segment" more "$(figure queue_p50_ms)" 0
bench latency --jobs 3 --delay 30ms -c "$T/stint.conf" --json
is "latency of jobs that are due later: exit code" $code 0
is "latency of jobs that are due later: jobs" "$(figure jobs)" 3
ok "latency of jobs that are due later: an end comes after their time" more "$(figure done_p50_ms)" 30

# --- interrupted while it holds ---
"$stint" bench submit --hold --seconds 60 --connections 1 -c "$T/stint.conf" --url "$url" > "$T/out" 2> "$T/err" &
bench=$!
held() { [ "$(claims)" = true ]; }
ok "--hold holds" until_true 10 held
kill -TERM $bench
wait $bench
is "an interrupted run dies of the signal" $? 143
ok "and lets go" until_true 10 free_again
ok "the jobs run" until_true 20 idle

# --- what cannot be measured ---
bench drain --jobs 10 -c "$T/nowhere.conf"
is "drain without a conf: exit code" $code 78
bench drain --jobs 10
is "drain of a server by its address alone: exit code" $code 64
like "drain of a server by its address alone: what is said" "$(cat "$T/err")" 'Name the conf of the server at .* with -c FILE'
bench drain --jobs 10 --pid 999999999
is "drain with a pid that is none: exit code" $code 69
bench sleep --jobs 10 --pid "$server"
is "sleep without a conf and --at-once: exit code" $code 64
like "sleep without a conf and --at-once: what is said" "$(cat "$T/err")" 'Say --at-once W'
ok "and lets go, too" until_true 10 free_again
bench swim
is "a kind that is not there: exit code" $code 64
bench submit 5
is "an argument too many: exit code" $code 64
bench submit --beanstalkd 127.0.0.1
is "an address without a port: exit code" $code 64
"$stint" bench submit --url http://127.0.0.1:1 > "$T/out" 2> "$T/err"
is "no server: exit code" $? 69
like "no server: what is said" "$(cat "$T/err")" '^stint: cannot connect to http://127.0.0.1:1: Connection refused'
finish

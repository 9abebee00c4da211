#!/bin/sh
# DELETE /jobs/ID, POST /jobs/ID/retry and /run-now, by hand, on the real server.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

cat > "$T/deaf" <<'END'
#!/bin/sh
trap '' TERM
echo "$$" > "$1"
while :; do sleep 0.1; done
END
cat > "$T/polite" <<'END'
#!/bin/sh
echo "$$" > "$1"
exec sleep 1000
END
chmod +x "$T/deaf" "$T/polite"
add_conf <<'END'
handler deaf { exec = {"$T/deaf", "$T/work/deaf.pid"}  timeout = 20m  kill_grace = 300ms }
handler polite { exec = {"$T/polite", "$T/work/polite.pid"}  timeout = 20m }
handler bad { builtin = fail  max_retries = 0 }
handler slow { builtin = fail  max_retries = 5  backoff_base = 1h }
handler fine { builtin = noop }
END
mkdir -p "$T/work"
must_start

# What has not started is cancelled at once.
submit fine 1 ',"delay":"1h"'
request DELETE "/jobs/$id"
is "a scheduled job is cancelled" "$status $(field state)" "200 cancelled"
request DELETE "/jobs/$id"
is "but not twice" "$status" 409
like "the refusal says why" "$(field detail)" "ended already"

# What runs is asked to end, and is final when its handler is gone.
for kind in polite deaf; do
	submit $kind 1
	ok "$kind runs" until_true 10 test -s "$T/work/$kind.pid"
	pid=$(cat "$T/work/$kind.pid")
	request DELETE "/jobs/$id"
	is "$kind: 202" "$status" 202
	wait_final "$id"
	is "$kind ends cancelled" "$state" cancelled
	ok "its handler is gone by then" gone "$pid"
	get "/jobs/$id/history"
	is "the history tells it once" "$(jq -r '[.history[].event] | join(",")' < "$T/body")" "queued,claimed,started,cancelled"
done

# A dead job begins anew.
submit bad 1
bad=$id
wait_final "$id"
is "it is dead" "$state" dead
post "/jobs/$bad/retry" ''
is "it is queued again" "$status $(field state) $(field attempts) $(field worker)" "200 queued 0 null"
wait_final "$bad"
get "/jobs/$bad"
is "its attempts count anew" "$(field state) $(field attempts)" "dead 1"
get "/jobs/$bad/history"
is "both lives are told" "$(jq -r '[.history[].event] | join(",")' < "$T/body")" "queued,claimed,started,failed,dead,requeued,claimed,started,failed,dead"
submit fine 1
wait_final "$id"
post "/jobs/$id/retry" ''
is "a job that succeeded is not retried" "$status" 409

# Not waiting for its time.
submit fine 1 ',"delay":"1h"'
post "/jobs/$id/run-now" ''
is "run now" "$status $(field state) $(field attempts)" "200 queued 0"
wait_final "$id"
is "it has run" "$state" succeeded
post "/jobs/$id/run-now" ''
is "what is over is not run" "$status" 409
submit slow 1
retrying() { [ "$(job_state "$id")" = retrying ]; }
ok "it waits for its backoff" until_true 10 retrying
post "/jobs/$id/run-now" ''
is "nor for its backoff" "$status $(field state) $(field attempts) $(field retry_count)" "200 queued 1 1"
again() { get "/jobs/$id" && [ "$(field retry_count)" = 2 ]; }
ok "it is tried again" until_true 10 again

request DELETE /jobs/019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071
is "no such job" "$status" 404
post /jobs/nonsense/retry ''
is "no id at all" "$status" 404
request PUT "/jobs/$id"
is "another method" "$status" 405
like "says which there are" "$(header Allow)" "DELETE"

# A cancellation survives the keeper that took it.
: > "$T/work/deaf.pid"
submit deaf 1
ok "it runs" until_true 10 test -s "$T/work/deaf.pid"
expect_log 'keeper'
request DELETE "/jobs/$id"
kill -KILL "$(pid_of keeper)"
wait_final "$id"
is "it ends cancelled all the same" "$state" cancelled

end_server
finish

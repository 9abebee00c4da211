#!/bin/sh
# GET /jobs/ID/log of attempts that have ended, and what becomes of a handler's output beyond its limits, on the real server.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

cat > "$T/says" <<'END'
#!/bin/sh
echo "attempt $STINT_ATTEMPT of $STINT_MAX_ATTEMPTS" >&2
echo result
exit "$(cat "$1")"
END
cat > "$T/floods" <<'END'
#!/bin/sh
head -c 3000000 /dev/zero | tr '\0' o
seq 1 200000 >&2
END
chmod +x "$T/says" "$T/floods"
echo 1 > "$T/work/code"
add_conf <<'END'
handler says { exec = {"$T/says", "$T/work/code"}  backoff_base = 1ms  backoff_max = 1ms  max_retries = 14 }
handler floods { exec = {"$T/floods"}  max_output = 100K }
handler silent { exec = {"/bin/true"} }
handler bad { exec = {"/bin/sh", "-c", "printf 'a\\377b<script>' >&2"} }
END
must_start

# What there is none of.
get /jobs/0198e6f0-0000-7000-8000-000000000000/log
is "no such job" "$status" 404
submit silent 1 ',"delay":"1h"'
get "/jobs/$id/log"
is "a job that has not started has no log" "$status" 404
like "and the answer says so" "$(field detail)" "no attempt of it has started; its state is scheduled"
get "/jobs/$id/log?attempt=1"
like "nor a first attempt" "$status $(field detail)" "^404 the job has had no attempt 1"
for q in attempt=0 attempt=x attempt=99999999999 attempt= follow=yes tail=1 'attempt=1&attempt=2'; do
	get "/jobs/$id/log?$q"
	is "?$q is refused" "$status" 400
done
submit silent 1
wait_final "$id"
get "/jobs/$id/log"
is "a job that said nothing has an empty one" "$status $(wc -c < "$T/body")" "200 0"

# Of each attempt, and of the last ten alone.
submit says 1
wait_final "$id"
is "it has failed fifteen times" "$state $(field attempts)" "dead 15"
get "/jobs/$id/log"
is "the last attempt's is the answer" "$status $(cat "$T/body")" "200 attempt 15 of 15"
is "as text" "$(header content-type)" "text/plain; charset=utf-8"
like "that no browser takes for a page of ours" "$(header content-security-policy)" sandbox
got=
for i in 6 7 8 9 10 11 12 13 14; do
	get "/jobs/$id/log?attempt=$i"
	got="$got $status:$(sed 's/ of.*//; s/attempt //' "$T/body")"
done
is "the last ten are kept" "$got" " 200:6 200:7 200:8 200:9 200:10 200:11 200:12 200:13 200:14"
get "/jobs/$id/log?attempt=5"
like "an older one is not, and that is said" "$status $(field detail)" "^404 the log of attempt 5 is not kept any more"
get "/jobs/$id/log?attempt=16"
like "and there was no sixteenth" "$status $(field detail)" "^404 the job has had no attempt 16"
get "/jobs/$id/history"
is "the history still tells of all" "$(jq '[.history[] | select(.event == "failed")] | length' "$T/body")" 15

# Retried by hand it counts anew: its numbers mean its present life.
echo 0 > "$T/work/code"
post "/jobs/$id/retry" ''
wait_final "$id"
is "it succeeds" "$state $(field attempts)" "succeeded 1"
get "/jobs/$id/log?attempt=1"
is "its first attempt is the new one" "$(cat "$T/body")" "attempt 1 of 15"

# More than is kept: the head of the one, the tail of the other, and nobody blocks.
submit floods 1
wait_final "$id"
is "a handler that floods both ends well" "$state $(field result_truncated)" "succeeded true"
get "/jobs/$id/result"
is "the result is cut to max_output" "$(wc -c < "$T/body")" 102400
get "/jobs/$id/log"
is "the log to its last 64K" "$(wc -c < "$T/body")" 65536
is "which end as it ended" "$(tail -n 1 "$T/body")" 200000

# Bytes that are no text are given as they are.
submit bad 1
wait_final "$id"
get "/jobs/$id/log"
is "what is no text comes as it is" "$(od -An -tx1 < "$T/body" | tr -d ' \n')" "61ff623c7363726970743e"

# They lie in the store.
end_server
must_start
get "/jobs/$id/log"
is "a log is there after a restart" "$status $(wc -c < "$T/body")" "200 11"
finish

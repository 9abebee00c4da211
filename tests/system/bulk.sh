#!/bin/sh
# POST /jobs/cancel, /jobs/retry and /jobs/delete on the real server: what they mean, that they come to their end over many slices, and that a keeper killed in the middle loses
# nothing of what was done and does nothing twice.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
handler bad { builtin = fail  max_retries = 0 }
handler fine { builtin = noop }
handler polite { exec = {"/bin/sleep", "1000"}  timeout = 20m }
END
expect_log 'keeper'
must_start

# N jobs that wait an hour.
fill() { # TYPE QUEUE N
	awk -v t="$1" -v q="$2" -v n="$3" 'BEGIN { for (i = 0; i < n; i++) printf "{\"type\":\"%s\",\"queue\":\"%s\",\"delay\":\"1h\",\"tags\":[\"t%d\"]}\n", t, q, i % 10 }' > "$T/lines"
	request POST /jobs --data-binary "@$T/lines" -H 'Content-Type: application/x-ndjson'
}
count_of() { get /stats; jq -r ".queues.\"$2\".$1" < "$T/body"; }

# What is refused.
post /jobs/cancel '{}'
is "nothing said is refused" "$status" 400
like "and says what may be said" "$(field detail)" 'all.*true'
post /jobs/cancel '{"all":false}'
is "nor is all false everything" "$status" 400
post /jobs/cancel '{"queue":"a","colour":"red"}'
is "an unknown member" "$status $(field field)" "400 colour"
post /jobs/retry '{"state":"running"}'
is "a state that it is not for" "$status $(field field)" "400 state"
like "says which it is for" "$(field detail)" "dead, cancelled or expired"
post /jobs/delete '{"type":7}'
is "a wrong type of value" "$status $(field field)" "400 type"
post /jobs/delete '{"dry_run":1,"all":true}'
is "a flag is true or false" "$status $(field field)" "400 dry_run"
post /jobs/delete '[1'
is "no JSON" "$status" 400
post /jobs/delete '{"tag":"a","tag":"b"}'
is "a member twice" "$status" 400
get /jobs/cancel
is "there is no job called cancel" "$status" 404

# Over many slices.
fill fine big 5000
is "5,000 wait" "$(count_of scheduled big)" 5000
post /jobs/cancel '{"queue":"big","dry_run":true}'
is "a dry run counts" "$status $(field count)" "200 5000"
is "and does nothing" "$(count_of scheduled big)" 5000
post /jobs/cancel '{"queue":"big","tag":"t3"}'
is "those with a tag are cancelled" "$status $(field count)" "200 500"
post /jobs/cancel '{"queue":"big","state":"scheduled"}'
is "then the rest" "$(field count)" 4500
is "they are" "$(count_of cancelled big)" 5000
post /jobs/delete '{"state":"cancelled","queue":"big"}'
is "and deleted" "$(field count)" 5000
get /stats
is "nothing is left" "$(field total)" 0

# What runs, and what is dead.
submit polite 1
running=$id
ok "it runs" until_true 10 is_running "$running"
post /jobs/cancel '{"type":"polite"}'
is "what runs is asked to end" "$(field count)" 1
wait_final "$running"
is "and does" "$state" cancelled
for _ in 1 2 3; do submit bad 1; wait_final "$id"; done
post /jobs/retry '{"q":"NO SUCH WORDS"}'
is "no error text has these words" "$(field count)" 0
post /jobs/retry '{"state":"dead","type":"bad"}'
is "the dead are retried" "$(field count)" 3
dead() { [ "$(count_of dead default)" = 3 ]; }
ok "and die again, once each" until_true 10 dead
post /jobs/delete '{"all":true}'
is "everything that has ended is deleted" "$(field count)" 4

# The keeper is killed while it cancels: the acceptor's next slice goes to its successor.
fill fine big 10000
fill fine big 10000
is "20,000 wait" "$(count_of scheduled big)" 20000
fill fine kept 7
curl -s -m 60 -o "$T/answer" -d '{"queue":"big"}' "$url/jobs/cancel" &
client=$!
kills=0
while kill -0 "$client" 2>/dev/null && [ "$kills" -lt 4 ]; do
	begun=$(count_of cancelled big)
	moved() { ! kill -0 "$client" 2>/dev/null || [ "$(count_of cancelled big)" != "$begun" ]; }
	until_true 10 moved
	old=$(pid_of keeper)
	kill -KILL "$old" && kills=$((kills + 1))
	ok "the keeper is replaced ($kills)" until_true 10 replaced keeper "$old"
done
wait "$client"
is "each was counted once" "$(cat "$T/answer")" '{"count":20000}'
is "all are cancelled" "$(count_of cancelled big)" 20000
is "and none of another queue" "$(count_of scheduled kept)" 7

# The acceptor is killed: what was done stays done, the rest is as it was, and asking again does it.
curl -s -m 60 -o "$T/answer" -d '{"queue":"big"}' "$url/jobs/retry" &
client=$!
moved() { [ "$(count_of queued big)" != 0 ] || [ "$(count_of succeeded big)" != 0 ]; }
ok "they are retried" until_true 10 moved
old=$(pid_of acceptor)
expect_log acceptor
kill -KILL "$old"
wait "$client"
ok "the acceptor is replaced" until_true 10 replaced acceptor "$old"
ok "and answers" until_true 10 is_ready
post /jobs/retry '{"queue":"big"}'
is "the rest is retried" "$status" 200
note "$(field count) of them"
succeeded() { [ "$(count_of succeeded big)" = 20000 ]; }
ok "all have run" until_true 60 succeeded
is "none is cancelled any more" "$(count_of cancelled big)" 0

end_server
finish

#!/bin/sh
# Workers on other machines, as curl: claims that wait, leases that are extended, said again, lost and given back, and the deaths of keeper and acceptor in between.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
unknown_types = accept
handler here { builtin = noop }
handler far { remote = true  max_crashes = 2 }
END
expect_log '(acceptor|keeper) \(pid [0-9]+\) was killed by SIGKILL'
expect_log '(acceptor|keeper): the next one is started in'
must_start

post() { request POST "$1" -d "$2"; } # PATH BODY
# The first job of the answer to a claim: $id and $lease; both empty where there was none.
job_of() { # FILE
	id=$(sed -n 's/^{"jobs":\[{"id":"\([^"]*\)".*/\1/p' "$1")
	lease=$(sed -n 's/^[^]]*"lease":"\([0-9]*\)".*/\1/p' "$1")
}
claim() { # MEMBERS: of type far
	post /claims "{\"types\":[\"far\"]$1}"
	job_of "$T/body"
}
# In the background; the answer in $T/claim.N, $waiter is curl's pid.
wait_claim() { # N MEMBERS
	curl -sS -m 60 -d "{\"types\":[\"far\"],\"wait\":\"50s\"$2}" "$url/claims" > "$T/claim.$1" 2>> "$T/curl.err" &
	waiter=$!
}
answered() { [ -s "$T/claim.$1" ]; }
state_is() { # STATE
	get "/jobs/$id"
	[ "$(field state)" = "$1" ]
}
# The acceptor has gone through its loop, and the keeper through a batch, since.
settled() { post /claims '{"types":["nothing"]}'; post /claims '{"types":["nothing"]}'; }

# --- a job from its claim to its end
submit far '{"a": 1.00}'
wanted=$id
is "a job that nobody has claimed" "$status" 201
claim ',"worker":"box:7"'
is "is handed out" "$id" "$wanted"
like "with its payload as it came" "$(cat "$T/body")" '"payload":\{"a": 1\.00\}'
get "/jobs/$id"
is "it says who has it" "$(field state) $(field worker)" "running box:7"
mine=$lease
claim ''
is "once" "$status $id" "200 "
id=$wanted lease=$mine
post "/jobs/$id/extend" "{\"lease\":\"$lease\",\"by\":\"2m\"}"
is "its lease is extended" "$status" 200
post "/jobs/$id/progress" "{\"lease\":\"$lease\",\"percent\":50,\"message\":\"half\"}"
is "progress is taken" "$status" 200
post "/jobs/$id/complete" "{\"lease\":\"99\"}"
is "with another lease it is 409" "$status" 409
ok "and changes nothing" state_is running
post "/jobs/$id/complete" "{\"lease\":\"$lease\",\"result\":{\"n\":12345678901234567890123}}"
is "its end is taken" "$status $(field state)" "200 succeeded"
first=$(cat "$T/body")
post "/jobs/$id/complete" "{\"lease\":\"$lease\",\"result\":{\"n\":12345678901234567890123}}"
is "said again it is answered as the first time" "$status $(cat "$T/body")" "200 $first"
post "/jobs/$id/fail" "{\"lease\":\"$lease\"}"
is "another end is 409" "$status" 409
get "/jobs/$id/result"
is "the result is what was sent" "$(cat "$T/body")" '{"n":12345678901234567890123}'
get "/jobs/$id/history"
like "and the history tells of it" "$(cat "$T/body")" '"event":"started".*"worker":"box:7".*"event":"succeeded"'

# --- failing, with and without a retry
submit far 1
claim ''
post "/jobs/$id/fail" "{\"lease\":\"$lease\",\"error\":\"no luck\",\"retry_in\":\"1h\",\"log\":\"tried\\n\",\"exit_code\":75}"
is "a failure is tried again" "$status $(field state)" "200 retrying"
get "/jobs/$id"
is "with what was said" "$(field last_error) $(field retry_count)" "no luck 1"
request POST "/jobs/$id/run-now"
claim ''
like "in its second attempt" "$(cat "$T/body")" '"attempt":2,'
post "/jobs/$id/fail" "{\"lease\":\"$lease\",\"error\":\"never\",\"retry\":false}"
is "a failure for good is dead" "$status $(field state)" "200 dead"

# --- many at once
for i in 1 2 3; do submit far "$i"; done
post /claims '{"types":["far"],"max":1000}'
ids=$(grep -o '"id":"[^"]*"' "$T/body" | cut -d'"' -f4)
leases=$(grep -o '"lease":"[0-9]*"' "$T/body" | cut -d'"' -f4)
is "three are handed out at once" "$(echo "$ids" | wc -l)" 3
# shellcheck disable=SC2086
set -- $ids
a=$1 b=$2 c=$3
# shellcheck disable=SC2086
set -- $leases
results="[{\"id\":\"$a\",\"lease\":\"$1\",\"outcome\":\"complete\",\"result\":\"yes\"},{\"id\":\"$b\",\"lease\":\"$2\",\"outcome\":\"release\"},{\"id\":\"$c\",\"lease\":\"1\",\"outcome\":\"fail\"},
{\"id\":\"01a00000-0000-7000-8000-000000000000\",\"lease\":\"1\",\"outcome\":\"fail\"}]"
post /claims/results "$results"
is "each has a status of its own" "$status $(grep -o '"status":[0-9]*' "$T/body" | tr -dc '0-9\n' | tr '\n' ' ')" "200 200 200 409 404 "
post "/jobs/$c/release" "{\"lease\":\"$3\"}"
is "what is released is queued again" "$status $(field state)" "200 queued"
post /claims '{"types":["far"],"max":2}'
is "and handed out again" "$(grep -o '"attempt":2' "$T/body" | wc -l)" 2
for i in "$b" "$c"; do request DELETE "/jobs/$i"; is "what runs far away is cancelled at once" "$status $(field state)" "200 cancelled"; done

# --- what makes no sense
for bad in '{}' '{"types":[]}' '{"types":["far"],"max":0}' '{"types":["far"],"wait":"1d"}' '{"types":["far"],"lease":"1ms"}' '{"types":"far"}' '{"types":["far"],"what":1}' '[' '{"types":["far"],"types":["far"]}'; do
	post /claims "$bad"
	is "400 for $bad" "$status" 400
done
post /claims '{"types":["here"]}'
is "422 for what runs here" "$status" 422
for other in x '' -1 0 18446744073709551617 00000000000000000001; do
	post "/jobs/$a/release" "{\"lease\":\"$other\"}"
	is "409 for what was never a lease: '$other'" "$status" 409
done
post /claims/results "[{\"id\":\"$a\",\"lease\":\"no such\",\"outcome\":\"complete\"}]"
is "also among many" "$status $(grep -o '"status":[0-9]*' "$T/body")" '200 "status":409'
for bad in '{}' '{"lease":1}' '{"lease":"1","retry":true}'; do
	post "/jobs/$a/complete" "$bad"
	is "400 for $bad" "$status" 400
done
post /claims/results '{"id":"x"}'
is "400 for results that are no array" "$status" 400
post "/jobs/01a00000-0000-7000-8000-000000000000/extend" '{"lease":"1"}'
is "404 for a job that is not there" "$status" 404

# --- waiting
wait_claim 1 ''
settled
submit far '"new"'
wanted=$id
ok "who waits has it" until_true 20 answered 1
job_of "$T/claim.1"
is "the new one" "$id" "$wanted"
post "/jobs/$id/complete" "{\"lease\":\"$lease\"}"
submit stranger 1
wanted=$id
post /claims '{"types":["stranger"],"wait":"30s"}'
job_of "$T/body"
is "a type that the conf does not know is kept for such workers" "$id" "$wanted"
wait_claim 2 ''
settled
kill "$waiter"
wait "$waiter" 2> /dev/null
settled
submit far '"for nobody"'
settled
get "/jobs/$id"
is "who has hung up gets no job" "$(field state) $(field attempts)" "queued 0"
claim ''
post "/jobs/$id/complete" "{\"lease\":\"$lease\"}"
is "and another has it" "$status" 200
post /claims '{"types":["far"],"wait":"100ms"}'
is "an empty list where none came" "$status $(cat "$T/body")" '200 {"jobs":[]}'

# --- a lease that runs out
submit far 1
wanted=$id
claim ',"lease":"1s"'
old=$lease
ok "a lease that is not extended runs out" until_true 30 state_is queued
is "without using a retry" "$(field retry_count)" 0
get "/jobs/$id/history"
like "as its history says" "$(cat "$T/body")" '"event":"lease_expired"'
post "/jobs/$id/complete" "{\"lease\":\"$old\"}"
is "then the lease is worth nothing" "$status" 409
claim ',"lease":"1s"'
is "another has it" "$id" "$wanted"
ok "as often as max_crashes allows" until_true 30 state_is dead
like "and its error says so" "$(field last_error)" 'max_crashes'

# --- a reply that cannot be written: larger than what sockets hold, to somebody who does not read
head -c 900000 /dev/zero | tr '\0' 'x' > "$T/big"
for i in 1 2 3 4 5 6 7 8; do request POST "/jobs?type=far" -H 'Content-Type: application/octet-stream' --data-binary "@$T/big"; done
is "large payloads" "$status" 201
id=$(field id)
slow() { # N
	curl -sS -m 100 --limit-rate 1k -d '{"types":["far"],"max":20,"lease":"1h"}' "$url/claims" > "$T/claim.$1" 2>> "$T/curl.err" &
	waiter=$!
}
first_is_running() { get "/jobs?state=running"; grep -q '"type":"far"' "$T/body"; }
none_running() { get "/jobs?state=running&type=far"; ! grep -q '"type":"far"' "$T/body"; }
slow 3
ok "they are handed out" until_true 20 first_is_running
kill "$waiter"
wait "$waiter" 2> /dev/null
ok "who goes before he has it all gives them back at once" until_true 20 none_running
slow 4
ok "again" until_true 20 first_is_running
old=$(pid_of acceptor)
kill -KILL "$old"
ok "the acceptor dies" until_true 20 replaced acceptor "$old"
ok "what it had not delivered is given back" until_true 20 none_running
kill "$waiter" 2> /dev/null
wait "$waiter" 2> /dev/null
get "/jobs/$id/history"
like "as released" "$(cat "$T/body")" '"event":"released"'
request POST /jobs/cancel -d '{"type":"far"}'

# --- what was delivered outlives the acceptor, the keeper, and the server
submit far 1
claim ',"lease":"1h"'
held=$id held_lease=$lease
old=$(pid_of acceptor)
kill -KILL "$old"
ok "the acceptor dies again" until_true 20 replaced acceptor "$old"
until_true 20 is_ready
id=$held
ok "what was delivered is still held" state_is running
wait_claim 5 ''
settled
old=$(pid_of keeper)
kill -KILL "$old"
ok "the keeper dies" until_true 20 replaced keeper "$old"
submit far '"after"'
wanted=$id
ok "who waited is still waiting, and has the next job" until_true 20 answered 5
job_of "$T/claim.5"
is "that one" "$id" "$wanted"
post "/jobs/$held/extend" "{\"lease\":\"$held_lease\"}"
is "the lease is still good" "$status" 200
wait_claim 6 ''
settled
old=$(pid_of acceptor)
kill -HUP "$server"
ok "a reload answers who waits" until_true 20 answered 6
is "with nothing" "$(cat "$T/claim.6")" '{"jobs":[]}'
until_true 20 replaced acceptor "$old"
ok "the server ends with leases held" end_server TERM 20
must_start
post "/jobs/$held/complete" "{\"lease\":\"$held_lease\",\"result\":[1]}"
is "and takes their ends when it is back" "$status $(field state)" "200 succeeded"

# --- many deaths, none lost
i=0
while [ $i -lt 6 ]; do
	i=$((i + 1))
	wait_claim "k$i" ',"lease":"1h"'
	submit far "$i"
	victim=keeper
	[ $((i % 2)) -eq 0 ] && victim=acceptor
	kill -KILL "$(pid_of $victim)"
	until_true 20 is_ready
done
none_queued() {
	claim ',"max":100,"lease":"1h"'
	get "/jobs?state=queued&type=far"
	! grep -q '"type":"far"' "$T/body"
}
ok "every job is handed out in the end" until_true 30 none_queued
get "/jobs?state=running&type=far&limit=100"
is "none is lost" "$(grep -o '"state":"running"' "$T/body" | wc -l)" 7
finish

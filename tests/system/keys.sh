#!/bin/sh
# idempotency_key and unique_key on the real server: what they are answered with, and that 64 submitters of one key get one job while the keeper and the acceptor are killed -9.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
handler fine { builtin = noop }
handler noop { builtin = noop }
handler bad { builtin = fail  max_retries = 0 }
END
expect_log 'keeper \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'keeper: the next one is started in'
expect_log 'acceptor \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'acceptor: the next one is started in'
must_start

# --- one at a time ---
submit fine 1 ',"idempotency_key":"k"'
first=$id
is "a job with a key" "$status $(field idempotency_key)" "201 k"
wait_final "$first"
submit fine 1 ',"idempotency_key":"k"'
is "again: the first one, as it is now" "$status $id $(field state) $(header Idempotent-Replayed)" "200 $first succeeded true"
is "and where it is" "$(header Location)" "/jobs/$first"
submit fine 2 ',"idempotency_key":"k"'
is "another job with that key" "$status $(field field)" "422 idempotency_key"
like "the refusal names the key" "$(field detail)" '"k"'
post /jobs '{"type":"fine"}' -H 'Idempotency-Key: h'
h=$(field id)
is "the key in the header" "$status $(field idempotency_key)" "201 h"
post /jobs '{"type":"fine"}' -H 'Idempotency-Key: h'
is "likewise" "$status $(field id)" "200 $h"
post /jobs '{"type":"fine","idempotency_key":"i"}' -H 'Idempotency-Key: h'
is "the header and the field differ" "$status" 400
long=$(head -c 9000 /dev/zero | tr '\0' x)
submit fine "\"$long\"" ',"idempotency_key":"long"'
first=$id
submit fine "\"$long\"" ',"idempotency_key":"long"'
is "with a payload that travels in parts" "$status $id" "200 $first"
submit fine "\"${long}y\"" ',"idempotency_key":"long"'
is "every byte of it counts" "$status" 422
request POST '/jobs?type=fine&idempotency_key=raw' --data-binary abc
first=$(field id)
request POST '/jobs?type=fine&idempotency_key=raw' --data-binary abc
is "a raw body" "$status $(field id)" "200 $first"
request POST '/jobs?type=fine&idempotency_key=raw&priority=1' --data-binary abc
is "with another query" "$status" 422
post /jobs '[{"type":"fine","idempotency_key":"a1"},{"type":"fine","idempotency_key":"a2"},{"type":"fine","idempotency_key":"a1"}]'
is "an array" "$status $(jq -r '[.[].id] | unique | length' < "$T/body")" "201 2"
post /jobs '[{"type":"fine","idempotency_key":"a1"}]'
is "of which none is new" "$status $(header Idempotent-Replayed)" "200 true"
request POST /jobs -H 'Content-Type: application/x-ndjson' --data-binary '{"type":"fine","idempotency_key":"a2"}
{"type":"fine","idempotency_key":"a2","priority":1}'
is "lines, each for itself" "$(jq -sr '[.[] | .status // "fine"] | join(" ")' < "$T/body")" "fine 422"

submit fine 1 ',"delay":"1h","unique_key":"u"'
first=$id
is "a job with a unique key" "$status $(field unique_key)" "201 u"
submit fine 2 ',"unique_key":"u"'
is "another while it lives: that one" "$status $id $(field state) $(header Idempotent-Replayed)" "200 $first scheduled "
submit bad 2 ',"unique_key":"u"'
bad=$id
is "the key is the type's" "$status" 201
wait_final "$bad"
submit bad 3 ',"unique_key":"u","delay":"1h"'
other=$id
is "when it has ended there may be another" "$status" 201
post "/jobs/$bad/retry" ''
is "beside which the first one cannot live again" "$status" 409
like "the refusal says why" "$(field detail)" unique_key
request DELETE "/jobs/$other"
post "/jobs/$bad/retry" ''
is "but after it" "$status" 200

# --- the command ---
first=$("$builddir/stint" submit fine 1 --idempotency-key cli --url "$url")
is "stint submit, again with the same key" "$("$builddir/stint" submit fine 1 --idempotency-key cli --url "$url")" "$first"
first=$("$builddir/stint" submit fine 1 --delay 1h --unique-key cli --url "$url")
is "or with a unique key" "$("$builddir/stint" submit fine 2 --unique-key cli --url "$url")" "$first"
total() { get /stats && field total; }
before=$(total)
"$builddir/stint" bench submit --jobs 60 --connections 4 --idempotency-keys --url "$url" > "$T/bench.out" 2>&1 || sed 's/^/# /' "$T/bench.out"
is "stint bench submit gives each job a key of its own" "$(($(total) - before))" 60

# --- 64 at once, and somebody dies ---
mkdir "$T/answer"
# The answers' statuses, sorted and counted, in $counts; how many ids they say in $ids.
crowd() { # BODY VICTIM PAUSE
	rm -f "$T"/answer/*
	curl -s -Z --parallel-immediate --parallel-max 64 -m 60 --retry 30 --retry-delay 1 --retry-all-errors -o "$T/answer/#1" -w '%{http_code}\n' \
		-H 'Content-Type: application/json' --data-binary "$1" "$url/jobs#[1-64]" > "$T/statuses" 2> "$T/curl.err" &
	crowd=$!
	sleep "$3"
	old=$(pid_of "$2")
	kill -KILL "$old"
	wait $crowd
	ok "the $2 is replaced" until_true 10 replaced "$2" "$old"
	counts=$(sort "$T/statuses" | uniq -c | awk '{ print $2 "x" $1 }' | tr '\n' ' ')
	ids=$(cat "$T"/answer/* | jq -r .id | sort -u | wc -l)
}

before=$(total)
for i in 1 2 3 4 5 6; do
	crowd "{\"type\":\"fine\",\"payload\":$i,\"idempotency_key\":\"crowd $i\"}" keeper "0.0$i"
	is "64 of one idempotency key, the keeper dies: one job ($i)" "$counts$ids" "200x63 201x1 1"
	crowd "{\"type\":\"fine\",\"payload\":$i,\"unique_key\":\"crowd $i\",\"delay\":\"1h\"}" keeper "0.0$i"
	is "64 of one unique key: one job ($i)" "$counts$ids" "200x63 201x1 1"
done
# An answer may be lost with its acceptor, so that nobody has seen the 201; but what they see is one job.
for i in 7 8 9; do
	crowd "{\"type\":\"fine\",\"payload\":$i,\"idempotency_key\":\"crowd $i\"}" acceptor "0.0$i"
	like "64 of one idempotency key, the acceptor dies: one job ($i)" "$counts$ids" '^(200x64|200x63 201x1) 1$'
	crowd "{\"type\":\"fine\",\"payload\":$i,\"unique_key\":\"crowd $i\",\"delay\":\"1h\"}" acceptor "0.0$i"
	like "64 of one unique key: one job ($i)" "$counts$ids" '^(200x64|200x63 201x1) 1$'
done
is "18 jobs in all" "$(($(total) - before))" 18

# --- many keys, and a keeper that dies while it still reads them ---
awk 'BEGIN { for (i = 1; i <= 30000; i++) printf "{\"type\":\"fine\",\"payload\":1,\"delay\":\"2h\",\"idempotency_key\":\"many %d\"}\n", i }' > "$T/many"
request POST /jobs --data-binary "@$T/many" -H 'Content-Type: application/x-ndjson'
is "30,000 keys" "$status $(grep -c '"state":"scheduled"' "$T/body")" "200 30000"
jq -r .id < "$T/body" > "$T/ids"
for i in 1 2 3 4; do
	old=$(pid_of keeper)
	kill -KILL "$old"
	until_true 10 replaced keeper "$old" || bail "no keeper follows"
	submit fine 1
	is "a job without a key is taken ($i)" "$status" 201
	submit fine 1 ",\"delay\":\"2h\",\"idempotency_key\":\"many $((i * 7000))\""
	is "one with a key is told of the first ($i)" "$status $id" "200 $(sed -n $((i * 7000))p "$T/ids")"
done

# --- the server's next run knows them ---
first=$(curl -s -m 10 -d '{"type":"fine","payload":1,"idempotency_key":"crowd 1"}' -H 'Content-Type: application/json' "$url/jobs" | jq -r .id)
end_server
must_start
submit fine 1 ',"idempotency_key":"k"'
is "the key of before the restart" "$status $(header Idempotent-Replayed)" "200 true"
post /jobs '{"type":"fine","payload":1,"idempotency_key":"crowd 1"}'
is "and the crowd's" "$status $(field id)" "200 $first"
submit fine 1 ',"unique_key":"u"'
is "and the unique one" "$status $(field state)" "200 scheduled"
end_server
finish

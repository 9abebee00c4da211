#!/bin/sh
# Arrays of jobs on the real server: all of one are made or none, whatever it is that the store finds fault with, however long they are, and whoever is killed meanwhile.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
queue shut { }
queue small { max_queued = 3 }
handler fine { builtin = noop }
END
expect_log 'keeper'
must_start
post /queues/shut/pause ''
post /queues/small/pause ''
total() { get /stats; field total; }

# One whose key was used for something else.
submit fine 1 ',"queue":"shut","idempotency_key":"k"'
first=$id
post /jobs '[{"type":"fine","queue":"shut"},{"type":"fine","queue":"shut","payload":2,"idempotency_key":"k"},{"type":"fine","queue":"shut","idempotency_key":"n"}]'
is "a key that was used" "$status $(field field)" "422 [1].idempotency_key"
like "is named" "$(field detail)" '"k"'
is "and nothing is stored" "$(total)" 1
post /jobs '[{"type":"fine","queue":"shut","idempotency_key":"n"},{"type":"fine","payload":7,"queue":"shut","idempotency_key":"n"}]'
is "a key that the array itself has used" "$status $(field field)" "422 [1].idempotency_key"
is "is nothing either" "$(total)" 1

# Replays.
again='{"type":"fine","payload":1,"queue":"shut","idempotency_key":"k"}'
post /jobs "[$again,$again]"
is "all there already" "$status $(header Idempotent-Replayed) $(jq -r '[.[].id] | unique[]' < "$T/body")" "200 true $first"
post /jobs "[$again,{\"type\":\"fine\",\"queue\":\"shut\"}]"
is "one of them new" "$status $(header Idempotent-Replayed) $(jq -r '.[0].id' < "$T/body")" "201  $first"
is "it is stored" "$(total)" 2

# Room.
one='{"type":"fine","queue":"small"}'
post /jobs "[$one,$one,{\"type\":\"fine\",\"queue\":\"shut\"},$one,$one]"
is "more than the queue takes" "$status $(field field) $(header Retry-After)" "429 [4] 1"
is "none is stored" "$(total)" 2
post /jobs "[$one,$one,$one]"
is "as many as it takes" "$status $(total)" "201 5"
post /jobs "[$again,$one]"
is "full" "$status $(field field)" "429 [1]"

# A parent, behind a key, which only the keeper looks at.
post /jobs '[{"type":"fine","queue":"shut"},{"type":"fine","idempotency_key":"p","depends_on":["019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071"]}]'
is "a parent that is not there" "$status $(field field)" "422 [1].depends_on[0]"
like "is named" "$(field detail)" 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071
is "and nothing is stored of that" "$(total)" 5

# Long ones: what a thousand jobs say goes up in pieces, and so do payloads.
long=$(head -c 750 /dev/zero | tr '\0' x)
i=0
while [ "$i" -lt 1000 ]; do
	[ "$i" -eq 0 ] || printf ,
	printf '{"type":"fine","queue":"shut","payload":"%s-%s"}' "$i" "$long"
	i=$((i + 1))
done > "$T/thousand"
{ printf '['; cat "$T/thousand"; printf ']'; } > "$T/long"
request POST /jobs --data-binary "@$T/long"
is "a thousand long ones" "$status $(jq 'length' < "$T/body") $(jq '[.[].id] | unique | length' < "$T/body") $(total)" "201 1000 1000 1005"
request POST /jobs --data-binary "@$T/long"
jq -r '.[777].id' < "$T/body" > "$T/id"
get "/jobs/$(cat "$T/id")"
is "each with what it said" "$(jq -r .payload < "$T/body" | cut -d- -f1)" 777
is "and they are all there" "$(total)" 2005
{ printf '['; cat "$T/thousand" | sed 's/^\(.*\)},{"type"/\1,"idempotency_key":"k"},{"type"/'; printf ']'; } > "$T/bad"
request POST /jobs --data-binary "@$T/bad"
is "one of the thousand with a key that was used" "$status $(field field)" "422 [998].idempotency_key"
big=$(head -c 9000 /dev/zero | tr '\0' y)
post /jobs "[{\"type\":\"fine\",\"queue\":\"shut\",\"payload\":\"$big\"},{\"type\":\"fine\",\"queue\":\"shut\",\"payload\":\"$big\",\"idempotency_key\":\"k\"}]"
is "long payloads of an array that is refused" "$status $(field field)" "422 [1].idempotency_key"
is "none of all that is stored" "$(total)" 2005
post /jobs "[{\"type\":\"fine\",\"queue\":\"shut\",\"payload\":\"$big\"},{\"type\":\"fine\",\"queue\":\"shut\"}]"
is "long payloads of one that is not" "$status $(total)" "201 2007"
post /jobs '[]'
is "an empty one" "$status $(cat "$T/body")" "201 []"

# Whoever dies: all fifty of each are there or none.
fifty=$(i=1; printf '[%s' '{"type":"fine","queue":"shut"}'; while [ "$i" -lt 50 ]; do printf ',{"type":"fine","queue":"shut"}'; i=$((i + 1)); done; printf ']')
: > "$T/statuses"
(
	i=0
	while [ ! -e "$T/enough" ] && [ "$i" -lt 4000 ]; do
		curl -s -m 45 -o /dev/null -w '%{http_code}\n' --data-binary "$fifty" "$url/jobs" >> "$T/statuses"
		i=$((i + 1))
	done
) &
asking=$!
for i in 1 2 3 4 5 6; do
	sleep 0.2
	old=$(pid_of keeper)
	kill -9 "$old"
	until_true 20 replaced keeper "$old" || bail "no keeper follows"
done
touch "$T/enough"
wait "$asking"
answered=$(grep -c 201 "$T/statuses")
stored=$(($(total) - 2007))
ok "some were answered ($answered)" [ "$answered" -gt 3 ]
is "whole arrays" $((stored % 50)) 0
ok "all that were answered ($stored jobs)" [ "$stored" -ge $((answered * 50)) ]
get /stats
is "and they are counted" "$(jq '.queues.shut.queued' < "$T/body")" $((stored + 2007 - 3))
finish

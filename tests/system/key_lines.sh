#!/bin/sh
# Jobs with a key on the real server: never more than key_concurrency of a key at once and, where that is 1, in order of arrival, while keeper, worker and acceptor are killed -9 and jobs fail; a reload that changes it.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

# A run stands as a file of its key while it goes on, notes how many stood at once and its number. Every fifth fails in its first attempt.
cat > "$T/work.sh" <<'EOF'
#!/bin/sh
set -- "$1" $(tr -d '"')
key=$2
number=$3
dir=$1/$key
mkdir -p "$dir/now"
me=$dir/now/$$
: > "$me"
for other in "$dir"/now/*; do
	kill -0 "${other##*/}" 2>/dev/null && echo 1
done | wc -l >> "$dir/most"
echo "$number" >> "$dir/order"
sleep 0.02
rm -f "$me"
if [ $((number % 5)) -eq 4 ] && [ ! -e "$dir/failed.$number" ]; then
	: > "$dir/failed.$number"
	exit 1
fi
exit 0
EOF
chmod +x "$T/work.sh"
add_conf <<'END_CONF'
handler one { exec = {"$T/work.sh", "$T/work/one"}  key_concurrency = 1  backoff_base = 30ms  max_crashes = 100 }
handler two { exec = {"$T/work.sh", "$T/work/two"}  key_concurrency = 2  backoff_base = 30ms  max_crashes = 100 }
handler hold { exec = {"$T/hold"}  timeout = 20m  key_concurrency = 1 }
handler fine { builtin = noop  key_concurrency = 1 }
END_CONF
must_start

submit fine 1 ',"key":"customer 7"'
is "a job has a key" "$status $(field key)" "201 customer 7"
wait_final "$id"
is "and shows it" "$state $(field key)" "succeeded customer 7"
request POST '/jobs?type=fine&key=customer%208' --data-binary raw -H 'Content-Type: text/plain'
is "a raw one too" "$status $(field key)" "201 customer 8"
submit fine 1 ',"key":""'
is "an empty key is refused" "$status $(field field)" "400 key"
id=$("$builddir/stint" submit fine 1 --key "customer 9" --url "$url")
get "/jobs/$id"
is "stint submit --key" "$(field key)" "customer 9"

# --- under load, and somebody dies ---
lines() { # TYPE KEYS JOBS
	i=0
	while [ $i -lt "$3" ]; do
		for key in $2; do
			printf '{"type":"%s","payload":"%s %d","key":"%s","queue":"q%d","priority":%d,"max_retries":3}\n' "$1" "$key" $i "$key" $((i % 3)) $((i % 4))
		done
		i=$((i + 1))
	done
}
lines one "a b c" 40 > "$T/work/one.json"
lines two "a b" 40 > "$T/work/two.json"
expect_log 'killed by SIGKILL'
expect_log 'the next one is started in|descendant|left behind|died while'
request POST /jobs --data-binary "@$T/work/one.json" -H 'Content-Type: application/x-ndjson'
is "120 jobs of three keys" "$status $(grep -c '"queued"' "$T/body")" "200 120"
request POST /jobs --data-binary "@$T/work/two.json" -H 'Content-Type: application/x-ndjson'
is "80 jobs of two keys" "$status $(grep -c '"queued"' "$T/body")" "200 80"
done_of() { [ "$(cat "$T"/work/one/*/order 2>/dev/null | sort -u | wc -l)" -ge "$1" ]; }
for round in 1 2 3; do
	ok "they go on ($round)" until_true 60 done_of $((round * 9))
	for who in keeper "worker $((round % 2 + 1))" acceptor; do
		old=$(pid_of "$who")
		kill -KILL "$old"
		ok "the $who is replaced ($round)" until_true 20 replaced "$who" "$old"
	done
done
all_done() { get /stats && [ "$(field queued)$(field running)$(field retrying)" = 000 ]; }
ok "all run" until_true 240 all_done
get /stats
is "and succeed" "$(field dead)" 0
for key in a b c; do
	is "one at a time of $key" "$(sort -n "$T/work/one/$key/most" | tail -n 1 | tr -d ' ')" 1
	is "in order of arrival" "$(sort -n "$T/work/one/$key/order" | cmp - "$T/work/one/$key/order" && sort -nu "$T/work/one/$key/order" | wc -l | tr -d ' ')" 40
done
for key in a b; do
	is "at most two at a time of $key" "$([ "$(sort -n "$T/work/two/$key/most" | tail -n 1)" -le 2 ] && echo yes)" yes
	is "and all of them" "$(sort -nu "$T/work/two/$key/order" | wc -l | tr -d ' ')" 40
done

# --- a reload ---
jobs=
for i in 1 2 3 4 5; do
	submit hold $i ',"key":"k"'
	jobs="$jobs $id"
done
running_is() { get /stats && [ "$(field types.hold.running)" = "$1" ]; }
ok "one runs" until_true 20 running_is 1
get /queues/default
is "the others are queued" "$(field counts.queued)" 4
reload_with() { # N
	sed -i "s|timeout = 20m  key_concurrency = [0-9]*|timeout = 20m  key_concurrency = $1|" "$T/stint.conf"
	kill -HUP "$server"
}
reload_with 3
ok "with a limit of three, three" until_true 20 running_is 3
in_force() { grep -q "generation $1 is in force" "$T/log"; }
reload_with 1
ok "fewer again" until_true 20 in_force 3
submit hold 6 ',"key":"k"'
last=$id
submit fine 2 ',"key":"k"'
wait_final "$id"
is "another type with that key goes on" "$state" succeeded
is "and one more waits for those that run" "$(job_state "$last")" queued
request DELETE "/queues/default/jobs?state=queued"
is "a purge takes it out of its line" "$status $(field count)" "200 3"
is "cancelled" "$(job_state "$last")" cancelled
is "three run on" "$(get /stats && field types.hold.running)" 3
touch "$T/work/go"
set -- $jobs
for id in "$1" "$2" "$3"; do
	wait_final "$id"
	is "it ends" "$state" succeeded
done
finish

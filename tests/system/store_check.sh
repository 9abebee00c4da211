#!/bin/sh
# `stint check`: a store in use, one at rest and one that is damaged where it lies. Damage is an answer, never a crash.
. "${srcdir:-.}/tests/system/lib.sh"

add_conf <<'END'
handler noop { builtin = noop }
handler fail { builtin = fail max_retries = 0 }
handler slow { builtin = sleep }
handler line { builtin = sleep key_concurrency = 1 }
END

check() { "$stint" check -c "$T/stint.conf" "$@" > "$T/out" 2> "$T/err"; code=$?; }

# --- before there is one ---
write_conf 1
check
is "without a store: exit code" $code 66
like "without a store: it says so" "$(cat "$T/err")" "^stint: there is no store in $T/store; name the server's conf with -c FILE$"
check nonsense
is "an argument: exit code" $code 64

# --- in use ---
must_start
i=0
while [ $i -lt 300 ]; do
	i=$((i + 1))
	printf '{"type":"noop","payload":%d}\n{"type":"fail"}\n{"type":"slow","payload":{"ms":5},"delay":"1h"}\n{"type":"line","payload":{"ms":600000},"key":"k%d"}\n' $i $((i % 3))
done > "$T/lines"
head -c 300000 /dev/zero | tr '\0' x > "$T/long"
request POST '/jobs?type=slow&delay=1h' --data-binary "@$T/long" -H 'Content-Type: text/plain'
is "a long payload" "$status" 201
"$stint" list --url "$url" > /dev/null
curl -fs -H 'Content-Type: application/x-ndjson' --data-binary "@$T/lines" "$url/jobs" > "$T/answers" &
load=$!
for i in 1 2 3; do
	check
	is "while jobs come and run: exit code ($i)" "$code $(cat "$T/err")" "0 "
	like "while jobs come and run: it is sound ($i)" "$(cat "$T/out")" '^sound: [0-9,]+ jobs, [0-9,]+ rows$'
done
wait "$load"
settled() { get /stats; [ "$(field dead)" = 300 ] && [ "$(field succeeded)" = 300 ]; }
ok "the short ones end" until_true 60 settled
check --json
is "as JSON" "$code $(jq -c '[.flaws, .jobs, .sound]' < "$T/out")" '0 [[],1201,true]'
check --repair
is "no repair while a server runs" "$code $(cat "$T/err")" "69 stint: a server runs on $T/store (process $server); stop it for the repair"
ok "the server ends" end_server INT
server=
check
is "at rest: exit code" $code 0
like "at rest: it is sound" "$(cat "$T/out")" '^sound: 1,201 jobs, [0-9,]+ rows$'
"$stint" check -c "$T/stint.conf" > /dev/full 2> "$T/err"
is "where nothing can be written: exit code" $? 74

# --- damaged ---
cp "$T/store/data.mdb" "$T/good.mdb"
size=$(wc -c < "$T/good.mdb")

# One byte in the middle of the first page that has this text.
flip_at() { # OFFSET
	byte=$(od -An -tu1 -j "$1" -N 1 "$T/store/data.mdb" | tr -d ' ')
	# shellcheck disable=SC2059 # the octal escape is the format
	printf "\\$(printf '%03o' $((byte ^ 0x55)))" | dd of="$T/store/data.mdb" bs=1 seek="$1" conv=notrunc 2> /dev/null
}
verdict() { [ "$code" = 0 ] || [ "$code" = 1 ]; }
found=0 crashed=0
page=2
while [ $page -lt 26 ]; do
	cp "$T/good.mdb" "$T/store/data.mdb"
	at=$((page * (size / 4096) / 26 * 4096))
	flip_at $((at + 16)); flip_at $((at + 12)); flip_at $((at + 4000))
	check
	verdict || { crashed=$((crashed + 1)); note "page at $at: exit code $code: $(cat "$T/err")"; }
	[ "$code" != 1 ] || found=$((found + 1))
	page=$((page + 1))
done
is "two dozen damaged pages: always a verdict" $crashed 0
ok "two dozen damaged pages: some of them are in use, and are found ($found)" test $found -ge 5
cp "$T/good.mdb" "$T/store/data.mdb"
truncate -s $((size / 2)) "$T/store/data.mdb"
check
is "cut to one half: exit code" $code 1
like "cut to one half: it says so" "$(head -n 1 "$T/out")" "^file: $T/store/data.mdb is cut short: "
head -c 100000 /dev/urandom > "$T/store/data.mdb"
check
is "noise: exit code" $code 1
like "noise: it says so" "$(head -n 1 "$T/out")" 'data.mdb has a damaged head: it is not an LMDB file'
: > "$T/store/data.mdb"
check --json
is "empty: exit code" "$code $(jq -r .sound < "$T/out")" "1 false"

# --- repaired ---
repair() { "$stint" check --repair -c "$T/stint.conf" "$@" > "$T/out" 2> "$T/err"; code=$?; }
kept() { find "$T/store" -name 'data.mdb.damaged-*'; }
before=$(cksum < "$T/store/data.mdb")
repair
is "what is no store is left as it is" "$code $(cksum < "$T/store/data.mdb") $(kept)" "65 $before "
cp "$T/good.mdb" "$T/store/data.mdb"
repair
is "a sound one: exit code" "$code $(cat "$T/err")" "0 "
like "a sound one: nothing is lost" "$(cat "$T/out")" "^built anew with 1,201 jobs; 0 things were lost; the file as it was is $T/store/data.mdb.damaged-[0-9]+$"
ok "the file as it was is kept" cmp -s "$T/good.mdb" "$(kept)"
check
is "it is sound: exit code" "$code $(grep -c '^sound: 1,201 jobs' "$T/out")" "0 1"
bad=0 page=2
while [ $page -lt 14 ]; do
	rm -f "$(kept)"
	cp "$T/good.mdb" "$T/store/data.mdb"
	at=$((page * (size / 4096) / 14 * 4096))
	flip_at $((at + 16)); flip_at $((at + 12)); flip_at $((at + 4000))
	repair
	verdict || { bad=$((bad + 1)); note "page at $at: exit code $code: $(cat "$T/err")"; }
	check
	[ "$code" = 0 ] || { bad=$((bad + 1)); note "page at $at is not sound: $(head -n 3 "$T/out")"; }
	page=$((page + 1))
done
is "a dozen damaged pages: each is repaired" $bad 0
rm -f "$(kept)"
cp "$T/good.mdb" "$T/store/data.mdb"
truncate -s $((size / 4096 * 3 / 4 * 4096)) "$T/store/data.mdb"
repair --json
ok "cut by a quarter: it is repaired, or said that it cannot be" test "$code" = 1 -o "$code" = 65
if [ "$code" = 65 ]; then
	rm -f "$(kept)"
	cp "$T/good.mdb" "$T/store/data.mdb"
fi
is "nothing of the building is left" "$(find "$T/store" -mindepth 1 ! -name 'data.mdb.damaged-*' -printf '%f\n' | sort | tr '\n' ' ')" "data.mdb instance.lock writer.lock "
must_start
submit noop 1
wait_final "$id"
is "a server starts on it and runs jobs" "$state" succeeded
ok "the server ends again" end_server INT
server=
finish

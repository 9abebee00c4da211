# shellcheck shell=sh disable=SC2154
# The part "power" of tools/vm-check, on the host: clients submit with keys and note each 201, then the plug is pulled (kill -9 of qemu: what the machine has not flushed to its disk is gone), and the machine
# is started again on what is left. cache=unsafe: whatever qemu was given is in the file of this host, which does not lose power, so its own flushes would only take time. Read by tools/vm-check, whose functions it uses.
#
# Each life: the store is sound before the server starts, all that was noted is there once, what had ended has not gone back, and a client that asks again with the same key gets the same job.

. "$here/tests/vm/clients.sh"
P=$dir/power
rm -rf "$P"
mkdir -p "$P/data"
port=$((20000 + $$ % 10000))
at=http://127.0.0.1:$port
"$build/stint" token vm admin > "$P/token.out"
token=$(sed -n 's/^ *\(stint_[0-9a-f]*\)$/\1/p' "$P/token.out")
sed -n 's/^ *\(vm admin .*\)/\1/p' "$P/token.out" > "$P/data/tokens"
make_image data "$P/data" 1G
: > "$P/noted" # key and id of each 201
: > "$P/ended" # ids that were seen to have ended

serving() { [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' "$at/readyz")" = 200 ]; }
wait_until() { # SECONDS COMMAND...
	left=$(($1 * 5))
	shift
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.2
	done
}
switch_on() {
	boot serve quick -drive "file=$dir/data.img,format=raw,if=virtio,cache=unsafe" -netdev "user,id=n0,hostfwd=tcp:127.0.0.1:$port-:8080" -device virtio-net-pci,netdev=n0
	wait_until 600 serving
}
# A stream of lines, each of which is durable when its answer is there.
submit_lines() { # LINES ANSWERS
	ask -N -H 'Content-Type: application/x-ndjson' -T - "$at/jobs" -X POST < "$1" > "$2" 2> /dev/null
}
still_ended() {
	awk '$3 == "succeeded" { print $2 }' "$P/listed" | sort > "$P/b"
	sort -u "$P/ended" > "$P/a"
	[ -z "$(comm -23 "$P/a" "$P/b")" ]
}
sound() { grep '^check: ' "$dir/serve.lines" | grep -q '^check: sound'; }
# Whoever was cut off asks again, a little further than it came: the same job for what it knows, one at most for what it does not.
ask_again() {
	for name in $again; do
		got=$(wc -l < "$P/$name.answers")
		requests "$name" 1 $((got + 3)) > "$P/again.requests"
		submit_one_by_one "$P/again.requests" "$P/again.answers"
		noted_of "$P/$name.answers" > "$P/a"
		noted_of "$P/again.answers" > "$P/b"
		[ "$(wc -l < "$P/b")" -eq $((got + 3)) ] && [ "$(head -n "$got" "$P/b")" = "$(cat "$P/a")" ] && ! head -n "$got" "$P/again.answers" | grep -qv '	200$' || return 1
		cat "$P/b" >> "$P/noted"
	done
}
judge() { # a word that names the moment
	point "$1: the store is sound" sound
	list_all || echo "# the listing broke off"
	point "$1: all $(wc -l < "$P/noted") that were noted are there" all_there
	point "$1: and once, of $(wc -l < "$P/listed")" none_twice
	point "$1: what had ended has ended ($(wc -l < "$P/ended"))" still_ended
}

n=0
again=
cut=1
while [ "$cut" -le "$cuts" ]; do
	point "start $cut" switch_on || { echo "# the machine does not serve: $dir/serve.lines"; return; }
	judge "start $cut"
	point "start $cut: who asks again is answered with what there is" ask_again
	case $((cut % 2)) in 1) kind=odd ;; *) kind=even ;; esac
	again="$kind$cut-a $kind$cut-b"
	clients=
	for name in $again; do
		requests "$name" 1 1000 > "$P/$name.requests"
		: > "$P/$name.answers"
		submit_one_by_one "$P/$name.requests" "$P/$name.answers" &
		clients="$clients $!"
	done
	# Programs take their time at the end.
	if [ $kind = odd ]; then stream=300; else stream=1500; fi
	bodies "$kind$cut-l" 1 $stream > "$P/lines"
	: > "$P/lines.answers"
	submit_lines "$P/lines" "$P/lines.answers" &
	clients="$clients $!"
	# From a tenth of a second to eight, of which the last looks at what has ended.
	ms=$(($(od -An -N2 -tu2 /dev/urandom) % 8000 + 100))
	[ $((cut % 5)) -ne 0 ] || ms=$((ms / 10))
	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
	ask "$at/jobs?state=succeeded&limit=1000" 2> /dev/null > "$P/page" && jq -r '.jobs[].id' < "$P/page" >> "$P/ended" 2> /dev/null
	stop_machine
	for pid in $clients; do wait "$pid"; done
	for name in $again; do
		grep -v '	20[01]$' "$P/$name.answers" | cut -c1-100 | sort | uniq -c | grep -v '	000$' | head -n 3 | sed 's/^/# /'
		# An answer that was cut off is none.
		grep '	20[01]$' "$P/$name.answers" > "$P/a"
		cp "$P/a" "$P/$name.answers"
		noted_of "$P/$name.answers" >> "$P/noted"
	done
	# Whole lines of answers, with the keys of as many lines of requests.
	awk '/\}$/' "$P/lines.answers" | jq -r .id > "$P/a"
	head -n "$(wc -l < "$P/a")" "$P/lines" | jq -r .idempotency_key | paste -d' ' - "$P/a" >> "$P/noted"
	echo "# cut $cut after $ms ms: $(cat "$P"/"$kind$cut"-*.answers | wc -l) answered one by one, $(wc -l < "$P/a") of a stream"
	cut=$((cut + 1))
done

point "the last start" switch_on
judge "the last start"
point "who asks again is answered with what there is" ask_again
drained() { list_all && [ "$(awk '$3 != "succeeded" && $3 != "scheduled"' "$P/listed" | wc -l)" -eq 0 ]; }
point "all that is due has succeeded" wait_until 600 drained
point "all $(wc -l < "$P/noted") are there" all_there
point "and once" none_twice
ask "$at/stats" | jq -c '{total, succeeded, scheduled, recovered_total}' | sed 's/^/# /'
stop_machine
echo "1..$n"

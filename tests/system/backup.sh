#!/bin/sh
# `stint backup` under load: what was answered before it began is in it, it is sound, and a server started on it goes on where it was.
. "${srcdir:-.}/tests/system/lib.sh"

add_conf <<'END'
handler noop { builtin = noop }
handler slow { builtin = sleep }
END

backup() { "$stint" backup -c "$T/stint.conf" "$@" > "$T/out" 2> "$T/err"; code=$?; }

must_start
head -c 1048576 /dev/urandom > "$T/long"
request POST '/jobs?type=slow&delay=1h' --data-binary "@$T/long" -H 'Content-Type: application/octet-stream'
is "a long payload" "$status" 201
long=$(field id)
i=0
while [ $i -lt 500 ]; do i=$((i + 1)); printf '{"type":"noop","name":"before","tags":["before"]}\n{"type":"slow","payload":{"ms":1},"delay":"1h","tags":["before"]}\n'; done > "$T/lines"
curl -fs -H 'Content-Type: application/x-ndjson' --data-binary "@$T/lines" "$url/jobs" | jq -r .id > "$T/before"
is "a thousand are answered before" "$(grep -c . "$T/before")" 1000

# Load that lasts until it is told to end.
(while [ ! -e "$T/enough" ]; do curl -fs -o /dev/null -H 'Content-Type: application/x-ndjson' --data-binary "@$T/lines" "$url/jobs" || exit; done) &
load=$!
backup "$T/copy"
is "under load: exit code" "$code $(cat "$T/err")" "0 "
like "under load: it says how much" "$(cat "$T/out")" "^$T/copy: [0-9,]+ bytes$"
backup --json "$T/second/"
is "a second one, as JSON" "$code $(jq -r '.bytes > 1048576' < "$T/out")" "0 true"
: > "$T/enough"
wait "$load"
is "nothing else lies beside them" "$(cd "$T" && ls -d copy* second* | tr '\n' ' ')" "copy second "
is "nobody else may read it" "$(stat -c '%a' "$T/copy" "$T/copy/data.mdb" | tr '\n' ' ')" "750 640 "
backup "$T/copy"
is "a destination that is there: exit code" $code 73
like "a destination that is there: it says so" "$(cat "$T/err")" "^stint: $T/copy is there already; a backup is a new directory$"
backup "$T/nowhere/copy"
is "a destination that cannot be made: exit code" $code 73
backup
is "no destination: exit code" $code 64

# --- the server ends, and one starts on the copy ---
ok "the server ends" end_server
server=
backup "$T/third"
is "of a store at rest: exit code" $code 0
if [ "$(id -u)" = 0 ] && nobody=$(id -u nobody 2> /dev/null); then
	chmod 711 "$T"
	chown -R nobody "$T/third"
	sed "s|path = \"$T/store\"|path = \"$T/third\"|" "$T/stint.conf" > "$T/third.conf"
	"$stint" backup -c "$T/third.conf" "$T/fourth" > "$T/out" 2>&1
	is "as root: it belongs to whom the store belongs to" "$? $(stat -c '%u' "$T/fourth" "$T/fourth/data.mdb" | tr '\n' ' ')" "0 $nobody $nobody "
	for command in check export "check --repair"; do
		# shellcheck disable=SC2086 # two words
		"$stint" $command -c "$T/third.conf" $([ "$command" != export ] || echo -) > "$T/out" 2> "$T/err"
		is "as root: $command" "$? $(cat "$T/err")" "0 "
	done
	is "as root: no file of root's is left in the store" "$(find "$T/third" -user root)" ""
fi
sed -i "s|path = \"$T/store\"|path = \"$T/copy\"|" "$T/base.conf"
write_conf 1
"$stint" check -c "$T/stint.conf" > "$T/out" 2>&1
is "the copy is sound" "$? $(sed 's/:.*//' "$T/out")" "0 sound"
must_start
sed "s|^|url = $url/jobs/|" "$T/before" > "$T/urls"
curl -fs -K "$T/urls" | jq -r .id > "$T/found"
ok "all that was answered before is there" cmp -s "$T/before" "$T/found"
get "/jobs/$long/payload"
ok "the long payload too" cmp -s "$T/long" "$T/body"
submit noop 1
wait_final "$id"
is "and it takes jobs and runs them" "$state" succeeded
finish

#!/bin/sh
# GET /jobs/ID/log?follow=1: a log that is read while it is written, on the real server, through deaths of everybody concerned.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

# Says a line for each line that it is told, and ends at "end".
cat > "$T/parrot" <<'END'
#!/bin/sh
echo "begun $STINT_ATTEMPT" >&2
echo "$STINT_ATTEMPT" >> "$1.begun"
while read -r line; do
	case $line in
	end) exit 0 ;;
	fail) exit 1 ;;
	flood) seq 1 300000 >&2 ;;
	*) echo "$line" >&2 ;;
	esac
done < "$1"
END
chmod +x "$T/parrot"
add_conf <<'END'
handler parrot { exec = {"$T/parrot", "$T/work/fifo"}  timeout = 20m  backoff_base = 50ms  backoff_max = 50ms }
handler quick { exec = {"/bin/sh", "-c", "echo short >&2"} }
END
sed -i 's/drain_timeout = 10s/drain_timeout = 20s/' "$T/base.conf"

tell() { printf '%s\n' "$*" >&3; }
# A parrot that runs; descriptor 3 is its ear.
parrot() { # [MEMBERS]
	rm -f "$T/work/fifo" "$T/work/fifo.begun"
	mkfifo "$T/work/fifo"
	submit parrot 1 "${1:-}"
	exec 3<> "$T/work/fifo"
	until_true 20 test -s "$T/work/fifo.begun"
}
has_line() { grep -qx -- "$2" "$T/$1" 2>/dev/null; } # FILE LINE
follow() { # NAME [QUERY]: curl in the background, what comes in $T/NAME; its exit code goes to $T/NAME.rc
	rm -f "$T/$1" "$T/$1.rc"
	{
		curl -sSN -m 120 "$url/jobs/$id/log?follow=1${2:-}" > "$T/$1" 2> "$T/$1.err" &
		echo $! > "$T/$1.pid"
		wait $!
		echo "$?" > "$T/$1.rc"
	} 3>&- 2>/dev/null &
}
ended() { until_true 20 test -s "$T/$1.rc"; } # NAME

must_start

# What was kept, then what comes, then the end with the attempt's.
parrot
tell one
follow a
ok "what was said before comes first" until_true 20 has_line a one
is "from its beginning" "$(head -n 1 "$T/a")" "begun 1"
tell two
ok "then what is said, at once" until_true 20 has_line a two
get "/jobs/$id/log"
is "without follow it is what there is now" "$(tr '\n' ' ' < "$T/body")" "begun 1 one two "
for i in 1 2 3 4 5 6 7 8; do follow "f$i"; done
for i in 1 2 3 4 5 6 7 8; do until_true 20 has_line "f$i" two; done
tell three
tell end
wait_final "$id"
is "the job succeeds" "$state" succeeded
ok "the stream ends with the attempt" ended a
is "in good order" "$(cat "$T/a.rc")" 0
got=
for i in 1 2 3 4 5 6 7 8; do ended "f$i"; cmp -s "$T/a" "$T/f$i" && got="$got $(cat "$T/f$i.rc")"; done
is "eight at once have all heard the same" "$got" " 0 0 0 0 0 0 0 0"
get "/jobs/$id/log"
ok "and it is what is kept" cmp -s "$T/body" "$T/a"
follow over
ended over
ok "who comes when it is over gets it too" cmp -s "$T/over" "$T/a"

# An attempt that is to come is waited for; one that is over is not.
submit quick 1 ',"delay":"1s"'
follow quick
ended quick
is "the first attempt of a scheduled job is waited for" "$(cat "$T/quick.rc") $(cat "$T/quick")" "0 short"
submit quick 1 ',"delay":"1h"'
follow never
sleep 0.3
request DELETE "/jobs/$id"
ok "a job that is cancelled before it starts ends its readers" ended never
is "with nothing" "$(cat "$T/never.rc") $(wc -c < "$T/never")" "0 0"
parrot
follow first
follow second '&attempt=2'
tell x
until_true 20 has_line first x
tell fail
until_true 20 has_line second "begun 2"
ok "a stream is of one attempt" ended first
is "the first's ends before the second" "$(tr '\n' ' ' < "$T/first")" "begun 1 x "
tell y
until_true 20 has_line second y
get "/jobs/$id/log?attempt=1"
is "the first is read while the second runs" "$(tr '\n' ' ' < "$T/body")" "begun 1 x "
tell end
ended second
is "and one can wait for the second" "$(tr '\n' ' ' < "$T/second")" "begun 2 y "

# A reader who does not read holds nobody, and is told what it missed; one who goes away is forgotten.
parrot
# shellcheck disable=SC2016  # it is JavaScript
cat > "$T/slow.js" <<'END'
const net = require('net'), fs = require('fs');
const [port, id, out] = process.argv.slice(2);
const s = net.connect({ port, host: '127.0.0.1' }, () => s.write(`GET /jobs/${id}/log?follow=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`));
let text = '';
s.once('data', d => {
	text += d;
	s.pause();
	fs.writeFileSync(out + '.paused', 'x');
	const look = setInterval(() => fs.existsSync(out + '.go') && (clearInterval(look), s.resume()), 50);
	s.on('data', more => { text += more; });
});
s.on('close', () => fs.writeFileSync(out, text));
END
node "$T/slow.js" "$port" "$id" "$T/slow" 3>&- &
slow=$!
ok "one begins to read and stops" until_true 20 test -s "$T/slow.paused"
for i in 1 2 3 4 5 6; do tell flood; done
tell done
follow b
ok "the handler is not held up by it" until_true 30 has_line b done
is "and there is no gap but in what is kept" "$(tail -n 2 "$T/b" | head -n 1)" 300000
tell end
wait_final "$id"
touch "$T/slow.go"
ok "it is served in the end" until_true 30 test -s "$T/slow"
wait "$slow"
like "told how much it has missed" "$(cat "$T/slow")" '^\[[0-9]+ bytes passed over: they came faster than they were read\]'
ok "and has the end" grep -qx "$(printf 'done\r')\|done" "$T/slow"

parrot
follow away
until_true 20 has_line away "begun 1"
worker=$(worker_of "$id")
fds=$(ls "/proc/$worker/fd" | wc -l)
kill -KILL "$(cat "$T/away.pid")"
fewer_fds() { [ "$(ls "/proc/$worker/fd" | wc -l)" -lt "$fds" ]; }
ok "the worker lets go of a reader that has gone" until_true 20 fewer_fds

# Deaths. A worker's: its readers' streams end with what there is, and the next attempt has its own.
follow dies
until_true 20 has_line dies "begun 1"
expect_log 'was killed by SIGKILL'
kill -KILL "$worker"
ok "a stream ends with its worker" ended dies
is "with what there was" "$(cat "$T/dies")" "begun 1"
begun_twice() { [ "$(wc -l < "$T/work/fifo.begun")" -ge 2 ]; }
ok "the job runs again" until_true 20 begun_twice
follow again
ok "and its log is followed anew" until_true 20 has_line again "begun 2"

# An acceptor's: the worker goes on, and who comes back goes on too. A keeper's: nobody notices.
kill -KILL "$(pid_of acceptor)"
ok "a stream ends with its acceptor" ended again
like "and the client sees that it is not whole" "$(cat "$T/again.rc")" '^(18|52|56)$'
until_true 20 is_ready
follow back
ok "the next acceptor follows it again" until_true 20 has_line back "begun 2"
kill -KILL "$(pid_of keeper)"
tell still
ok "a keeper's death is not seen" until_true 20 has_line back still

# A reload: the old acceptor goes on with what it streams.
kill -HUP "$server"
reloaded() { grep -q 'generation 2\|reload' "$T/log" && [ "$(pgrep -P "$server" | wc -l)" -gt 4 ]; }
until_true 10 reloaded
tell across
ok "a stream goes on over a reload" until_true 20 has_line back across
follow new
ok "and the new acceptor reaches the old worker" until_true 20 has_line new across
tell end
ok "both end" ended back
ended new
is "in good order" "$(cat "$T/back.rc") $(cat "$T/new.rc")" "0 0"
cmp -s "$T/back" "$T/new" && pass "with the same" || fail "with the same"

# What HTTP has besides.
is "HEAD has the head alone" "$(curl -sI -m 20 -o "$T/head" -w '%{http_code} %{size_download}' "$url/jobs/$id/log?follow=1")" "200 0"

# The server's end ends those that wait, and gives those that read what is still said.
parrot
follow last
until_true 20 has_line last "begun 1"
submit quick 1 ',"delay":"1h"'
follow waits
kill -TERM "$server"
ok "a drain ends those that wait" ended waits
tell "last words"
tell end
ok "and lets others read to the end" ended last
is "of the log" "$(tr '\n' ' ' < "$T/last")" "begun 1 last words "
until_true 20 gone "$server"
server=
exec 3>&-
finish

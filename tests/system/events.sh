#!/bin/sh
# GET /events on the real server: what is told, narrowed, resumed over restarts; and that those who wait cost nothing.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99
. "${srcdir:-.}/tests/system/measure.sh" || exit 99

cat > "$T/steps" <<'END'
#!/bin/sh
echo '::progress 40 half way' >&2
read -r line < "$1"
echo '::progress 100 done' >&2
END
chmod +x "$T/steps"
add_conf <<'END'
handler fine { builtin = noop }
handler bad { builtin = fail  max_retries = 0 }
handler steps { exec = {"$T/steps", "$T/work/fifo"}  timeout = 20m }
END
mkfifo "$T/work/fifo"

watch() { # NAME QUERY [curl's options]: in the background; what comes is in $T/NAME
	name=$1
	query=$2
	shift 2
	: > "$T/$name"
	curl -sSN -m 120 "$@" "$url/events$query" > "$T/$name" 2> "$T/$name.err" &
	watcher=$!
	until_true 20 grep -q '^event: stats' "$T/$name"
}
# The events of a job that NAME has heard, in a line.
told() { sed -n 's/^data: //p' "$T/$1" | grep "\"$2\"" | jq -r '.event' | tr '\n' ' '; } # NAME ID
heard() { [ "$(told "$1" "$2")" = "$3" ]; } # NAME ID EVENTS
ids() { sed -n 's/^id: //p' "$T/$1"; }
ids_rise() { ids "$1" > "$T/ids"; sort -nu "$T/ids" | cmp -s - "$T/ids"; }

must_start
for q in state=ripe type= queue= x=1 'state=queued&state=dead'; do
	get "/events?$q" -m 5
	is "?$q is refused" "$status" 400
done
get /events -m 5 -H 'Last-Event-ID: last'
is "an id that is no number too" "$status" 400

watch all ''
all=$watcher
watch dead '?state=dead'
watch typed '?type=fine&queue=other'
get /livez
submit fine 1
wait_final "$id"
ok "each change of a job is told" until_true 20 heard all "$id" "queued claimed succeeded "
fine=$id
data=$(sed -n 's/^data: //p' "$T/all" | grep "\"$id\"" | head -n 1)
is "with what it is" "$(printf '%s' "$data" | jq -c '[.type, .queue, .state, .event, .attempt]')" '["fine","default","queued","queued",0]'
like "and when" "$(printf '%s' "$data" | jq -r .at)" '^20.*Z$'
submit fine 1 ',"queue":"other"'
other=$id
submit bad 1
bad=$id
wait_final "$bad"
ok "of one state" until_true 20 heard dead "$bad" "dead "
ok "of one type and queue" until_true 20 heard typed "$other" "queued claimed succeeded "
is "and no other" "$(told dead "$fine")$(told typed "$fine")$(told typed "$bad")" ""
stats=$(grep -A 1 '^event: stats' "$T/all" | sed -n 's/^data: //p' | tail -n 1)
like "the figures are those of /stats" "$(printf '%s' "$stats" | jq -r '.version, .succeeded' | tr '\n' ' ')" '^[0-9.]+ [0-9]+ $'
again() { [ "$(grep -c '^event: stats' "$T/all")" -ge 3 ]; }
ok "and come again" until_true 20 again
ok "the ids rise" ids_rise all

# Progress, in the event, the job and the page.
submit steps 1
ok "progress is told" until_true 20 heard all "$id" "queued claimed progress "
is "with how far" "$(sed -n 's/^data: //p' "$T/all" | grep "\"$id\"" | tail -n 1 | jq .percent)" 40
get "/jobs/$id"
is "the job has it" "$(jq -c .progress "$T/body")" '{"percent":40,"message":"half way"}'
get /status -H 'Accept: text/html'
ok "and the page" grep -q 'value="40"' "$T/body"
echo > "$T/work/fifo"
wait_final "$id"
is "the last value is stored at the end" "$state $(jq -c .progress "$T/body")" 'succeeded {"percent":100,"message":"done"}'
get "/jobs/$id/history"
is "the history has the last" "$(jq -c '[.history[] | select(.event == "progress") | .percent]' "$T/body") $(jq -r '.history[-2].event' "$T/body")" "[100] progress"

# Resumed: what came since, also over a restart; what is gone is said to be gone.
seen=$(ids all | head -n 2 | tail -n 1)
kill "$all"
wait "$all" 2>/dev/null
last=$(ids all | tail -n 1)
watch back '' -H "Last-Event-ID: $seen"
ok "who comes back hears what it has missed" until_true 20 heard back "$bad" "queued claimed dead "
is "from there" "$(ids back | head -n 1)" "$((seen + 1))"
kill "$watcher"
end_server
must_start
watch after '' -H "Last-Event-ID: $seen"
ok "after a restart it is told that they are gone" until_true 20 grep -q '^event: lost' "$T/after"
is "which" "$(grep -A 1 '^event: lost' "$T/after" | sed -n 's/^data: //p' | jq .from)" "$((seen + 1))"
submit fine 1
wait_final "$id"
ok "and goes on" until_true 20 heard after "$id" "queued claimed succeeded "
ok "no id has come twice" ids_rise after
ok "nor gone back" [ "$(ids after | tail -n 1)" -gt "$last" ]
kill "$watcher"

# With node's fetch; a flood does not take a slow reader's server.
cat > "$T/slow.js" <<'END'
const fs = require('fs');
const [url, flag, out] = process.argv.slice(2);
(async () => {
	const answer = await fetch(url + '/events');
	fs.writeFileSync(flag, answer.headers.get('content-type'));
	let text = '';
	const decoder = new TextDecoder();
	const reader = answer.body.getReader();
	await reader.read();
	while (!fs.existsSync(flag + '.go'))
		await new Promise((r) => setTimeout(r, 50));
	for (;;) {
		const { value, done } = await reader.read();
		if (done || text.includes('"type":"bad"'))
			break;
		text += decoder.decode(value, { stream: true });
	}
	fs.writeFileSync(out, text);
	process.exit(0);
})();
END
node "$T/slow.js" "$url" "$T/flag" "$T/slow" &
slow=$!
ok "node's fetch reads them" until_true 30 test -s "$T/flag"
is "as what they are" "$(cat "$T/flag")" "text/event-stream; charset=utf-8"
one='{"type":"fine"}'
line=$(for i in $(seq 999); do printf '%s,' "$one"; done)
for i in 1 2 3 4 5 6 7 8; do
	post /jobs "[$line$one]"
done
is "a flood is taken" "$status" 201
none_open() { get /stats; [ "$(field queued)" -eq 0 ] && [ "$(field running)" -eq 0 ]; }
until_true 60 none_open
touch "$T/flag.go"
submit bad 1
ok "a slow reader hears the rest" until_true 60 test -s "$T/slow"
wait "$slow"
ok "told of what it has missed, or of all" test "$(grep -c '^event: job' "$T/slow")" -gt 1000

# Thousands would cost nothing while nothing happens: a job that is waited for is not asked about.
submit steps 1
for i in 1 2 3 4 5 6 7 8; do : > "$T/waits$i"; curl -sS -m 120 -o "$T/waits$i" "$url/jobs/$id?wait=100s" 2>/dev/null & done
sleep 1
before=$(cpu_taken)
sleep 3
after=$(cpu_taken)
note "with eight who wait the server took $((after - before)) ticks of processor time in three seconds"
echo > "$T/work/fifo"
got() { grep -q '"succeeded"' "$T/waits1" && grep -q '"succeeded"' "$T/waits8"; }
ok "they are answered at its end" until_true 20 got

# A drain ends the streams in good order.
watch end ''
kill -TERM "$server"
wait "$watcher"
is "a stream ends with the server" "$?" 0
until_true 20 gone "$server"
server=
finish

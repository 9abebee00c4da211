#!/bin/sh
# HUP: a good conf is in force with no connection refused and no job run twice; one that fails changes nothing and says why.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

add_conf <<'END'
handler hold { exec = {"$T/hold"}  timeout = 20m }
END
must_start
ok "the conf passes" "$stintd" -t -c "$T/stint.conf"

submit hold 1
held=$id
ok "a job runs" until_true 10 begun "$held" 1
old_keeper=$(pid_of keeper)
old_acceptor=$(pid_of acceptor)
old_worker=$(pid_of "worker 1")

# Somebody waits for the job over the reload; somebody else asks all the time.
curl -s -m 60 "$url/jobs/$held?wait=50s" > "$T/waited" &
waiter=$!
{
	while [ ! -e "$T/work/enough" ]; do
		curl -s -m 10 -o /dev/null -w '%{http_code}\n' "$url/livez" || echo refused
	done
} > "$T/asked" &
asker=$!

sed "s|listen = {\"127.0.0.1:$port\"}|listen = {\"127.0.0.1:$port\", \"unix:$T/run/http.sock\"}|" "$T/stint.conf" > "$T/two.conf"
cp "$T/stint.conf" "$T/one.conf"
echo 'handler fresh { builtin = noop }' >> "$T/two.conf"
cp "$T/two.conf" "$T/stint.conf"
kill -HUP "$server"
taken() { submit fresh 1; [ "$status" = 201 ]; }
ok "the new handler is known" until_true 20 taken
wait_final "$id"
is "and runs" "$state" succeeded
is "the new listener answers" "$(curl -s -m 10 -o /dev/null -w '%{http_code}' --unix-socket "$T/run/http.sock" http://localhost/livez)" 200
is "the keeper stays" "$(pid_of keeper)" "$old_keeper"
is "the job still runs" "$(job_state "$held")" running
touch "$T/work/go"
wait $waiter
is "who waited over the reload is answered" "$(jq -r .state < "$T/waited")" succeeded
wait_final "$held"
is "the job was run once" "$(field attempts)" 1
ok "the old acceptor goes" until_true 10 gone "$old_acceptor"
ok "the old worker goes" until_true 10 gone "$old_worker"

# --- a listener goes ---
cp "$T/one.conf" "$T/stint.conf"
echo 'handler fresh { builtin = noop }' >> "$T/stint.conf"
kill -HUP "$server"
socket_gone() { [ ! -e "$T/run/http.sock" ]; }
ok "a listener that is no longer named goes" until_true 20 socket_gone
touch "$T/work/enough"
wait $asker
note "$(wc -l < "$T/asked") requests meanwhile"
is "no request was refused over all this" "$(grep -vc '^200$' "$T/asked")" 0

# --- an option that needs a restart ---
mark_log
cp "$T/stint.conf" "$T/good.conf"
sed -i "s|^run_dir = .*|run_dir = \"$T/elsewhere\"|" "$T/stint.conf"
expect_log 'reload: run_dir has changed, which needs a restart'
kill -HUP "$server"
said() { since_mark | grep -q "run_dir has changed"; }
ok "an option that needs a restart is named" until_true 20 said
in_force() { since_mark | grep -q 'is in force'; }
ok "and the rest is in force" until_true 20 in_force
ok "its old value stays" test ! -e "$T/elsewhere"

# --- the log goes elsewhere ---
cp "$T/good.conf" "$T/stint.conf"
sed -i "s|^log = .*|log = \"$T/work/other.log\"|" "$T/stint.conf"
cp "$T/stint.conf" "$T/good.conf"
before=$(pid_of acceptor)
kill -HUP "$server"
ok "a reload that changes the log" until_true 20 replaced acceptor "$before"
has_log() { [ -n "$1" ] && readlink "/proc/$1"/fd/* 2>/dev/null | grep -qF "$T/work/other.log"; }
for title in keeper acceptor "worker 1" "worker 2"; do
	there() { has_log "$(pid_of "$title")"; }
	ok "$title writes to the new one" until_true 10 there
done
ok "so does the master" has_log "$server"
submit fresh 1
wait_final "$id"
is "jobs are run" "$state" succeeded
ok "and told of there" grep -q "job=$id .*outcome=succeeded" "$T/work/other.log"
log_mark() { mark=$(($(wc -c < "$T/work/other.log") + 1)); }
since_mark() { tail -c "+$mark" "$T/work/other.log"; }

# --- one that fails ---
acceptor=$(pid_of acceptor)
for trouble in listener workers; do
	cp "$T/good.conf" "$T/stint.conf"
	case $trouble in
	listener)
		touch "$T/work/plain"
		sed -i "s|listen = {\"127.0.0.1:$port\"}|listen = {\"127.0.0.1:$port\", \"unix:$T/work/plain\"}|" "$T/stint.conf"
		expect_log 'reload: cannot listen on unix:'
		want='cannot listen on unix:.*no socket'
		;;
	workers)
		sed -i 's/^worker_processes.*/worker_processes = 100/' "$T/stint.conf"
		expect_log 'reload: 100 workers do not fit'
		want='at most [0-9]+ without a restart'
		;;
	esac
	expect_log 'the reload has failed: everything goes on with the old conf'
	log_mark
	kill -HUP "$server"
	failed_now() { since_mark | grep -q 'the reload has failed'; }
	ok "$trouble: the reload fails" until_true 20 failed_now
	like "$trouble: and says why" "$(since_mark)" "$want"
	is "$trouble: the acceptor stays" "$(pid_of acceptor)" "$acceptor"
	submit fresh 1
	wait_final "$id"
	is "$trouble: jobs are run" "$state" succeeded
done
cat "$T/work/other.log" >> "$T/log"
finish

#!/bin/sh
# Store, run directory and pid file in places where they should not be: the start is refused with a reason and touches nothing; and a store that goes away while it is in use.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/measure.sh" || exit 99

add_conf <<'STOP'
handler cat { exec = {"/bin/cat"} }
STOP

refused() { # DESCRIPTION EXIT-CODE REGEX
	start_server
	is "$1: exit code" "$start_status" "$2"
	like "$1: the reason" "$(cat "$T/start.out")" "$3"
	[ "$start_status" -ne 0 ] || end_server
	expect_log "$3"
}
expect_log 'cannot start: keeper exited'
expect_log 'keeper .* exited with code'

# --- the store's directory ---
echo precious > "$T/store/hosts"
refused "somebody else's directory" 78 "$T/store is not a store of ours: it holds 'hosts'; give the store a directory of its own"
is "and nothing is left in it" "$(ls -A "$T/store")" hosts
rm "$T/store/hosts"
mkdir "$T/store/data.mdb"
refused "a data.mdb that is none" 78 "$T/store/data.mdb is not a file"
rmdir "$T/store/data.mdb"
head -c 100000 /dev/urandom > "$T/store/data.mdb"
cp "$T/store/data.mdb" "$T/noise"
refused "a data.mdb of noise" 74 'data.mdb has a damaged head: it is not an LMDB file; restore it from a backup'
ok "which is left as it is" cmp -s "$T/noise" "$T/store/data.mdb"
rm -r "$T/store"
echo precious > "$T/store"
refused "a file" 73 "directory $T/store: Not a directory"
is "which is left as it is" "$(cat "$T/store")" precious
rm "$T/store"
ln -s "$T/nowhere" "$T/store"
refused "a link to nowhere" 73 "directory $T/store: "
rm "$T/store"
mkdir "$T/real" "$T/real/lost+found"
ln -s "$T/real" "$T/store"
must_start
pass "a link to a directory, and lost+found in it"
submit cat 1
wait_final "$id"
is "a job runs there" "$state" succeeded
ok "the server ends" end_server
mkdir "$T/real/.cache"
echo mine > "$T/real/.profile"
must_start
pass "files of others beside a store that is there: the home of whom handlers run as"
submit cat 2
wait_final "$id"
is "a job runs there" "$state" succeeded
ok "the server ends" end_server
is "and they are left" "$(cat "$T/real/.profile")" mine
rm "$T/store"
must_start
pass "a directory that is missing is made"
ok "the server ends" end_server
rm -r "$T/store"
mv "$T/real" "$T/store"

# --- the run directory ---
rm "$T/run/status.shm"
mkdir "$T/run/status.shm"
refused "a status.shm that is a directory" 74 'status.shm: Is a directory'
rmdir "$T/run/status.shm"
head -c 5000 /dev/urandom > "$T/run/status.shm"
mkdir "$T/run/stintd.pid"
refused "a pid file that is a directory" 73 'stintd.pid: Is a directory'
ok "no server of it is left" none_left
rmdir "$T/run/stintd.pid"

# --- the pid file ---
signal() { # -s's word; exit code in $code, what was said in $T/out
	"$stintd" -c "$T/stint.conf" -s "$1" > "$T/out" 2>&1
	code=$?
}
sleep 60 &
stranger=$!
for number in $stranger 1 $$; do
	echo "$number" > "$T/run/stintd.pid"
	signal stop
	is "a stale pid file is no reason to signal somebody: exit code" $code 69
	like "and why" "$(cat "$T/out")" "pid $number in $T/run/stintd.pid is not this server's: none runs, since nobody holds "
done
ok "they live on" kill -0 $stranger
kill $stranger
for text in '' abc 0 -1 99999999999; do
	echo "$text" > "$T/run/stintd.pid"
	signal stop
	is "'$text' is no process: exit code" $code 69
	like "and why" "$(cat "$T/out")" 'names no living process'
done
rm "$T/run/stintd.pid"
echo precious > "$T/victim"
ln -s "$T/victim" "$T/run/stintd.pid"
must_start
is "a start writes through no link" "$(cat "$T/victim")" precious
is "and its number is there" "$(cat "$T/run/stintd.pid")" "$server"
echo 1 > "$T/run/stintd.pid"
signal reload
is "another number while it runs: exit code" $code 69
like "and whose it should be" "$(cat "$T/out")" "pid 1 in .* is not this server's: that is pid $server, which holds "
ok "the server ends" end_server
is "and leaves a pid file that is not its own" "$(cat "$T/run/stintd.pid")" 1
rm "$T/run/stintd.pid"

# --- a store that goes away ---
must_start
submit cat 1
kept=$id
wait_final "$kept"
expect_log "the store is not in $T/store any more"
mv "$T/store" "$T/away"
refuses() { post /jobs '{"type":"cat"}'; [ "$status" = 503 ]; }
ok "moved away: submissions are refused, for they would be lost" until_true 10 refuses
get /readyz
like "/readyz says why" "$status $(field detail)" '^503 .*store: its files are gone from their place'
must_be_idle
mv "$T/away" "$T/store"
ok "back: the server is ready" until_true 10 is_ready
submit cat 2
is "and takes jobs" "$status" 201
wait_final "$id"
is "and runs them" "$state" succeeded
get "/jobs/$kept"
is "the old one is there" "$(field state)" succeeded
finish

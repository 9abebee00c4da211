#!/bin/sh
# Logs that cannot be written: on a full disk, unlinked, into a pipe that nobody reads or that is closed, and no standard error at all. Jobs do not wait for a line, and lost lines are counted.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/measure.sh" || exit 99

add_conf <<'STOP'
worker_processes = 1
handler print { builtin = print }
STOP
sed -i '/^worker_processes/d' "$T/base.conf"
cp "$T/base.conf" "$T/stderr.conf"
text=$(printf '%0500d' 0)
run_jobs() { # TIMES
	repeat "$1" "{\"type\":\"print\",\"payload\":\"$text\"}" > "$T/lines"
	submit_lines "$T/lines"
	until_true 20 nothing_open
}
works() { # DESCRIPTION TIMES
	ok "$1: jobs are run all the same" run_jobs "$2"
	is "$1: all of them" "$(tally "$T/ids")" "$2 succeeded"
	must_be_idle
}
missing() { sed -n 's/.* \([0-9]*\) log lines are missing here.*/\1/p' "$1" | awk '{ n += $1 } END { print n + 0 }'; }

# --- a pipe that nobody reads; then nobody is there at all ---
mkfifo "$T/pipe"
exec 7<> "$T/pipe"
write_conf "$(random_port)"
"$stintd" -F -c "$T/stint.conf" 2>&7 7>&- &
server=$!
foreground=yes
ok "it starts with a pipe that nobody reads" until_true 20 is_ready
works "a stalled pipe" 1000
cat "$T/pipe" > "$T/heard" 7>&- &
reader=$!
heard() { submit print 1; [ "$(missing "$T/heard")" -gt 300 ]; }
ok "read again: it is told how much is missing" until_true 10 heard
exec 7>&-
kill $reader
wait $reader 2>/dev/null
works "a closed pipe" 10
ok "the server ends" end_server
is "exit code" "$server_status" 0

# --- none of the three standard descriptors ---
"$stintd" -c "$T/stint.conf" <&- >&- 2>&-
is "a start without standard input, output and error" $? 0
server=$(cat "$T/run/stintd.pid")
foreground=
works "no standard error" 10
ok "it holds its locks: -s finds it" "$stintd" -c "$T/stint.conf" -s quit
ok "and it ends" until_true 20 gone "$server"
server=

# --- a disk that is full ---
mkdir "$T/logs"
mount -t tmpfs -o size=64k none "$T/logs" 2>/dev/null || { note "a small disk cannot be mounted here: the rest is left out"; finish; }
unmount() { [ -z "$server" ] || end_server INT 5; umount -l "$T/logs"; clean_up; }
trap unmount EXIT
sed "s|^log = .*|log = \"$T/logs/log\"|" "$T/stderr.conf" > "$T/base.conf"
expect_log 'log lines are missing here'
must_start
keep_fds
works "a full disk" 300
mount -o remount,size=10m "$T/logs"
ok "with room" run_jobs 1
written=$(grep -c 'outcome=succeeded' "$T/logs/log")
note "$written of 301 ends are in the log, $(missing "$T/logs/log") lines are told to be missing"
ok "what is missing is told in full" test "$(missing "$T/logs/log")" -ge $((3 * (300 - written)))

# --- a file that is unlinked, and one that cannot be made again ---
rm "$T/logs/log"
works "an unlinked file" 5
mkdir "$T/logs/log"
kill -USR1 "$server"
works "a directory in its place" 5
rmdir "$T/logs/log"
kill -USR1 "$server"
there() { grep -q 'log opened again' "$T/logs/log" 2>/dev/null; }
ok "it is made anew where it can be" until_true 10 there
fds_are_kept
finish

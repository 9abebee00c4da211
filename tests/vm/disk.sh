#!/bin/sh
# shellcheck disable=SC2034,SC2154
# In the machine of tools/vm-check: the disk of a server under load stands still, fails to write, fails to read, is full, is gone. What was answered 201 is there afterwards, once; the log says what it was; and
# where the disk comes back by itself, so does the server.
builddir=/stint/build
srcdir=/stint/src
export builddir srcdir
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/vm/clients.sh" || exit 99

P=$T/clients
mkdir "$P"
token=
: > "$P/noted"
until_true() { # SECONDS COMMAND...
	limit=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	while ! "$@"; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$limit" ] || return 1
		sleep 0.3
	done
}

# The disk, as the device mapper lets us have it.
sectors=$(blockdev --getsz /dev/vdc)
disk() { # ready | failing | no writes
	case $1 in
	ready) table="0 $sectors linear /dev/vdc 0" ;;
	failing) table="0 $sectors error" ;;
	"no writes") table="0 $sectors flakey /dev/vdc 0 0 3600 1 error_writes" ;;
	esac
	dmsetup suspend --noflush --nolockfs store && dmsetup load store --table "$table" && dmsetup resume store
}
dmsetup create store --noudevsync --table "0 $sectors linear /dev/vdc 0" || bail "no device mapper"
dmsetup mknodes
[ -e /dev/mapper/store ] || bail "no /dev/mapper/store"
on_disk() { # MKFS'S OPTIONS: a new store on it
	umount "$T/store" 2> /dev/null
	mkfs.ext4 -q -F "$@" /dev/mapper/store && mount -t ext4 /dev/mapper/store "$T/store"
}

life=0
clients=
# Two who submit with keys until they are told to stop, or cannot.
load_begins() {
	life=$((life + 1))
	clients=
	for name in "even$life-a" "odd$life-b"; do
		: > "$P/$name.answers"
		: > "$P/$name.part"
		(
			i=1
			while [ ! -e "$P/stop" ]; do
				requests "$name" $i $((i + 49)) > "$P/$name.requests"
				submit_one_by_one "$P/$name.requests" "$P/$name.part"
				cat "$P/$name.part" >> "$P/$name.answers"
				i=$((i + 50))
			done
		) &
		clients="$clients $!"
	done
}
# One 201 more from now on.
load_goes_on() {
	before=$(cat "$P"/*.part | grep -c '	201$')
	sleep 1
	[ "$(cat "$P"/*.part | grep -c '	201$')" -ne "$before" ]
}
load_ends() {
	: > "$P/stop"
	for pid in $clients; do wait "$pid"; done
	rm "$P/stop"
	for name in "even$life-a" "odd$life-b"; do noted_of "$P/$name.answers"; done > "$P/new"
	cat "$P/new" >> "$P/noted"
	note "$(wc -l < "$P/new") noted; answers: $(cat "$P/even$life-a.answers" "$P/odd$life-b.answers" | grep -o '	[0-9]*$' | sort | uniq -c | awk '{ printf "%s %s; ", $1, $2 }')"
}
judge() { # WORDS
	at=$url
	ok "$1: it lists all" list_all
	ok "$1: all $(wc -l < "$P/noted") that were noted are there" all_there
	ok "$1: and once" none_twice
}
what_it_said() { since_mark | grep -E ' (warn|error) ' | sed 's/^[^ ]* //; s/[0-9][0-9]*/N/g' | cut -c1-170 | sort | uniq -c | sort -rn | head -n 12 | sed 's/^/#   /'; }
anew() { # the server, on a store that is new
	: > "$P/noted"
	must_start
	at=$url
}
expect_log "."
trap 'umount -l "$T/store" 2> /dev/null; clean_up' EXIT
add_conf <<'END'
queue run { concurrency = 8 }
handler run { exec = {"/bin/true"}  queue = run }
handler noop { builtin = noop }
END

# --- it stands still ---
on_disk
anew
load_begins
ok "load" until_true 60 load_goes_on
mark_log
dmsetup suspend --noflush --nolockfs store
sleep 25
note "the disk stood still for 25 s, the watchdog is at 10"
dmsetup resume store
ok "a disk that stood still: it goes on by itself" until_true 120 load_goes_on
load_ends
what_it_said
judge "a disk that stood still"

# --- it is full ---
mark_log
load_begins
ok "load" until_true 60 load_goes_on
dd if=/dev/zero of="$T/store/lost+found/fill" bs=1M 2> /dev/null
refused() { grep -q '	507$' "$P"/*.part; }
ok "a full disk: submissions are refused" until_true 60 refused
rm "$T/store/lost+found/fill"
ok "and taken again when there is room" until_true 60 load_goes_on
load_ends
what_it_said
judge "a full disk"
ok "the server ends" end_server

# --- no write succeeds for some seconds; no journal, so that the file system itself goes on ---
on_disk -O ^has_journal
anew
load_begins
ok "load" until_true 60 load_goes_on
mark_log
disk "no writes"
sleep 8
disk ready
ok "writes that failed: it goes on by itself" until_true 120 load_goes_on
load_ends
what_it_said
like "and the log says so" "$(since_mark)" 'cannot be written \(I/O error\): opening it anew'
judge "writes that failed"
ok "the server ends" end_server 40
umount "$T/store" && mount -t ext4 /dev/mapper/store "$T/store"
is "what is on the disk is sound" "$("$stint" check -c "$T/stint.conf" 2>&1 | sed 's/^sound: .*/sound/' | head -n 5)" sound
must_start
judge "writes that failed, read from the disk again"

# --- no read succeeds for some seconds ---
load_begins
ok "load" until_true 60 load_goes_on
mark_log
disk failing
echo 3 > /proc/sys/vm/drop_caches
at=$url
list_all 2> /dev/null
sleep 8
disk ready
ok "reads that failed: it goes on by itself" until_true 180 load_goes_on
load_ends
what_it_said
judge "reads that failed"
ok "the server ends" end_server 40

# --- the disk is gone, under a file system with a journal, which gives up then ---
on_disk
anew
load_begins
ok "load" until_true 60 load_goes_on
mark_log
disk failing
sleep 15
none_taken() { ! load_goes_on; }
ok "a disk that is gone: nothing is taken" until_true 30 none_taken
load_ends
what_it_said
like "and the log says why" "$(since_mark)" 'I/O error|Read-only file system'
is "the master is there" "$(alive "$server" && echo yes)" yes
get /readyz
note "readyz: $status $(head -c 200 "$T/body")"
ok "it ends when it is told to" end_server TERM 60
disk ready
umount "$T/store" || umount -l "$T/store"
e2fsck -p /dev/mapper/store > "$T/fsck.out" 2>&1
note "e2fsck: $? $(tail -n 1 "$T/fsck.out")"
mount -t ext4 /dev/mapper/store "$T/store"
is "what is on the disk is sound" "$("$stint" check -c "$T/stint.conf" 2>&1 | sed 's/^sound: .*/sound/' | head -n 5)" sound
must_start
judge "a disk that was gone"
finish

#!/bin/sh
# Control groups (version 2), where the server may divide the one that it was started in: each attempt has one of its own, nobody leaves it alive, limits are the
# attempt's, and nothing of it is left, also when worker and master die in the same instant. Skipped aloud where there are none to be had.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

mount=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
[ -n "$mount" ] || skip_all "no control groups of version 2 are mounted"
above=$mount$(sed -n 's|^0::||p' /proc/self/cgroup)
above=${above%/}
group=$above/stint-test-$$
mkdir "$group" 2>/dev/null || skip_all "$above: no group can be made there"
drop_group() {
	[ ! -e "$group/cgroup.kill" ] || echo 1 > "$group/cgroup.kill"
	sleep 0.2
	find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null
}
trap 'clean_up; drop_group' EXIT
( echo 0 > "$group/cgroup.procs" ) 2>/dev/null || skip_all "$group: no process can be put there"
if [ -d /run/systemd/system ] && ! setfattr -n user.delegate -v 1 "$group" 2>/dev/null; then
	skip_all "systemd has all groups, and it cannot be said that this one was given away (no setfattr)"
fi
# What an outer group divides among those below it these have, too; the root gives what nobody else has.
for controller in memory pids cpu; do
	echo "+$controller" > "$above/cgroup.subtree_control"
done 2>/dev/null
has() { grep -qw "$1" "$group/cgroup.controllers"; }

server_itself=$stintd
cat > "$T/stintd" <<END
#!/bin/sh
echo 0 > "$group/cgroup.procs" && exec "$server_itself" "\$@"
END
program() {
	{ echo '#!/bin/sh'; sed "s|\$T|$T|g"; } > "$T/$1"
	chmod 755 "$T/$1"
}
program where <<'END'
sed -n 's/^0:://p' /proc/self/cgroup
END
# Out of its session, its group and its parent, without a name, deaf, and forking on.
program away <<'END'
setsid env -i T=$T /bin/sh -c 'trap "" TERM HUP; n=0; while :; do setsid /bin/sleep 1000 & n=$((n + 1)); [ $n -ne 5 ] || echo on > $T/work/on; sleep 0.05; [ -d $T/work ] || exit; done' < /dev/null > /dev/null 2>&1 &
while ! [ -s $T/work/on ]; do sleep 0.02; done
[ "$(cat)" = '"stay"' ] || exit 0
while :; do sleep 1000; done
END
program hog <<'END'
dd if=/dev/zero of=/dev/null bs=200M count=1 2> /dev/null
echo still here
END
program forks <<'END'
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 3 & done
wait
END
program below <<'END'
me=$(sed -n 's/^0:://p' /proc/self/cgroup)
mkdir -p $1$me/a/b && echo $$ > $1$me/a/b/cgroup.procs && sed -n 's/^0:://p' /proc/self/cgroup
END
program kill9 <<'END'
kill -9 $$
END
chmod 755 "$T/stintd"
stintd=$T/stintd
mountpoint=$mount
add_conf <<END
handler where { exec = {"$T/where"} }
handler away { exec = {"$T/away"}  max_retries = 0  kill_grace = 300ms }
handler hog { exec = {"$T/hog"}  rlimit_memory = 32M  max_retries = 0 }
handler modest { exec = {"$T/hog"}  rlimit_memory = 1G  max_retries = 0 }
handler forks { exec = {"$T/forks"}  rlimit_processes = 6  max_retries = 0 }
handler many { exec = {"$T/forks"}  rlimit_processes = 60  max_retries = 0 }
handler below { exec = {"$T/below", "$mountpoint"} }
handler kill9 { exec = {"$T/kill9"}  rlimit_memory = 64M  max_retries = 0 }
END

# --- shared with somebody else: not ours to divide ---
sleep 1000 &
other=$!
echo "$other" > "$group/cgroup.procs"
must_start
submit where null
wait_final "$id"
is "beside other processes there is no group for attempts" "$state $(field result)" "succeeded $(sed 's|.*:||' /proc/$server/cgroup | tail -n 1)"
like "which is told" "$(cat "$T/log")" 'other processes are in it'
is "and nothing is left of the try" "$(find "$group" -mindepth 1 -type d | wc -l | tr -d ' ')" 0
ok "the server ends" end_server
kill -KILL "$other"
wait "$other" 2>/dev/null

# --- its own ---
must_start
part=$(find "$group" -mindepth 1 -maxdepth 1 -type d)
like "the server has a part of its own" "$part" '/stint-[0-9a-f]{8}$'
for title in keeper acceptor "worker 1" "worker 2"; do
	is "$title is in main" "$(sed -n 's/^0:://p' "/proc/$(pid_of "$title")/cgroup")" "${part#"$mount"}/main"
done
if has cpu; then
	is "the server itself weighs as much as the programs of ten workers" "$(cat "$part/main/cpu.weight")" 1000
else
	pass "cpu.weight of the server itself # SKIP the controller cpu is not to be had here"
fi
submit where null
wait_final "$id"
worker=$(field worker | sed 's/.*://')
is "an attempt is in a group of its own" "$state $(field result)" "succeeded ${part#"$mount"}/w$worker/1"
only() { [ "$(find "$part" -mindepth 1 -type d | wc -l)" -eq 3 ]; }
ok "which goes with it" only
submit below null
wait_final "$id"
like "one may make groups below its own" "$state $(field result)" "^succeeded .*/a/b$"
ok "they go, too" only

rm -f "$T/work/on"
submit away '"go"'
wait_final "$id" 40
is "who forks away and on" "$state" succeeded
ok "has nothing left" only
rm -f "$T/work/on"
submit away '"stay"' ',"timeout":1'
wait_final "$id" 40
is "nor at its time limit" "$state $(field last_error)" "dead timed out after 1s"
ok "has it anything left" only

submit kill9 null
wait_final "$id"
is "who kills itself has not run out of memory" "$(field last_error)" "killed by signal 9 (SIGKILL)"
if has memory; then
	submit hog null
	wait_final "$id"
	is "beyond rlimit_memory: the kernel ends all of it" "$state $(field last_error)" "dead killed by the kernel for want of memory (SIGKILL): beyond rlimit_memory of its handler"
	submit modest null
	wait_final "$id"
	is "within it" "$state" succeeded
	get "/jobs/$id/history"
	if [ -e "$part/main/memory.peak" ]; then
		is "and the peak is the group's" "$(jq '[.history[] | select(.event == "succeeded")] | last | .max_rss_kb > 200000 and .max_rss_kb < 400000' < "$T/body")" true
	else
		pass "the peak is the group's # SKIP this kernel keeps none"
	fi
else
	pass "rlimit_memory of a group # SKIP the controller memory is not to be had here"
fi
if has pids; then
	submit many null
	many=$id
	submit forks null
	wait_final "$id"
	like "beyond rlimit_processes: no fork" "$state $(field last_error)" "^dead .*[Cc]annot fork"
	wait_final "$many"
	is "which is each attempt's, not the user's" "$state" succeeded
else
	pass "rlimit_processes of a group # SKIP the controller pids is not to be had here"
fi

# --- deaths ---
rm -f "$T/work/on"
submit away '"stay"' ',"timeout":600,"max_retries":0'
there() { [ -s "$T/work/on" ] && [ "$(find "$part" -mindepth 2 -type d | wc -l)" -ge 1 ]; }
ok "one runs on" until_true 20 there
victim=$(worker_of "$id")
title=$(title_of "$victim")
expect_log "$title .pid $victim. was killed by SIGKILL"
rm -f "$T/work/on"
kill -KILL "$victim"
ok "its worker dies" until_true 20 replaced "$title" "$victim"
worker_gone() { [ ! -d "$part/w$victim" ]; }
ok "and its groups with it" until_true 10 worker_gone

ok "it runs again" until_true 30 there
victims="$server $(cat "/proc/$server/task/$server/children")"
for pid in $victims; do kill -STOP "$pid"; done
left=$(cat "$part"/w*/*/cgroup.procs)
for pid in $victims; do kill -KILL "$pid"; done
for pid in $victims; do until_true 5 gone "$pid"; done
none_of_it() { for pid in $left; do ! alive "$pid" || return 1; done; }
expect_log 'programs of an earlier run were still there: ended'
expect_log 'the master is gone: ending'
expect_log 'processes of handlers of an earlier run were still there: ended'
if ! sh -c "echo 0 > '$group/cgroup.procs'" 2>/dev/null; then
	# Divided as it still is, no process may be put into it: whoever manages it, as systemd does, ends what is in it and makes it anew.
	echo 1 > "$group/cgroup.kill"
	empty() { grep -q 'populated 0' "$group/cgroup.events"; }
	until_true 10 empty
	find "$part" -depth -type d -exec rmdir {} \;
	for controller in memory pids cpu; do echo "-$controller" > "$group/cgroup.subtree_control"; done
	note "the group was cleared for the next start"
fi
must_start
ok "all die in the same instant: the next start has none of it" until_true 5 none_of_it
request DELETE "/jobs/$id"
wait_final "$id"

# --- programs that stay ---
program stays <<'END'
while read -r line; do
	id=$(echo "$line" | sed 's/.*"id":"\([^"]*\)".*/\1/')
	case $line in *'"payload":"go"'*) setsid sh -c 'echo > $T/work/away; exec sleep 1000' & while [ ! -e $T/work/away ]; do sleep 0.05; done; exit 3 ;; esac
	echo "{\"id\":\"$id\",\"ok\":true,\"result\":\"$(sed -n 's/^0:://p' /proc/$$/cgroup)\"}"
done
END
add_conf <<'END'
handler stays { coprocess = {"$T/stays"}  max_retries = 0 }
END
write_conf "$port"
kill -HUP "$server"
taken() { submit stays null; [ "$status" = 201 ]; }
ok "a reload brings a coprocess" until_true 20 taken
wait_final "$id"
first=$(field result)
like "which is in a group of its own" "$state $first" "^succeeded ${part#"$mount"}/w[0-9]+/[0-9]+\$"
expect_log 'handler "stays", process [0-9]+: its coprocess exited with code 3'
submit stays '"go"'
wait_final "$id"
is "which ends with it, whoever forked away" "$state $(field last_error)" "dead its coprocess exited with code 3"
ok "and is removed" test ! -e "$mount$first"
submit stays null
wait_final "$id"
like "the next one has another" "$state $(field result)" "^succeeded ${part#"$mount"}/w[0-9]+/[0-9]+\$"
ok "not that one" test "$(field result)" != "$first"

# --- the end: all groups go ---
ok "the server ends with all that runs" end_server
is "and no group is left" "$(find "$group" -mindepth 1 -type d | wc -l | tr -d ' ')" 0

# --- workers that are somebody else ---
if [ "$(id -u)" -eq 0 ] && id nobody > /dev/null 2>&1; then
	chmod 755 "$T"
	chown -R nobody "$T/run" "$T/store" "$T/work"
	sed -i 's/^user = .*/user = "nobody"/' "$T/base.conf"
	sed -i '/^handler stays /d' "$T/more.conf"
	must_start
	submit where null
	wait_final "$id"
	like "workers that are another user make groups, too" "$state $(field result)" "^succeeded ${part#"$mount"}/w[0-9]+/1"
	rm -f "$T/work/on"
	submit away '"go"'
	wait_final "$id" 40
	is "and end what is in them" "$state" succeeded
	ok "to the last" only
else
	pass "workers of another user # SKIP needs root"
fi
finish

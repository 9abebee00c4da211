#!/bin/sh
# Who ends a fork bomb stops all of it before it kills the first. Where a worker dies in between, hundreds of stopped processes are left that nobody lets go on: the master ends them, be it on its own way
# out, and where it has died too the next start does.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/children.sh" || exit 99

many=700
{
	echo '#!/bin/sh'
	echo "echo \$\$ > $T/work/leader"
	echo "i=0; while [ \$i -lt $many ]; do sleep 1000 & i=\$((i + 1)); done"
	echo "echo > $T/work/there; wait"
} > "$T/swarm"
chmod 755 "$T/swarm"
add_conf <<'END'
handler swarm { exec = {"$T/swarm"}  cwd = "$T/work"  max_crashes = 1  max_retries = 0  timeout = 10m }
END
expect_log 'worker [12] \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'worker [12]: the next one is started in'
# Hundreds take a slow machine longer than the end at once has.
expect_log 'the server is to be gone by now'
expect_log 'processes of handlers of an earlier run were still there: ended'

# They are all in its group. Who is dead and not reaped yet does not count.
lives() { kill -0 "-$group" 2>/dev/null && ps -eo pgid=,stat= | awk -v group="$group" '$1 == group && $2 !~ /^Z/ { found = 1 } END { exit !found }'; }
none_lives() { ! lives; }
stands() { grep -q '^State:[[:space:]]*T' "/proc/$group/status"; }

# As the worker leaves it when it dies on its way from the first SIGSTOP to the first SIGKILL.
stopped_swarm() {
	rm -f "$T/work/there"
	submit swarm null
	ok "$many processes of one attempt" until_true 60 test -e "$T/work/there"
	group=$(cat "$T/work/leader")
	worker=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$group/status")
	kill -STOP "-$group"
	ok "are stopped" until_true 10 stands
}

must_start
stopped_swarm
kill -KILL "$worker"
ok "its worker dies: the master ends them all" until_true 30 none_lives
wait_final "$id"
like "and the job ends" "$state $(field last_error)" "dead .*worker died"

stopped_swarm
kill -STOP "$server"
kill -KILL "$worker"
kill -INT "$server"
kill -CONT "$server"
ok "its worker dies as the server is to stop at once: the server ends" until_true 30 gone "$server"
ok "and none of them outlives it" until_true 5 none_lives
server=

must_start
stopped_swarm
victims="$(cat "/proc/$server/task/$server/children") $server"
kill -STOP "$server"
for pid in $victims; do kill -STOP "$pid"; done
for pid in $victims; do kill -KILL "$pid"; done
for pid in $victims; do until_true 5 gone "$pid"; done
must_start
ok "the whole server dies: its next start ends them" until_true 5 none_lives
finish

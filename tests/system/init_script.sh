#!/bin/sh
# The init script as an administrator, or the boot, calls it: from the template, for a conf and a pid file of the test's.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

command -v start-stop-daemon > /dev/null || skip_all "there is no start-stop-daemon here"

add_conf <<'END'
handler print { builtin = print }
END
mkdir -p "$T/etc/default" "$T/etc/stint"
sed -e "s|@sbindir[@]|$builddir|g" -e "s|@sysconfdir[@]|$T/etc|g" -e "s|@runstatedir[@]|$T/run|g" "$srcdir/init/stintd.init.in" > "$T/etc/stintd"
echo "PIDFILE=$T/run/stintd.pid" > "$T/etc/default/stintd"
chmod 755 "$T/etc/stintd"
conf=$T/etc/stint/stint.conf
write_conf "$(random_port)"
cp "$T/stint.conf" "$conf"

# The strictest shell that is called sh anywhere.
shell=$(command -v dash || echo /bin/sh)
note "run by $shell"
action() { # WORD: exit code in $code
	"$shell" "$T/etc/stintd" "$1" > "$T/out" 2>&1
	code=$?
}
expect() { # WORD CODE
	action "$1"
	is "$1: exit code $2" $code "$2"
	[ $code -eq "$2" ] || sed 's/^/# /' "$T/out"
}

expect status 3
expect stop 0
expect reload 7
expect try-restart 0
expect status 3

expect start 0
server=$(cat "$T/run/stintd.pid" 2>/dev/null)
[ -n "$server" ] || { note "$(cat "$T/out")"; bail "no server"; }
get /readyz
is "start: the server serves when it returns" "$status" 200
expect status 0
like "status: names the process" "$(cat "$T/out")" "$server"
expect start 0
is "start again: the same server" "$(cat "$T/run/stintd.pid")" "$server"

expect reload 0
submit print '"after the reload"'
is "after reload: the server takes jobs" "$status" 201
wait_final "$id"
is "and runs them" "$state" succeeded
is "in the same master" "$(cat "$T/run/stintd.pid")" "$server"
expect force-reload 0

cp "$conf" "$T/good.conf"
echo "no_such_option = 1" >> "$conf"
for word in reload restart try-restart; do
	expect $word 6
	like "$word with a bad conf: says what is wrong" "$(cat "$T/out")" 'no_such_option'
	is "$word with a bad conf: the server is not touched" "$(cat "$T/run/stintd.pid")" "$server"
done
get /readyz
is "it serves" "$status" 200
cp "$T/good.conf" "$conf"

expect restart 0
ok "restart: the old server has gone" gone "$server"
server=$(cat "$T/run/stintd.pid")
get "/jobs/$id"
is "the new one has the old one's job" "$(field state)" succeeded

expect stop 0
ok "stop: the server has gone when it returns" gone "$server"
server=
ok "stop: no process is left" until_true 5 none_left
expect stop 0
expect status 3
expect nonsense 3
like "nonsense: the words are listed" "$(cat "$T/out")" 'start\|stop\|restart'

# A pid file that outlived its server, and whose number is somebody else's now.
sleep 300 &
other=$!
echo $other > "$T/run/stintd.pid"
expect stop 0
ok "a stale pid file: who has that number is not touched" alive $other
action status
ok "and status does not take it for the server" test $code -ne 0
kill $other
expect start 0
server=$(cat "$T/run/stintd.pid")
get /readyz
is "start over a stale pid file" "$status" 200
expect stop 0
server=

rm -f "$T/run/stintd.pid"
sed -i "s|^DAEMON=.*|DAEMON=$T/removed|" "$T/etc/stintd"
expect start 0
finish

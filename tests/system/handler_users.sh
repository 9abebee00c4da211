#!/bin/sh
# Handlers that name a user: their programs are that user and nobody else, whether the workers stay root or become somebody; they end when they are told to;
# and the workers keep three capabilities for it, and only while the conf has such a handler.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

[ "$(id -u)" -eq 0 ] || skip_all "needs root"
# The server's user, and two of handlers: Debian has these everywhere.
for user in nobody daemon games; do
	id "$user" > /dev/null 2>&1 || skip_all "there is no user $user"
done
grep -q '^CapEff:.*[^0]' /proc/self/status || skip_all "needs capabilities"

chmod 755 "$T"
chown daemon "$T/work"
as_stint() { # the server's user
	sed -i "s/^user = .*/user = \"$1\"/" "$T/base.conf"
	chown -R "${1:-root}" "$T/run" "$T/store"
}
cat > "$T/who" <<'END'
#!/bin/sh
id -un; id -gn; id -Gn; echo "$HOME"
awk '/^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)/ { printf "%s%s ", $1, $2 } END { print "" }' /proc/self/status
END
cat > "$T/stay" <<END
#!/bin/sh
setsid sh -c 'trap "" TERM; echo \$\$ > "$T/work/escaped"; while :; do sleep 1000; done' < /dev/null > /dev/null 2>&1 &
trap "" TERM
echo \$\$ > "$T/work/stay"
while :; do sleep 1000; done
END
chmod 755 "$T/who" "$T/stay"
cat > "$T/with.conf" <<END
handler who { exec = {"$T/who"}  user = "daemon" }
handler group { exec = {"$T/who"}  group = "games" }
handler both { exec = {"$T/who"}  user = "daemon"  group = "games" }
handler plain { exec = {"$T/who"} }
handler stay { exec = {"$T/stay"}  user = "daemon"  kill_grace = 300ms  max_retries = 0 }
END
cp "$T/with.conf" "$T/more.conf"

result_of() { # TYPE
	submit "$1" null
	wait_final "$id"
	get "/jobs/$id/result"
	tr '\n' '|' < "$T/body"
}
none='CapInh:0000000000000000 CapPrm:0000000000000000 CapEff:0000000000000000 CapAmb:0000000000000000 NoNewPrivs:1 '
caps() { awk '/^Cap(Prm|Eff|Inh|Amb)/ { print $2 }' "/proc/$(pid_of "$1")/status" | tr '\n' ' '; }
home() { getent passwd "$1" | cut -d: -f6; }
group_of() { id -gn "$1"; }
# A slow machine may have come to its end before.
none_escaped() { [ ! -s "$T/work/escaped" ] || gone "$(cat "$T/work/escaped")"; }
all() { # what holds in any of the two: NAME-OF-THE-WORKERS'-USER
	is "user: its own groups, home and no rights" "$(result_of who)" "daemon|$(group_of daemon)|$(id -Gn daemon)|$(home daemon)|$none|"
	is "user and group" "$(result_of both | cut -d'|' -f1,2)" "daemon|games"
	is "group alone" "$(result_of group | cut -d'|' -f1,2)" "$1|games"
	is "no user: as the workers" "$(result_of plain | cut -d'|' -f1,2)" "$1|$(group_of "$1")"

	rm -f "$T/work/escaped" "$T/work/stay"
	submit stay null ',"timeout":1'
	wait_final "$id"
	is "it ends at its time limit" "$state $(field last_error)" "dead timed out after 1s"
	ok "and what it left, too" none_escaped

	rm -f "$T/work/escaped" "$T/work/stay"
	submit stay null ',"timeout":60'
	stay=$id
	ok "a second one runs" until_true 20 test -s "$T/work/escaped"
	request DELETE "/jobs/$stay"
	wait_final "$stay"
	is "it can be cancelled" "$state" cancelled
	ok "with what it left" gone "$(cat "$T/work/escaped")"

	rm -f "$T/work/escaped" "$T/work/stay"
	submit stay null ',"timeout":60,"max_retries":0'
	stay=$id
	ok "a third one runs" until_true 20 test -s "$T/work/escaped"
	victim=$(worker_of "$stay")
	title=$(title_of "$victim")
	expect_log "$title .pid $victim. was killed by SIGKILL"
	left="$(cat "$T/work/escaped") $(cat "$T/work/stay")"
	kill -KILL "$victim"
	ok "its worker dies: a successor" until_true 20 replaced "$title" "$victim"
	for pid in $left; do
		ok "and nothing of it is left" until_true 5 gone "$pid"
	done
	request DELETE "/jobs/$stay"
	wait_final "$stay"
}

as_stint ""
must_start
all root
ok "the server ends" end_server

as_stint nobody
must_start
all nobody
three=00000000000000e0
is "a worker has three capabilities" "$(caps "worker 1")" "0000000000000000 $three $three 0000000000000000 "
zero=0000000000000000
is "the keeper has none" "$(caps keeper)" "$zero $zero $zero $zero "
is "the acceptor has none" "$(caps acceptor)" "$zero $zero $zero $zero "
is "and who is no worker's user is refused by name" "$(result_of who | cut -d'|' -f1)" daemon

# Without such a handler they go with the next generation.
worker=$(pid_of "worker 1")
grep -v 'user\|group' "$T/with.conf" > "$T/more.conf"
write_conf "$port"
kill -HUP "$server"
ok "a reload takes the handlers out" until_true 20 replaced "worker 1" "$worker"
ok "the old worker goes" until_true 20 gone "$worker"
is "the new one has no capability" "$(caps "worker 1")" "$zero $zero $zero $zero "

# A user that is not there: the conf in force stays.
worker=$(pid_of "worker 1")
echo 'handler bad { builtin = noop  user = "stint-nobody-at-all" }' >> "$T/more.conf"
write_conf "$port"
expect_log "there is no user 'stint-nobody-at-all'"
expect_log 'the reload has failed'
kill -HUP "$server"
named() { grep -q "there is no user 'stint-nobody-at-all'" "$T/log"; }
ok "a reload with an unknown user names it" until_true 10 named
is "and changes nothing" "$(pid_of "worker 1")" "$worker"
"$stintd" -t -c "$T/stint.conf" > "$T/out" 2>&1
is "-t: exit code 78" $? 78
like "and the line" "$(cat "$T/out")" "stint.conf:[0-9]+: handler bad: there is no user 'stint-nobody-at-all': add it, or set user"
ok "the server ends at last" end_server

# Who cannot become somebody else says so, and the jobs fail with the reason.
cat > "$T/more.conf" <<END
handler who { exec = {"$T/who"}  user = "daemon"  max_retries = 0 }
END
as_stint ""
chown -R nobody "$T"
as_nobody() { setpriv --reuid nobody --regid nogroup --clear-groups --no-new-privs "$@"; }
if as_nobody true 2>/dev/null; then
	write_conf "$(random_port)"
	as_nobody "$stintd" -t -c "$T/stint.conf" > "$T/out" 2>&1
	is "without root -t passes" $? 0
	like "with a warning" "$(cat "$T/out")" "warning: handler who: its programs can run as user 'daemon' only where the server is started as root"
else
	pass "without root -t passes # SKIP there is no setpriv"
fi
finish

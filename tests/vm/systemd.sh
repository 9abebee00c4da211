#!/bin/sh
# shellcheck disable=SC2034,SC2154
# In the machine of tools/vm-check, where systemd is process 1: the unit as make install left it. Started, reloaded, stopped; killed and stopped dead; its handlers of each kind under its hardening, and in
# control groups of their own below the service's.
builddir=/stint/build
srcdir=/stint/src
. "$srcdir/tests/system/lib.sh" || exit 99
PATH=/usr/sbin:/usr/bin:/sbin:/bin
url=http://127.0.0.1:8080
conf=/etc/stint/stint.conf
note "$(systemctl --version | head -n 1), Linux $(uname -r)"

prop() { systemctl show -P "$1" stintd; }
# In the foreground it is the master's number.
main_pid() { server=$(prop MainPID); }
journal() { journalctl -u stintd -o cat --no-pager "$@"; }
serves() { [ "$(curl -s -o /dev/null -m 5 -w '%{http_code}' "$url/readyz")" = 200 ]; }
active() { [ "$(systemctl is-active stintd)" = active ]; }
child() { # TITLE
	for pid in $(cat "/proc/$server/task/$server/children"); do
		case "$(tr '\0' ' ' < "/proc/$pid/cmdline")" in "stintd: $1 "*) echo "$pid" ;; esac
	done
}
# By the clock: each look takes its time here.
until_true() { # SECONDS COMMAND...
	limit=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	while ! "$@"; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$limit" ] || { journal | tail -n 20 | cut -c1-200 | sed 's/^/#   /'; return 1; }
		sleep 0.2
	done
}
phase() { note "$* ($(cut -d. -f1 /proc/uptime) s after boot)"; }

# --- as a package leaves it ---
systemd-sysusers stintd.conf || fail "systemd-sysusers takes our file"
like "systemd-sysusers makes the user" "$(id stint)" 'uid=[0-9]+\(stint\)'
systemctl daemon-reload
phase start
ok "systemctl start" systemctl start stintd
serves && pass "which returns when it serves" || fail "which returns when it serves" "$(journal | tail -n 20)"
main_pid
is "systemd knows the master" "$(tr '\0' ' ' < "/proc/$server/cmdline" | cut -d' ' -f1,2)" "stintd: master"
like "systemctl status" "$(systemctl status --no-pager stintd)" 'Active: active \(running\)'
like "which says how it is" "$(prop StatusText)" '.'
note "status: $(prop StatusText)"
is "who it is" "$(ps -o user= -p "$server" | tr -d ' ')" stint
is "no warning" "$(journal -p warning)" ""
like "the journal has its lines" "$(journal)" 'stintd'
ok "enable" systemctl enable --quiet stintd

# --- handlers of each kind, under the hardening ---
mkdir -p /srv/h /var/lib/stint-mail
program() { { echo '#!/bin/sh'; cat; } > "/srv/h/$1"; chmod 755 "/srv/h/$1"; }
program where <<'END'
sed -n 's/^0:://p' /proc/self/cgroup
END
program who <<'END'
id -un
END
program tries <<'END'
# What the unit denies: each word that is printed was allowed.
true 2> /dev/null > /etc/stint-was-here && echo etc
true 2> /dev/null > /usr/stint-was-here && echo usr
ls /root 2> /dev/null && echo home
[ -z "$(grep -l . /proc/1/cmdline 2> /dev/null)" ] || echo proc
[ ! -e /dev/vda ] || echo device
unshare -n true 2> /dev/null && echo namespace
python3 -c 'import mmap; mmap.mmap(-1, 4096, prot=7)' 2> /dev/null && echo jit
date -s 2001-01-01 > /dev/null 2>&1 && echo clock
hostname other 2> /dev/null && echo hostname
chmod u+s "$(mktemp)" 2> /dev/null && echo setuid
python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)' 2> /dev/null && echo packet
true 2> /dev/null > /proc/sys/kernel/panic && echo sysctl
ls /tmp | grep -q vm-check-outside && echo tmp
# And what it allows.
true > /var/lib/stint/mine && true > /run/stint/mine && true > /tmp/mine && echo allowed
END
program hog <<'END'
dd if=/dev/zero of=/dev/null bs=200M count=1 2> /dev/null
echo still here
END
program forks <<'END'
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 3 & done
wait
END
program away <<'END'
setsid env -i /bin/sh -c 'trap "" TERM HUP; while :; do setsid /bin/sleep 4711 & sleep 0.2; done' < /dev/null > /dev/null 2>&1 &
sleep 1
END
program waits <<'END'
echo $$ > /var/lib/stint/waits
while [ ! -e /var/lib/stint/go ]; do sleep 0.2; done
echo '"done"'
END
touch /tmp/vm-check-outside
mkdir /tmp/end /tmp/mail
"$builddir/tests/system/endpoint" /tmp/end &
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext "subjectAltName=DNS:localhost" -keyout /tmp/mail/key.pem -out /tmp/mail/cert.pem 2> /dev/null
/usr/bin/python3 -B "$srcdir/tests/system/mail_server.py" /tmp/mail > /tmp/mail.out 2>&1 &
until_true 60 test -s /tmp/end/port || fail "the endpoint starts"
until_true 60 test -s /tmp/mail/tls || fail "the mail server starts" "$(cat /tmp/mail.out)"
cp $conf /tmp/conf.shipped
cat >> $conf <<END
handler where { exec = {"/srv/h/where"} }
handler who { exec = {"/srv/h/who"} }
handler tries { exec = {"/srv/h/tries"} }
handler hog { exec = {"/srv/h/hog"}  rlimit_memory = 32M  max_retries = 0 }
handler modest { exec = {"/srv/h/hog"}  rlimit_memory = 400M  max_retries = 0 }
handler forks { exec = {"/srv/h/forks"}  rlimit_processes = 6  max_retries = 0 }
handler away { exec = {"/srv/h/away"}  max_retries = 0 }
handler waits { exec = {"/srv/h/waits"}  timeout = 0 }
handler words { coprocess = {"/usr/share/doc/stint/examples/wordcount.py"} }
handler sums { coprocess = {"/bin/sh", "/usr/share/doc/stint/examples/checksum.sh"} }
handler hook { url = "http://127.0.0.1:$(cat /tmp/end/port)/echo"  allow = {"127.0.0.1"}  max_retries = 0 }
handler post { smtp = "smtp://127.0.0.1:$(cat /tmp/mail/plain)"  smtp_from = "stint@example.org"  max_retries = 0 }
END
phase reload
ok "systemctl reload" systemctl reload stintd
ok "it stays active" until_true 60 active
taken() { submit where null; [ "$status" = 201 ]; }
ok "the new conf is in force" until_true 60 taken
[ "$(prop MainPID)" = "$server" ] && pass "in the same master" || fail "in the same master"
wait_final "$id"
mine=$(prop ControlGroup)
like "an attempt has a group of its own below the service's" "$state $(field result)" "^succeeded $mine/stint-[0-9a-f]{8}/w[0-9]+/[0-9]+\$"
like "the master's is beside it" "$(cut -d: -f3 "/proc/$server/cgroup")" "^$mine/stint-[0-9a-f]{8}/main\$"
submit who null; wait_final "$id"
is "it is the service's user" "$state $(field result)" "succeeded stint"
submit tries null; wait_final "$id" 40
[ "$state" = succeeded ] || note "$(cat "$T/body")"
is "the hardening holds for it" "$state $(field result | tr -d '\n')" "succeeded allowed"
submit hog null; wait_final "$id" 40
is "beyond rlimit_memory" "$state $(field last_error)" "dead killed by the kernel for want of memory (SIGKILL): beyond rlimit_memory of its handler"
submit modest null; wait_final "$id" 40
is "within it" "$state" succeeded
submit forks null; wait_final "$id" 40
like "beyond rlimit_processes" "$state $(field last_error)" "^dead .*[Cc]annot fork"
submit away null; wait_final "$id" 40
is "who forks away and on" "$state" succeeded
is "leaves nothing" "$(pgrep -fc 'sleep 4711')" 0
for type in words sums; do
	submit $type '{"text":"one two three"}'; wait_final "$id" 60
	is "a coprocess: $type" "$state" succeeded
	[ "$state" = succeeded ] || note "$(cat "$T/body")"
done
submit hook '{"a":1}'; wait_final "$id" 60
is "a webhook" "$state" succeeded
[ "$state" = succeeded ] || note "$(cat "$T/body")"
submit post '{"to":"ann@example.org","subject":"Hello","body":"x"}'; wait_final "$id" 60
is "a mail" "$state" succeeded
[ "$state" = succeeded ] || note "$(cat "$T/body")"
submit print '"seen-in-the-journal"'; wait_final "$id"
like "a builtin, and its line in the journal" "$(journal)" 'seen-in-the-journal'
is "the service was not restarted, whatever its handlers did" "$(prop NRestarts) $(prop ActiveState)" "0 active"

# --- a conf with errors ---
cp $conf /tmp/conf.good
echo 'no_such_option = 1' >> $conf
if systemctl reload stintd 2> /tmp/reload.err; then fail "a reload of a conf with errors fails"; else pass "a reload of a conf with errors fails"; fi
like "systemctl status says why" "$(systemctl status --no-pager -n 20 stintd)" 'no_such_option'
ok "it serves on" serves
cp /tmp/conf.good $conf
ok "it is active" active

# --- the master is killed ---
phase "kill -9"
submit waits null
waiting=$id
ok "a job runs" until_true 30 test -s /var/lib/stint/waits
first=$(cat /var/lib/stint/waits)
before=$server
rm -f /var/lib/stint/waits
kill -KILL "$server"
back() { main_pid; [ "$server" != 0 ] && [ "$server" != "$before" ] && active && serves; }
ok "systemd starts it again" until_true 60 back
is "once" "$(prop NRestarts)" 1
ok "the job runs again" until_true 60 test -s /var/lib/stint/waits
ok "and not twice" gone "$first"
like "its first attempt was lost with the worker" "$(get "/jobs/$waiting/history"; jq -r '[.history[].event] | join(" ")' < "$T/body")" 'crashed|released'

# --- it drains ---
phase restart
systemctl --no-block restart stintd
ends() { get /healthz; [ "$(systemctl is-active stintd)" = deactivating ]; }
ok "a restart waits for what runs" until_true 30 ends
touch /var/lib/stint/go
before=$server
ok "and starts it again" until_true 90 back
get "/jobs/$waiting"
is "the job has succeeded" "$(field state) $(field result)" "succeeded done"
is "by the attempt that was running" "$(get "/jobs/$waiting/history"; jq -r '[.history[] | select(.event == "succeeded")] | length' < "$T/body")" 1

# --- a child is killed, the master is stopped dead ---
phase "a worker dies"
worker=$(child "worker 1")
kill -KILL "$worker"
another() { now=$(child "worker 1"); [ -n "$now" ] && [ "$now" != "$worker" ]; }
ok "the master replaces a worker" until_true 30 another
is "of which systemd has not heard" "$(prop MainPID) $(prop ActiveState)" "$server active"
phase watchdog
restarts=$(prop NRestarts)
before=$server
began=$(cut -d. -f1 /proc/uptime)
kill -STOP "$server"
ok "a master that stands still is replaced" until_true 240 back
note "after $(($(cut -d. -f1 /proc/uptime) - began)) s, $(prop NRestarts) restarts in all"
like "the journal says why" "$(journalctl --no-pager -o cat | grep -i watchdog)" 'stintd.service: Watchdog timeout'
is "by systemd, once" "$(prop NRestarts)" $((restarts + 1))
submit who null; wait_final "$id"
is "and jobs run" "$state" succeeded

# --- handlers of another user, by the drop-in that the unit describes ---
phase "other users"
mkdir -p /etc/systemd/system/stintd.service.d
cat > /etc/systemd/system/stintd.service.d/users.conf <<'END'
[Service]
PrivateUsers=no
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_KILL
AmbientCapabilities=CAP_SETUID CAP_SETGID CAP_KILL
END
echo 'handler other { exec = {"/srv/h/who"}  user = "games" }' >> $conf
echo 'handler othercage { exec = {"/srv/h/where"}  user = "games"  rlimit_memory = 64M }' >> $conf
systemctl daemon-reload
ok "restart with the drop-in" systemctl restart stintd
main_pid
submit other null; wait_final "$id"
is "a handler with user = games" "$state $(field result)" "succeeded games"
submit othercage null; wait_final "$id"
like "has a group, too" "$state $(field result)" "^succeeded $mine/stint-[0-9a-f]{8}/w[0-9]+/[0-9]+\$"
submit away null; wait_final "$id" 40
is "who forks away and on leaves nothing" "$state $(pgrep -fc 'sleep 4711')" "succeeded 0"
is "the master keeps what it was given, the acceptor nothing" "$(for who in acceptor keeper; do sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$(child $who)/status"; done | sort -u)" 0000000000000000

# --- the end ---
phase stop
ok "systemctl stop" systemctl stop stintd
is "it has ended well" "$(prop Result) $(prop ExecMainStatus) $(systemctl is-active stintd)" "success 0 inactive"
is "no group of it is left" "$(find /sys/fs/cgroup/system.slice -path '*stint-*' 2> /dev/null)" ""
is "nobody of stint lives" "$(pgrep -u stint | wc -l)" 0
is "the store is sound" "$(stint check -c $conf 2>&1 | head -n 3 | sed 's/^sound: .*/sound/')" sound

# --- the init script, which lsb's functions hand to systemd here ---
phase "the init script"
ok "/etc/init.d/stintd start" /etc/init.d/stintd start
ok "starts the unit" active
ok "service stintd status" service stintd status
ok "service stintd reload" service stintd reload
ok "service stintd stop" service stintd stop
is "stops it" "$(systemctl is-active stintd)" inactive

# --- levels in the journal ---
is "no line has an unread level" "$(journal | grep -c '^<[0-9]>')" 0
note "warnings and worse in the journal:"
journalctl -u stintd -p warning -o short-monotonic --no-pager | cut -c1-200 | tail -n 40 | sed "s/^/#   /"
note "the first lines:"
journal | head -n 12 | cut -c1-180 | sed 's/^/#   /'
echo "1..$n"
[ "$failed" -eq 0 ]

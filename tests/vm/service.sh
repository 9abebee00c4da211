#!/bin/sh
# shellcheck disable=SC2034,SC2154
# In the machine of tools/vm-check, where systemd is installed and does not run: the init script as make install left it, called as a boot and an administrator call it.
builddir=/stint/build
srcdir=/stint/src
export builddir srcdir
. "$srcdir/tests/system/lib.sh" || exit 99
url=http://127.0.0.1:8080
# Here the log is the terminal.
svc() { service stintd "$1" >> "$T/log" 2>&1; }
note "$(dpkg-query -W -f '${Package} ${Version}, ' sysvinit-utils init-system-helpers dpkg)"

ok "update-rc.d" update-rc.d stintd defaults
like "it starts at boot" "$(ls /etc/rc2.d /etc/rc0.d)" 'S[0-9]+stintd'
systemd-sysusers stintd.conf
systemd-tmpfiles --create stintd.conf
like "user and places are made" "$(stat -c '%U %a' /run/stint /var/lib/stint /var/log/stint | tr '\n' ';')" '^stint 755;stint 750;stint 750;$'
ok "service stintd start" svc start
server=$(cat /run/stint/stintd.pid)
get /readyz
is "it serves when that returns" "$status" 200
is "the master is root, the others are not" "$(for pid in $server $(cat "/proc/$server/task/$server/children"); do stat -c %U "/proc/$pid"; done | sort | uniq | tr '\n' ' ')" "root stint "
ok "service stintd status" svc status
submit print '"x"'
wait_final "$id"
is "a job runs" "$state" succeeded
echo 'handler who { exec = {"/usr/bin/id", "-un"} }' >> /etc/stint/stint.conf
echo 'handler other { exec = {"/usr/bin/id", "-un"}  user = "games" }' >> /etc/stint/stint.conf
echo 'handler waits { exec = {"/bin/sleep", "3"} }' >> /etc/stint/stint.conf
ok "service stintd reload" svc reload
taken() { submit who null; [ "$status" = 201 ]; }
ok "the new conf is in force" until_true 60 taken
wait_final "$id"
is "an exec handler" "$state $(field result)" "succeeded stint"
submit other null
wait_final "$id"
is "one of another user" "$state $(field result)" "succeeded games"
submit waits null
waiting=$id
ok "service stintd restart" svc restart
ok "the old one has ended" gone "$server"
server=$(cat /run/stint/stintd.pid)
wait_final "$waiting"
is "what ran was let finish" "$state $(field attempts)" "succeeded 1"
ok "service stintd stop" svc stop
ok "it has ended" gone "$server"
is "nobody of stint lives" "$(pgrep -u stint | wc -l)" 0
service stintd status > /dev/null
is "status says so" $? 3
server=
is "the store is sound" "$(stint check -c /etc/stint/stint.conf 2>&1 | sed 's/^sound: .*/sound/' | head -n 3)" sound
echo "1..$n"

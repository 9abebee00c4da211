#!/bin/sh
# The systemd unit, as far as it can be tried where systemd does not run: systemd's own reader understands every line of it, and its measure of how much a service may do is as low as promised.
. "$srcdir/tests/system/lib.sh" || exit 99

command -v systemd-analyze > /dev/null || skip_all "there is no systemd-analyze here (Debian: systemd)"
unit=$T/stintd.service
sed -e "s|@sbindir[@]|$builddir|g" -e "s|@sysconfdir[@]|/etc|g" -e "s|@runstatedir[@]|/run|g" -e "s|@localstatedir[@]|/var|g" "$srcdir/init/stintd.service.in" > "$unit"
is "no place is left open" "$(grep -c '@[a-z]*@' "$unit")" 0

said() { # FILE: what there is to complain of
	systemd-analyze verify --man=no "$1" 2>&1 | grep -F "$1"
}
sed 's|^WatchdogSec=|WatchdogSecs=|' "$unit" > "$T/wrong.service"
like "a misspelt option would be seen" "$(said "$T/wrong.service")" 'Unknown key.*WatchdogSecs'
sed 's|^ExecStart=.*|ExecStart=/nowhere/stintd -F|' "$unit" > "$T/gone.service"
like "and a program that is not there" "$(systemd-analyze verify --man=no "$T/gone.service" 2>&1)" '/nowhere/stintd'
is "systemd has nothing to say of ours" "$(said "$unit")" ""
ok "and takes it" systemd-analyze verify --man=no "$unit"

# 15 is 1.5 there. An older one has no --offline.
if systemd-analyze --help | grep -q -- --offline; then
	ok "its exposure is at most 1.5" sh -c "systemd-analyze security --offline=true --threshold=15 --no-pager '$unit' > '$T/exposure'"
	note "$(tail -n 1 "$T/exposure")"
else
	pass "its exposure is at most 1.5 # SKIP systemd-analyze has no --offline here"
fi
finish

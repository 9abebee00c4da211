#!/bin/sh
# shellcheck disable=SC2034,SC2154
# In the machine of tools/vm-check: the system tests of what keeps handlers within their bounds, as root, where all controllers of control groups are to be had. A point of theirs that is skipped is shown.
builddir=/stint/build
srcdir=/stint/src
export builddir srcdir
echo "# Linux $(uname -r), controllers: $(cat /sys/fs/cgroup/cgroup.controllers)"
n=0
for test in groups cage hostile_handlers half_stopped handler_users limits coprocess killer_job kill_worker kill_all; do
	n=$((n + 1))
	began=$(cut -d. -f1 /proc/uptime)
	sh "$srcdir/tests/system/$test.sh" > /tmp/out 2>&1
	code=$?
	took="$(grep -c '^ok ' /tmp/out) points, $(($(cut -d. -f1 /proc/uptime) - began)) s"
	if [ $code -eq 0 ]; then echo "ok $n - $test.sh: $took"; else echo "not ok $n - $test.sh: $took, exit code $code"; fi
	grep -E '# SKIP' /tmp/out | sed 's/^/# /'
	[ $code -eq 0 ] || sed 's/^/#   /' /tmp/out
done
echo "1..$n"

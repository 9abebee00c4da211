#!/bin/sh
# The tests of the shared memory and of the loop under valgrind, which sees what AddressSanitizer does not: bytes that decide something and were never written.
set -u
here=${builddir:-.}

if ! valgrind -q true 2> /dev/null; then
	echo "1..0 # SKIP there is no valgrind"
	exit 0
fi
if grep -qE '__asan_init|__tsan_init' "$here/tests/shm/test_segment" 2> /dev/null; then
	echo "1..0 # SKIP the build without sanitizers does it"
	exit 0
fi
out=$(mktemp) || exit 99
trap 'rm -f "$out"' EXIT
n=0
for source in "${srcdir:-.}"/tests/shm/test_*.c "${srcdir:-.}"/tests/event/test_*.c; do
	test=$(echo "$source" | sed 's|^.*/tests/\(.*\)\.c$|\1|')
	n=$((n + 1))
	if valgrind -q --fair-sched=try --error-exitcode=66 --leak-check=full --child-silent-after-fork=yes "$here/tests/$test" > "$out" 2>&1; then
		echo "ok $n - $test"
	else
		echo "not ok $n - $test"
		sed 's/^/# /' "$out"
	fi
done
echo "1..$n"

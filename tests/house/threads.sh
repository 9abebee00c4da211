#!/bin/sh
# What two processes do to the same memory at once, seen by ThreadSanitizer: the tests of it that have threads, built for that. Neither of the builds of tools/check would notice a race.
set -u
top=${srcdir:-.}
compile="${COMPILE:-cc -std=gnu17 -D_GNU_SOURCE} -I$top -I$top/src -w -g -O1 -fsanitize=thread"
tests='event_ring segment'

scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
echo 'int main(void) { return 0; }' > "$scratch/one.c"
if ! $compile -o "$scratch/one" "$scratch/one.c" 2> /dev/null || ! "$scratch/one" > /dev/null 2>&1; then
	echo "1..0 # SKIP no ThreadSanitizer here, or it does not run"
	exit 0
fi
if grep -q __asan_init "${builddir:-.}/tests/shm/test_segment" 2> /dev/null; then
	echo "1..0 # SKIP the other build does it"
	exit 0
fi

# They are looked for, so that one that comes is not forgotten.
there=$(cd "$top/tests/shm" && grep -l pthread_create test_*.c | sed 's/^test_\(.*\)\.c$/\1/' | tr '\n' ' ')
n=1
if [ "$there" = "$tests " ]; then
	echo "ok 1 - all that have threads"
else
	echo "not ok 1 - all that have threads: $there"
fi
for source in "$top"/src/shm/*.c "$top"/src/text/*.c "$top"/src/job/*.c; do
	$compile -c -o "$scratch/$(basename "$(dirname "$source")").$(basename "$source" .c).o" "$source" || { echo "Bail out! $source cannot be built"; exit 99; }
done
for test in $tests; do
	n=$((n + 1))
	if ! $compile -o "$scratch/$test" "$top/tests/shm/test_$test.c" "$scratch"/*.o -lcmocka -lm -lpthread; then
		echo "not ok $n - $test is built"
	elif TSAN_OPTIONS=exitcode=66 "$scratch/$test" > "$scratch/out" 2>&1; then
		echo "ok $n - $test"
	else
		echo "not ok $n - $test"
		sed 's/^/# /' "$scratch/out"
	fi
done
echo "1..$n"

#!/bin/sh
# Every header compiles alone: it includes what it needs, and its guard is named after its path.
set -u
src=${srcdir:-.}/src
compile=${COMPILE:-cc -std=gnu17 -D_GNU_SOURCE -I$src}
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT

headers=$(find "$src" -name '*.h' | sort)
n=0
for header in $headers; do
	name=${header#"$src"/}
	n=$((n + 1))
	# Twice: the guard must hold.
	printf '#include "%s"\n#include "%s"\nextern int stint_header_is_alone;\n' "$name" "$name" > "$scratch/alone.c"
	if ! $compile -I"$src" -fsyntax-only "$scratch/alone.c" > "$scratch/out" 2>&1; then
		echo "not ok $n - $name compiles alone"
		sed 's/^/# /' "$scratch/out"
		continue
	fi
	guard=STINT_$(echo "$name" | tr 'a-z./' 'A-Z__')
	if grep -q "^#ifndef $guard\$" "$header"; then
		echo "ok $n - $name compiles alone"
	else
		echo "not ok $n - $name compiles alone"
		echo "# its guard should be $guard"
	fi
done
[ "$n" -gt 0 ] || { echo "Bail out! no headers in $src"; exit 99; }
echo "1..$n"

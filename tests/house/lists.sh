#!/bin/sh
# Makefile.am lists every file of the tree, once and in order: what is not listed is neither built nor in a release.
set -u
top=${srcdir:-.}
n=0

check() { # DESCRIPTION, OFFENDERS
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

# The words of all lists, one a line.
listed=$(sed -n 's/^\t\([A-Za-z0-9._/-]*\)\( \\\)\{0,1\}$/\1/p' "$top/Makefile.am"; echo src/stint.c; echo src/stintd.c)

missing() { # FIND'S ARGUMENTS
	(cd "$top" && find "$@" -type f ! -name '*~' ! -name '.*' | sort) | while read -r file; do
		name=$file
		case $file in tests/*/test_*.c | tests/fuzz/fuzz_*.c | tests/system/*.c) name=${file%.c} ;; esac
		printf '%s\n' "$listed" | grep -qxF "$name" || echo "$file is not in Makefile.am"
	done
}

check "every source is listed" "$(missing src -name '*.[ch]')"
check "every test is listed" "$(missing tests \( -name '*.[ch]' -o -name '*.sh' \))"
check "every page of the documentation is listed" "$(missing doc \( -name '*.md' -o -name '*.scd' \))"
check "every template is listed" "$(missing init)"
check "every completion is listed" "$(cd "$top" && for file in completions/*; do grep -qE "(^|[[:space:]])$file( |$)" Makefile.am || echo "$file is not in Makefile.am"; done)"
check "every tool is listed" "$(missing tools)"
check "nothing is listed twice" "$(printf '%s\n' "$listed" | sort | uniq -d)"
check "what is listed exists" "$(printf '%s\n' "$listed" | grep / | while read -r file; do
	[ -e "$top/$file" ] || [ -e "$top/$file.c" ] || echo "$file does not"
done)"
check "lists are sorted" "$(awk '
	/^[a-z_0-9]+_(sources|tests|files|helpers|tools)|^(docs|templates|EXTRA_DIST)/ { list = $1; last = ""; next }
	/^\t[A-Za-z0-9._\/-]+( \\)?$/ { if (list != "" && $1 < last) print list ": " $1 " comes after " last; last = $1; next }
	{ list = "" }' "$top/Makefile.am")"
echo "1..$n"

#!/bin/sh
# No source file over 500 lines and no function over 80: the hard stops of CONTRIBUTING.md.
set -u
top=${srcdir:-.}
max_file=500
max_function=80

files=$(cd "$top" && find src tests -name '*.[ch]' | sort)
[ -n "$files" ] || { echo "Bail out! no sources in $top"; exit 99; }

report() { # NUMBER, DESCRIPTION, OFFENDERS
	if [ -z "$3" ]; then
		echo "ok $1 - $2"
	else
		echo "not ok $1 - $2"
		printf '%s\n' "$3" | sed 's/^/# /'
	fi
}

echo 1..2
report 1 "no file over $max_file lines" "$(cd "$top" && for file in $files; do
	lines=$(wc -l < "$file")
	[ "$lines" -le $max_file ] || echo "$file has $lines"
done)"

if ctags --version 2>/dev/null | grep -q 'Universal Ctags'; then
	report 2 "no function over $max_function lines" "$(cd "$top" && printf '%s\n' "$files" | grep '\.c$' |
		ctags -L - -f - --c-kinds=f --fields=+ne 2>/dev/null | awk -F '\t' -v max=$max_function '
			/^!/ { next }
			{
				from = to = 0
				for (i = 4; i <= NF; i++) {
					if ($i ~ /^line:/) from = substr($i, 6)
					if ($i ~ /^end:/) to = substr($i, 5)
				}
				if (to - from + 1 > max) print $2 ": " $1 "() has " to - from + 1
			}')"
else
	echo "ok 2 - no function over $max_function lines # SKIP universal-ctags is not here"
fi

#!/bin/sh
# What the documents point to is there: files of the tree, by relative link.
set -u
top=${srcdir:-.}
n=0

for page in README.md CONTRIBUTING.md $(cd "$top" && ls doc/*.md); do
	n=$((n + 1))
	broken=$(grep -oE '\]\([^)#]+' "$top/$page" | sed 's/^](//' | grep -vE '^[a-z]+:' | sort -u | while read -r link; do
		[ -e "$top/$(dirname "$page")/$link" ] || echo "$link is not there"
	done)
	if [ -z "$broken" ]; then
		echo "ok $n - the links of $page"
	else
		echo "not ok $n - the links of $page"
		printf '%s\n' "$broken" | sed 's/^/# /'
	fi
done
echo "1..$n"

#!/bin/sh
# Which folder may include which: the arrows of doc/architecture.md. One test a folder, and one for each thing that a single place may do.
set -u
src=${srcdir:-.}/src
n=0

check() { # DESCRIPTION, OFFENDERS (lines; none is good)
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

# Prints FILE:LINE:#include "X" of every include in the folder that is neither its own nor allowed.
strays() { # FOLDER, ALLOWED (folders, or single headers)
	grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' "$src/$1"/*.[ch] /dev/null | awk -v own="$1" -v allowed="$2" '
		BEGIN { n = split(allowed, a, " "); ok[own] = 1; for (i = 1; i <= n; i++) ok[a[i]] = 1 }
		{
			split($0, part, "\""); header = part[2]; folder = header; sub(/\/.*/, "", folder)
			if (!(folder in ok) && !(header in ok)) { sub(".*/src/", "src/"); print }
		}'
}

arrow() { check "src/$1 includes only: ${2:-nothing}" "$(strays "$1" "$2")"; }

# The second word on: what this folder may know of.
arrow text    ""
arrow job     "text"
arrow os      "text"
arrow event   "os"
arrow config  "job os/zone_file.h text"
arrow shm     "job text"
arrow store   "job text"
arrow run     "config event job os text"
arrow http    "config event job os shm store/store.h text"
arrow process "config event http job os run shm store text"
arrow cli     "config event job os run shm store text"

main_strays() { grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' "$src/$1.c" | grep -vE "\"($2)/" | sed "s|^|src/$1.c:|"; }
check "src/stintd.c includes only process and below" "$(main_strays stintd 'process|config|os|text')"
check "src/stint.c includes only cli and below" "$(main_strays stint 'cli|config|os|text')"

# Prints where PATTERN stands outside the files that match EXCEPT. Comments do not count: they are often the reason why it does not stand there.
elsewhere() { # PATTERN, EXCEPT
	find "$src" -name '*.[ch]' | sort | grep -vE "$2" | while read -r file; do
		awk -v pattern="$1" -v name="${file#"$src"/}" '
			{
				line = $0
				gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
				while (match(line, /\/\*[^*]*\*\//)) line = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
				if (inside) { if (!(i = index(line, "*/"))) next; line = substr(line, i + 2); inside = 0 }
				if (i = index(line, "/*")) { line = substr(line, 1, i - 1); inside = 1 }
				sub(/\/\/.*/, "", line)
				if (line ~ pattern) print "src/" name ":" FNR ": " $0
			}' "$file"
	done
}

check "only src/store/lmdb_* includes <lmdb.h>" "$(elsewhere '<lmdb\.h>' '/store/lmdb_[^/]*$')"
check "only src/http includes <llhttp.h>" "$(elsewhere '<llhttp\.h>' '/http/[^/]*$')"
check "only src/os/clock.c reads a clock" \
	"$(elsewhere '(^|[^A-Za-z0-9_.>])(clock_gettime|gettimeofday|timespec_get|time)[ ]*\(' '/os/clock\.[ch]$')"
check "only src/os/log.c logs to syslog" "$(elsewhere '(^|[^A-Za-z0-9_])(syslog|vsyslog|openlog)[ ]*\(' '/os/log\.c$')"
check "no folder is called util" "$(find "$src" -type d -name 'util*')"
folders=$(cd "$src" && find . -mindepth 1 -maxdepth 1 -type d | sed 's|^\./||' | sort | tr '\n' ' ')
check "every folder has its arrow above" "$(for folder in $folders; do
	grep -q "^arrow $folder " "$0" || echo "src/$folder has none"
done)"

# The check itself: a stray include must be found, an own and an allowed one not.
trap 'rm -rf "$scratch"' EXIT
scratch=$(mktemp -d)
mkdir -p "$scratch/src/job" "$scratch/src/store"
printf '#include "job/job.h"\n#include "text/buf.h"\n  #  include "http/http.h"\n' > "$scratch/src/job/a.c"
printf '/* <lmdb.h> */\n#include <lmdb.h>\n' > "$scratch/src/store/mem.c"
src=$scratch/src
found=$(strays job text)
check "a stray include is seen, and only that" "$(case $found in *'a.c:3:'*'http/http.h'*) [ "$(printf '%s\n' "$found" | wc -l)" -eq 1 ] || echo "$found" ;; *) echo "found: $found" ;; esac)"
check "a stray <lmdb.h> is seen, and not one in a comment" "$([ "$(elsewhere '<lmdb\.h>' '/store/lmdb_[^/]*$')" = 'src/store/mem.c:2: #include <lmdb.h>' ] || echo "found: $(elsewhere '<lmdb\.h>' '/store/lmdb_[^/]*$')")"

echo "1..$n"

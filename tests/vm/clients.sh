# shellcheck shell=sh disable=SC2154
# For the parts of tools/vm-check that break the disk or pull the plug: clients that submit with keys, one request after another, and what they are to find again. $at is the server, $P a directory,
# $token an access token, "" where none is needed; $P/noted gets a line for each 201: its key and the job's id.

ask() { curl -sS -m 60 -H "Authorization: Bearer $token" "$@"; }
# The bodies of jobs, a line each. Jobs that run a program in every other life; else some that do nothing, some for later.
bodies() { # PREFIX FROM TO
	awk -v prefix="$1" -v from="$2" -v to="$3" 'BEGIN {
		for (i = from; i <= to; i++) {
			type = prefix ~ /^odd/ || i % 10 == 0 ? "\"run\"" : i % 10 < 5 ? "\"noop\",\"delay\":\"1h\"" : "\"noop\""
			printf "{\"type\":%s,\"payload\":%d,\"idempotency_key\":\"%s-%d\"}\n", type, i, prefix, i
		}
	}'
}
# What curl is to do, one request after another over one connection; it says with each answer what its status was.
requests() { # PREFIX FROM TO
	bodies "$@" | awk -v at="$at" -v token="$token" '{
		gsub(/["\\]/, "\\\\&")
		printf "url = \"%s/jobs\"\nheader = \"Authorization: Bearer %s\"\nheader = \"Content-Type: application/json\"\nwrite-out = \"\\t%%{http_code}\\n\"\ndata = \"%s\"\nnext\n", at, token, $0
	}'
}
submit_one_by_one() { curl -sS -m 300 -K "$1" > "$2" 2> /dev/null; } # REQUESTS ANSWERS
# Of whole answers alone: one that was cut off is none.
noted_of() { sed -n 's/\t20[01]$//p' "$1" | jq -r '[.idempotency_key, .id] | join(" ")'; } # ANSWERS

# Every job that is there: key, id and state, a line each in $P/listed.
list_all() {
	: > "$P/listed"
	cursor=
	while :; do
		ask "$at/jobs?limit=1000${cursor:+&cursor=$cursor}" > "$P/page" || return 1
		jq -r '.jobs[] | [.idempotency_key, .id, .state] | join(" ")' < "$P/page" >> "$P/listed" || return 1
		cursor=$(jq -r '.cursor // empty | @uri' < "$P/page")
		[ -n "$cursor" ] || return 0
	done
}
all_there() {
	sort "$P/noted" | uniq > "$P/a"
	cut -d' ' -f1,2 "$P/listed" | sort > "$P/b"
	comm -23 "$P/a" "$P/b" > "$P/lost"
	[ ! -s "$P/lost" ] || { sed 's/^/# lost: /' "$P/lost"; return 1; }
}
none_twice() { [ -z "$(cut -d' ' -f1 "$P/listed" | sort | uniq -d)" ] && [ -z "$(cut -d' ' -f2 "$P/listed" | sort | uniq -d)" ]; }

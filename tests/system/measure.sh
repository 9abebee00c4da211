# shellcheck shell=sh
# For tests that attack: what the server costs, whether it counts right, and what it has left behind. To be read after lib.sh.
#
#   submit_lines FILE       NDJSON from a file; the ids into $T/ids, a line each, "null" for what was refused
#   tally FILE              the states of the jobs in a file of ids: "2 dead, 5 succeeded"
#   counted FILE            tests that /stats counts the same as the jobs themselves say; FILE has all ids
#   must_be_idle            tests that nothing spins: no process takes processor time while there is nothing to do
#   keep_fds, fds_are_kept  tests that as many descriptors are open as before

own_pids() { echo "$server $(cat "/proc/$server/task/$server/children" 2>/dev/null)"; }

submit_lines() {
	request POST /jobs --data-binary "@$1" -H 'Content-Type: application/x-ndjson'
	jq -r .id < "$T/body" > "$T/ids"
}
repeat() { # TIMES LINE
	awk -v n="$1" -v line="$2" 'BEGIN { while (n-- > 0) print line }'
}

tally() {
	sed "s|.*|url = \"$url/jobs/&\"|" "$1" | curl -sS -m 60 -K - | jq -r .state | sort | uniq -c | awk '{ printf "%s%d %s", sep, $1, $2; sep = ", " }'
}
counted() {
	get /stats
	is "/stats counts what there is" "$(jq -r '[to_entries[] | select(.key | IN("scheduled", "waiting", "queued", "running", "retrying", "succeeded", "dead", "cancelled", "expired")) |
		select(.value > 0) | "\(.value) \(.key)"] | sort_by(split(" ")[1]) | join(", ")' < "$T/body")" "$(tally "$1")"
	is "and in total" "$(field total)" "$(wc -l < "$1" | tr -d ' ')"
}
nothing_open() {
	get /stats
	[ "$(jq '.queued + .running + .retrying' < "$T/body")" = 0 ]
}

# Hundredths of a second.
cpu_taken() { for pid in $(own_pids); do sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null; done | awk '{ n += $12 + $13 } END { print n + 0 }'; }
must_be_idle() {
	before=$(cpu_taken)
	sleep 1
	ok "nothing spins" test $(($(cpu_taken) - before)) -lt 25
}

count_fds() { for pid in $(own_pids); do ls "/proc/$pid/fd" 2>/dev/null; done | wc -l; }
# A worker that reads a long payload for the first time opens the store for good: two more each.
keep_fds() { fds=$(count_fds); }
fds_as_before() { [ "$(count_fds)" -le $((fds + 4)) ]; }
fds_are_kept() {
	if until_true 5 fds_as_before; then pass "no descriptor is left open"; else fail "no descriptor is left open" "$fds before, $(count_fds) now"; fi
}

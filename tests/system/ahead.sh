#!/bin/sh
# In the background each process of the server has a session of its own, so that what one uses of the processor is not held against another; keeper and acceptor go before ordinary processes where that is
# allowed; workers, and what they run, do not. With -F all that is left to who starts it.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

of() { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f$(($2 - 2)); } # PID, NUMBER OF THE FIELD in proc_pid_stat(5)
session() { of "$1" 6; }
policy() { of "$1" 41; } # 0: an ordinary process, 2: SCHED_RR
all() { for title in keeper acceptor "worker 1" "worker 2"; do pid_of "$title"; done; }
ahead() { [ "$(policy "$(pid_of "$1")")" = 2 ]; }

add_conf <<'END'
handler show { exec = {"/bin/cat", "/proc/self/stat"} }
END
start_server || bail "no server"
is "each has a session of its own" "$(for pid in "$server" $(all); do session "$pid"; done | sort -u | wc -l)" 5
is "which it leads" "$(for pid in $(all); do session "$pid"; done)" "$(all)"

allowed=
chrt -r 1 true 2>/dev/null && allowed=yes
for title in keeper acceptor; do
	if [ "$allowed" ]; then
		# One that had much to do at its start has to wait for its next look.
		ok "the $title goes before ordinary processes" until_true 60 ahead "$title"
	else
		is "the $title, which may not, is one of them" "$(policy "$(pid_of "$title")")" 0
	fi
done
is "the master does not" "$(policy "$server")" 0
is "nor does a worker" "$(policy "$(pid_of "worker 1")")" 0
submit show 1
wait_final "$id"
get "/jobs/$id/result"
is "nor what it runs" "$(sed 's/.*) //' "$T/body" | cut -d' ' -f39)" 0

before=$(pid_of keeper)
expect_log 'keeper \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'keeper: the next one is started in'
kill -9 "$before"
ok "a keeper that is killed has a successor" until_true 30 replaced keeper "$before"
is "with a session of its own too" "$(session "$(pid_of keeper)")" "$(pid_of keeper)"
[ -z "$allowed" ] || ok "and it goes before others, too" until_true 60 ahead keeper
end_server

start_foreground || bail "no server with -F"
is "with -F all are in the session that it was started in" "$(for pid in "$server" $(all); do session "$pid"; done | sort -u)" "$(session $$)"
is "and are ordinary processes" "$(for pid in $(all); do policy "$pid"; done | sort -u)" 0
finish

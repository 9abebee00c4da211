#!/bin/sh
# `stint top`: on a terminal of its own, with a server and without, and how it leaves the terminal behind.
. "${srcdir:-.}/tests/system/lib.sh"

add_conf <<'END'
handler noop { builtin = noop }
handler sleep { builtin = sleep  timeout = 1h }
END
must_start
cp "${srcdir:-.}/tests/system/terminal.py" "$T/terminal.py"

# Runs a command on a terminal of 80 columns and 24 rows; a step a line, see terminal.py. Its screen, as last seen, is in $T/screen.
on_terminal() { # ARGUMENTS... < steps
	python3 -B "$T/terminal.py" "$T/screen" "$stint" "$@" > "$T/out" 2>&1
	code=$?
	[ "$code" -eq 0 ] || sed 's/^/# /' "$T/out" "$T/screen"
}
screen() { cat "$T/screen"; }

submit sleep '{"ms":300000}' ',"queue":"long"'
sleeping=$id
for _ in 1 2 3; do submit noop 1; done
submit noop 1 ',"queue":"later","delay":"1h"'
wait_running() { get "/jobs/$sleeping" && [ "$(field state)" = running ]; }
ok "a job runs" until_true 20 wait_running

on_terminal top -c "$T/stint.conf" -d 100ms <<END
see Stint .* running, up .*, conf generation 1
see jobs +queued 0  running 1  scheduled 1  retrying 0  waiting 0
see ^PROCESS.* PID
see ^keeper +[0-9]+ running
see ^long +0 +1 +0
see ^later +0 +0 +1
see ^sleep +0 +1
see ^$sleeping sleep +1 +[12]
see ^q quit  space pause  s sort \(load\)  p processes
raw
key s
see sort \(rate\)
key p
gone ^PROCESS
key p
see ^PROCESS
key space
see PAUSED
key space
gone PAUSED
size 10 50
see ^QUEUE
see ^q quit
size 40 132
see p50/p99 ms .* commit
key other
key q
end 0
cooked
END
is "it shows what there is, obeys its keys and gives the terminal back" $code 0

for how in INT TERM HUP QUIT; do
	on_terminal top -c "$T/stint.conf" -d 100ms <<-END
	see ^q quit
	raw
	signal $how
	killed $how
	cooked
	END
	is "SIG$how ends it, with the terminal as it was" $code 0
done
on_terminal top -c "$T/stint.conf" -d 100ms <<'END'
see ^q quit
signal ABRT
killed ABRT
cooked
END
is "so does a crash" $code 0
on_terminal top -c "$T/stint.conf" -d 100ms <<'END'
see ^q quit
hang up
END
is "a terminal that goes away ends it" $code 0

# --- the server dies under it, and comes back ---
expect_log 'the master is gone: ending'
on_terminal top -c "$T/stint.conf" -d 100ms <<END
see running, up
run kill -KILL $server
see NOT RUNNING; the figures below are the last it left behind
gone ^$sleeping
key q
end 0
END
is "a server that is killed is seen to be" $code 0
server=
ok "its processes end" until_true 20 none_left
"$stint" top -c "$T/stint.conf" --once -d 100ms > "$T/out"
is "--once: exit code" $? 0
like "--once needs no server" "$(cat "$T/out")" 'NOT RUNNING'
like "and shows its queues" "$(cat "$T/out")" '^later +0 +0 +1 '
must_start
on_terminal top -c "$T/stint.conf" -d 100ms <<END
see running, up
see ^later +0 +0 +1
key q
end 0
END
is "with the next server it goes on" $code 0

# --- without a terminal ---
"$stint" top -c "$T/stint.conf" < /dev/null > "$T/out" 2> "$T/err"
is "without a terminal: exit code" $? 64
like "without a terminal: what is said" "$(cat "$T/err")" '^stint: top draws on a terminal, and there is none here; .*--once'
"$stint" top -c "$T/stint.conf" --once --json -d 100ms > "$T/out"
is "--json: exit code" $? 0
is "--json: the figures" "$(jq -c '[.status.alive, .window.seconds > 0, (.queues[] | select(.name == "later") | .later)]' < "$T/out")" '[true,true,1]'
is "--json: one line a look" "$(wc -l < "$T/out")" 1
"$stint" top -c "$T/stint.conf" --json -d 100ms 2> "$T/err" | head -n 3 > "$T/out"
is "it goes on until nobody reads" "$(jq -s length < "$T/out")" 3
sed 's|run_dir = .*|run_dir = "/nonexistent"|' "$T/stint.conf" > "$T/other.conf"
"$stint" top -c "$T/other.conf" --once 2> "$T/err"
is "a server that was never there: exit code" $? 66
like "a server that was never there: what is said" "$(cat "$T/err")" 'there is no /nonexistent/status.shm'

ok "the server stops" end_server INT
finish

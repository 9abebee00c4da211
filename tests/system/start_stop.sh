#!/bin/sh
# The server's life as seen from outside: it starts, says so, serves, and ends in each of the ways it is asked to.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

add_conf <<'END'
handler print { builtin = print }
handler sleep { builtin = sleep }
END

# --- as a daemon ---
must_start
pass "the parent returns 0"
get /readyz
is "and the server is ready at that very moment" "$status" 200
is "the pid file names the master" "$(readlink "/proc/$server/exe")" "$(readlink -f "$stintd")"
get /livez
is "/livez" "$status" 200
get /no/such/path
is "a path that is not there" "$status" 404
like "stderr, stdout and stdin are not the terminal's" "$(readlink "/proc/$server/fd/0" "/proc/$server/fd/1" | sort -u)" '^/dev/null$'
is "it has a session of its own" "$(cut -d' ' -f6 "/proc/$server/stat")" "$(ps -o sid= -p "$server" | tr -d ' ')"
ok "-s quit is obeyed" "$stintd" -c "$T/stint.conf" -s quit
ok "and the server ends" until_true 20 gone "$server"
ok "its pid file is gone" test ! -e "$T/run/stintd.pid"
ok "no process is left" until_true 5 none_left
server=
"$stintd" -c "$T/stint.conf" -s quit > "$T/out" 2>&1
code=$?
ok "-s without a server fails" test $code -ne 0
ok "and says why" test -s "$T/out"

# --- in the foreground, on the store of before ---
for signal in TERM QUIT INT; do
	start_foreground || { sed 's/^/# /' "$T/start.out"; bail "stintd -F did not start"; }
	get /readyz
	is "before $signal: ready" "$status" 200
	ok "$signal ends it" end_server $signal
	is "$signal: exit code 0" "$server_status" 0
	ok "$signal: its pid file is gone" test ! -e "$T/run/stintd.pid"
	ok "$signal: no process is left" until_true 5 none_left
done

# --- a job that runs is waited for ---
must_start
submit sleep '{"ms":1500}'
is "a job is taken" "$status" 201
running() { get "/jobs/$id"; [ "$(field state)" = running ]; }
ok "it runs" until_true 10 running
slow=$id
ok "TERM: the server ends" end_server TERM
must_start
get "/jobs/$slow"
is "after TERM the job that ran has succeeded" "$(field state)" succeeded
is "in its first attempt" "$(field attempts)" 1

# --- and one that does not end in time is given back ---
submit sleep '{"ms":600000}' ',"timeout":"20m"'
long=$id
ok "a long one runs" until_true 10 running
ok "INT: the server ends within 5 s" end_server INT 5
must_start
get "/jobs/$long"
like "after INT the job that ran is back, or runs again" "$(field state)" '^(queued|running)$'
is "and no retry was used up" "$(field retry_count)" 0
ok "INT again" end_server INT 5
finish

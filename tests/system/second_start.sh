#!/bin/sh
# A second server on the same store, run directory or port: exit code 69, the holder is named, and the first one is not disturbed.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

add_conf <<'END'
handler hello { builtin = print }
END
must_start
first=$server

"$stintd" -c "$T/stint.conf" > "$T/out" 2>&1
is "the same conf again: exit code 69" $? 69
like "the process that is there is named" "$(cat "$T/out")" "(^|[^0-9])$first([^0-9]|\$)"

# Its own port and pid file, but the first one's store.
other=$(random_port)
sed -e "s|127.0.0.1:$port|127.0.0.1:$other|" -e "s|$T/run|$T/run2|g" "$T/stint.conf" > "$T/store.conf"
"$stintd" -c "$T/store.conf" > "$T/out" 2>&1
is "the same store: exit code 69" $? 69
like "the store is named" "$(cat "$T/out")" "$T/store"
like "and the process that has it" "$(cat "$T/out")" "(^|[^0-9])[0-9]+([^0-9]|\$)"

# Its own everything, but the first one's port.
sed -e "s|$T/run|$T/run3|g" -e "s|$T/store|$T/store3|g" "$T/stint.conf" > "$T/port.conf"
"$stintd" -c "$T/port.conf" > "$T/out" 2>&1
is "the same port: exit code 69" $? 69
like "the address is named" "$(cat "$T/out")" "127\.0\.0\.1:$port"
ok "no pid file is left by it" test ! -e "$T/run3/stintd.pid"

is "the pid file is still the first one's" "$(cat "$T/run/stintd.pid")" "$first"
submit hello '"still here"'
is "the first one still takes jobs" "$status" 201
wait_final "$id"
is "and runs them" "$state" succeeded

# --- a master that was killed leaves nothing that hinders the next one ---
kill -KILL "$server"
ok "its children end with it" until_true 10 none_left
server=
expect_log "the master is gone: ending"
must_start
get "/jobs/$id"
is "the next one has its jobs" "$(field state)" succeeded
finish

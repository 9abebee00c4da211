#!/bin/sh
# Master and workers die in the same instant, so that nobody is left to end what a handler has forked away: the next start does, before the job runs again.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

cat > "$T/away" <<END
#!/bin/sh
echo "\$STINT_JOB_ID" >> "$T/work/begun"
setsid sh -c 'trap "" TERM; echo \$\$ >> "$T/work/escaped"; while [ -d "$T/work" ]; do sleep 0.2; done' < /dev/null > /dev/null 2>&1 &
while [ ! -e "$T/work/go" ]; do sleep 0.05; done
END
chmod 755 "$T/away"
add_conf <<'END'
handler away { exec = {"$T/away"} }
END
must_start
submit away null ',"timeout":600'
job=$id
there() { [ -s "$T/work/escaped" ]; }
ok "a program that has forked away" until_true 20 there
escaped=$(cat "$T/work/escaped")
# Another of the same name and the same kind of mark, which is not ours.
STINT_JOB_ID=0190f3a0-0000-7000-8000-000000000001 sleep 1000 &
other=$!

# The master last: its death continues what is stopped in its session.
victims="$(cat "/proc/$server/task/$server/children") $server"
kill -STOP "$server"
for pid in $victims; do kill -STOP "$pid"; done
for pid in $victims; do kill -KILL "$pid"; done
for pid in $victims; do until_true 5 gone "$pid"; done
ok "outlives a server of which nothing is left" alive "$escaped"
touch "$T/work/go"
expect_log 'processes of handlers of an earlier run were still there: ended'
must_start
ok "but not the next start" gone "$escaped"
like "which says so" "$(cat "$T/log")" 'of an earlier run were still there: ended'
ok "and leaves others alone" alive "$other"
kill -KILL "$other"
wait "$other" 2>/dev/null
wait_final "$job"
is "the job runs again" "$state $(wc -l < "$T/work/begun" | tr -d ' ')" "succeeded 2"
is "without having used a retry" "$(field retry_count)" 0
finish

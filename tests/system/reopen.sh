#!/bin/sh
# USR1: after a rotation every process writes to the new log file.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

sed -i "s|^log = .*|log = \"$T/log\"|" "$T/base.conf"
add_conf <<'END'
handler hello { builtin = print }
END
must_start
submit hello '"one"'
wait_final "$id"
printed() { grep -q "job=$1 .*outcome=succeeded" "$T/log"; }
ok "the log has the first job" until_true 10 printed "$id"
mv "$T/log" "$T/log.1"
ok "-s reopen" "$stintd" -c "$T/stint.conf" -s reopen
there() { grep -q 'log opened again' "$T/log" 2>/dev/null; }
ok "the master writes to the new file" until_true 10 there
# The workers have been told before the next request comes; which of them runs a job is theirs.
submit hello '"two"'
wait_final "$id"
ok "the workers do" until_true 10 printed "$id"
ok "and the old file has nothing of it" sh -c "! grep -q $id $T/log.1"
is "nobody has the old file open" "$(ls -l /proc/"$server"/fd /proc/"$(head -n1 "/proc/$server/task/$server/children" | tr ' ' '\n' | head -n 1)"/fd 2>/dev/null | grep -c 'log\.1')" 0
cat "$T/log.1" >> "$T/log"
finish

#!/bin/sh
# stintd's options: usage, versions, the dump, the words of -s, and the exit codes of a start that cannot be.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

run() { "$stintd" "$@" > "$T/out" 2> "$T/err"; code=$?; }

run -h
is "-h: exit code" $code 0
like "-h: names every option" "$(cat "$T/out")" 'stintd \[-c FILE\] \[-p PREFIX\] \[-F\] \[-t\] \[-T\] \[-s SIGNAL\]'
run -v
is "-v: exit code" $code 0
like "-v: the version" "$(cat "$T/out")" '^stintd [0-9]+\.[0-9]+'
run -V
like "-V: where the conf is" "$(cat "$T/out")" 'stint/stint\.conf'
for wrong in "-x" "-c" "-s restart" "start"; do
	# shellcheck disable=SC2086
	run $wrong
	is "$wrong: exit code 64" $code 64
	like "$wrong: is named" "$(cat "$T/err")" "(^|[^a-z])${wrong#-s }"
done

# --- the dump ---
add_conf <<'END'
handler print { builtin = print }
handler "mail.*" {
    exec = {"/bin/cat", "a b", "c\"d"}
    env = {"GREETING=good day"}
}
END
write_conf "$(random_port)"
run -T -c "$T/stint.conf"
is "-T: exit code" $code 0
cp "$T/out" "$T/dumped.conf"
like "-T: says that the syntax is ok, beside the dump" "$(cat "$T/err")" 'syntax ok'
run -T -c "$T/dumped.conf"
is "the dump is a conf" $code 0
is "and says the same" "$(cat "$T/out")" "$(cat "$T/dumped.conf")"
STINT_WORKER_JOBS=7 "$stintd" -T -c "$T/stint.conf" 2> "$T/err" > "$T/out"
like "an override shows in the dump" "$(cat "$T/out")" 'worker_jobs *= *7'
is "-t and -T leave nothing behind" "$(ls -A "$T/run" "$T/store" | grep -v :)" ""
STINT_WORKER_JOBS=many "$stintd" -t -c "$T/stint.conf" 2> "$T/err"
is "a bad override: exit code 78" $? 78
like "it is named" "$(cat "$T/err")" STINT_WORKER_JOBS

# --- relative paths ---
mkdir "$T/here"
sed "s|$T/run|run|; s|$T/store|data|" "$T/stint.conf" > "$T/here/stint.conf"
run -T -c "$T/here/stint.conf" -p "$T/here"
like "-p stands before relative paths" "$(cat "$T/out")" "run_dir *= *\"$T/here/run\""
run -t -c "$T/here/stint.conf" -p "$T/not-there"
is "a prefix that is not there: exit code 64" $code 64
(cd "$T/here" && "$stintd" -c stint.conf > "$T/start.out" 2>&1)
is "a server of relative paths starts" $? 0
is "where it was started" "$(ls "$T/here/data/data.mdb")" "$T/here/data/data.mdb"
server=$(cat "$T/here/run/stintd.pid")
is "it does not hold that directory" "$(readlink "/proc/$server/cwd")" /
expect_log .
kill -HUP "$server"
reloaded() { curl -s -m 5 "$url/metrics" | grep -q '^stint_reloads_total.* 1$' || [ "$(curl -s "$url/status.json" | jq -r '.. | .generation? // empty' | sort -n | tail -n 1)" = 2 ]; }
ok "and it reloads by its relative name" until_true 10 reloaded
(cd "$T/here" && "$stintd" -c stint.conf -s stop)
is "-s stop" $? 0
ok "it ends" until_true 10 gone "$server"
server=
(cd "$T/here" && "$stintd" -c stint.conf -s stop > "$T/out" 2>&1)
is "-s stop with nobody there: exit code 69" $? 69
like "and it says so" "$(cat "$T/out")" 'no server runs'

# --- starts that cannot be ---
touch "$T/file"
sed "s|^run_dir = .*|run_dir = \"$T/file/run\"|" "$T/stint.conf" > "$T/bad.conf"
run -c "$T/bad.conf"
is "a run directory that cannot be made: exit code 73" $code 73
like "it is named" "$(cat "$T/err")" "$T/file/run"
touch "$T/work/something-else"
sed "s|path = \"$T/store\"|path = \"$T/work\"|" "$T/stint.conf" > "$T/bad.conf"
run -c "$T/bad.conf"
is "a store directory with something else in it: exit code 78" $code 78
like "it is named" "$(cat "$T/err")" "$T/work"
sed "s|^log = .*|log = \"$T/no-such-directory/log\"|" "$T/stint.conf" > "$T/bad.conf"
run -c "$T/bad.conf"
is "a log that cannot be opened: exit code 73" $code 73
like "it is named" "$(cat "$T/err")" "$T/no-such-directory/log"
ok "no pid file stays" test ! -e "$T/run/stintd.pid"
if [ "$(id -u)" -eq 0 ] && command -v setpriv > /dev/null; then
	chmod 755 "$T"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$stintd" -c "$T/stint.conf" > "$T/out" 2>&1
	is "without the rights: exit code 77" $? 77
	like "what could not be done is named" "$(cat "$T/out")" "$T/"
fi
finish

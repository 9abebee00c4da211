#!/bin/sh
# A conf with mistakes: all of them are named with file and line, nothing starts, and a server that runs goes on as it was.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

add_conf <<'END'
handler hello { builtin = print }
END

test_conf() { # exit code in $code, output in $T/out
	"$stintd" -t -c "$T/bad.conf" > "$T/out" 2>&1
	code=$?
}

# One mistake each. A line: what, the conf, what the message must say.
try() { # DESCRIPTION CONF REGEX
	printf '%b' "$2" > "$T/bad.conf"
	test_conf
	is "$1: exit code" $code 78
	like "$1: the message" "$(cat "$T/out")" "$3"
	"$stintd" -c "$T/bad.conf" > "$T/out" 2>&1
	is "$1: nothing starts" $? 78
}

try "an unknown option" '\n# a comment\nworker_proceses = 2\n' 'bad\.conf:3: .*worker_proceses'
try "a bad duration" 'drain_timeout = soon\n' 'bad\.conf:1: .*drain_timeout'
try "a section that is not closed" 'http {\n    max_body = 1M\n' 'bad\.conf:[0-9]+: .*'
try "an option that stands twice" 'drain_timeout = 1s\ndrain_timeout = 2s\n' 'bad\.conf:2: .*drain_timeout'
try "a handler without a kind" 'handler x {\n    timeout = 1s\n}\n' 'bad\.conf:[0-9]+: .*x'
try "an address that is none" 'http {\n    listen = {"nowhere"}\n}\n' 'bad\.conf:2: .*nowhere'

printf 'worker_jobs = none\n\nhttp {\n    max_body = 1X\n}\n' > "$T/bad.conf"
test_conf
like "several mistakes: the first" "$(cat "$T/out")" 'bad\.conf:1: .*worker_jobs'
like "several mistakes: the other" "$(cat "$T/out")" 'bad\.conf:4: .*max_body'

"$stintd" -t -c "$T/no-such.conf" > "$T/out" 2>&1
code=$?
ok "no conf at all: exit code" test $code -ne 0
like "no conf at all: the message" "$(cat "$T/out")" "$T/no-such\.conf.*"

must_start
"$stintd" -t -c "$T/stint.conf" > "$T/out" 2>&1
is "a good conf passes -t" $? 0

# --- a bad reload ---
cp "$T/stint.conf" "$T/good.conf"
printf '\nno_such_option = 1\n' >> "$T/stint.conf"
line=$(wc -l < "$T/stint.conf")
expect_log "no_such_option"
expect_log "[Rr]eload|conf"
kill -HUP "$server"
said() { grep -q "stint\.conf:$line: .*no_such_option" "$T/log"; }
ok "a reload of a bad conf says what is wrong" until_true 10 said
submit hello '"still here"'
is "and the server serves as before" "$status" 201
wait_final "$id"
is "and runs jobs" "$state" succeeded
is "with the same master" "$(cat "$T/run/stintd.pid")" "$server"
cp "$T/good.conf" "$T/stint.conf"
finish

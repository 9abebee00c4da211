#!/bin/sh
# The `stint` command against a real server: what it prints, and its exit codes.
. "${srcdir:-.}/tests/system/lib.sh"

add_conf <<'END'
handler cat { exec = {"/bin/cat"} }
handler bad { exec = {"/bin/sh", "-c", "printf 'one\\033[31m\\ntwo' >&2; exit 65"} }
handler sleep { builtin = sleep }
handler talk {
    exec = {"/bin/sh", "-c", "echo begun $STINT_ATTEMPT >&2; while [ ! -e $T/work/$STINT_ATTEMPT ]; do sleep 0.05; done; echo ended $STINT_ATTEMPT >&2; exit $((2 - STINT_ATTEMPT))"}
    max_retries = 1
    backoff_base = 100ms
}
END

run() { "$stint" "$@" > "$T/out" 2> "$T/err" < "$T/in"; code=$?; }
: > "$T/in"
out() { cat "$T/out"; }
err() { cat "$T/err"; }

# --- without a server ---
run --version
like "--version" "$(out)" '^stint [0-9]+\.[0-9]+\.[0-9]+$'
run --help
is "--help: exit code" $code 0
like "--help lists the commands" "$(out)" 'stint submit TYPE'
run
is "no command" $code 64
run frobnicate
is "a command that is not there: exit code" $code 64
like "a command that is not there: what is said" "$(err)" 'there is no command "frobnicate"'
STINT_URL=http://127.0.0.1:1
export STINT_URL
run submit cat 1
is "no server: exit code" $code 69
like "no server: what is said" "$(err)" '^stint: cannot connect to http://127.0.0.1:1: .*Is stintd running there\?'

must_start
STINT_URL=$url

# --- submit ---
run submit cat '{"a": [1, 2.50]}'
is "submit: exit code" $code 0
like "submit prints the id" "$(out)" '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$'
id=$(out)
run submit cat '{"a": [1, 2.50]}' --wait
is "submit --wait: exit code" $code 0
is "submit --wait prints the result, byte for byte" "$(out)" '{"a": [1, 2.50]}'
printf '"from a file"' > "$T/payload"
run submit cat "@$T/payload" --wait
is "a payload from a file" "$(out)" '"from a file"'
printf '"from stdin"' > "$T/in"
run submit cat - --wait
is "a payload from standard input" "$(out)" '"from stdin"'
: > "$T/in"
run submit cat --wait
is "without a payload: null" "$(out)" null
run submit cat 1 --queue slow --priority -7 --retries 9 --delay 1h --json
is "--json: the job" "$(jq -r '"\(.queue) \(.priority) \(.max_retries) \(.state)"' < "$T/out")" "slow -7 9 scheduled"
run submit cat 1 --name 'a "name"' --tag 'red&blue' --tag two --timeout 90s --run-at 2100-01-01T00:00:00+01:00 --unique-key u --key k --json
is "the other fields of a job" "$(jq -c '[.name, .tags, .timeout, .run_at, .unique_key, .key]' < "$T/out")" \
	'["a \"name\"",["red&blue","two"],90,"2099-12-31T23:00:00.000Z","u","k"]'
run submit cat 1 --delay 1h --expires-in 36h --json
is "--expires-in" "$(jq '.expires_at > .run_at' < "$T/out")" true
printf 'any \377 bytes\n' > "$T/payload"
run submit cat "@$T/payload" --raw --content-type image/png --name raw --tag 'x y' --tag z --priority -3
is "--raw: exit code" $code 0
raw=$(out)
wait_final "$raw"
is "--raw: the fields" "$(jq -c '[.name, .tags, .priority, .content_type]' < "$T/body")" '["raw",["x y","z"],-3,"image/png"]'
"$stint" show "$raw" --result > "$T/out"
ok "--raw: any bytes go and come" cmp -s "$T/payload" "$T/out"
run submit cat --raw --wait
is "--raw without a payload is no byte" "$code $(wc -c < "$T/out")" "0 0"
run submit sleep '{"ms":1}' --delay 1h
parent=$(out)
run submit cat 1 --depends-on "$parent" --depends-on "$id" --json
is "--depends-on" "$(jq -r '"\(.state) \(.depends_on | length)"' < "$T/out")" "waiting 2"
run submit bad 1 --wait
is "--wait for a job that fails: exit code" $code 1
like "and why, with nothing in it that a terminal would obey" "$(err)" '^stint: job [0-9a-f-]+ is dead: two$'
run submit bad 1 --wait --json
is "--wait --json for a job that fails: exit code" $code 1
is "and the job" "$(jq -r .state < "$T/out")" dead

# --- what is refused ---
refused() { # DESCRIPTION CODE REGEX ARGUMENTS
	what=$1
	wanted=$2
	says=$3
	shift 3
	run "$@"
	is "$what: exit code" $code "$wanted"
	like "$what: what is said" "$(err)" "^stint: .*$says"
	is "$what: nothing on stdout" "$(out)" ""
}
refused "no type" 64 'submit which TYPE' submit
refused "two payloads" 64 'one PAYLOAD' submit cat a b
refused "a payload that is no JSON" 65 'the payload is not JSON: .* at line 1, column' submit cat hello
refused "a file that is not there" 66 "cannot open $T/nowhere" submit cat "@$T/nowhere"
refused "a type without a handler" 65 '422: .*nosuch' submit nosuch 1
refused "a type that cannot be" 65 '400: ' submit 'a b' 1
refused "a priority out of range" 64 'from -32768 to 32767' submit cat 1 --priority 40000
refused "a time that is none" 64 'must be a time of RFC 3339' submit cat 1 --run-at tomorrow
refused "a time and a delay" 64 'only one of --run-at and --delay' submit cat 1 --run-at 2100-01-01T00:00:00Z --delay 1s
refused "a parent that is no id" 64 'is not a job id' submit cat 1 --depends-on 7
refused "a parent that is not there" 65 '422: ' submit cat 1 --depends-on 01930000-0000-7000-8000-000000000000
refused "a media type of JSON" 64 'of a --raw payload' submit cat 1 --content-type a/b
refused "a tag that is empty" 64 'tag is empty' submit cat 1 --tag ''
refused "an option that is not there" 64 'unknown option --prio; there are' submit cat 1 --prio 1
refused "an address that is none" 64 'it must be http://' submit cat 1 --url 127.0.0.1:8080
refused "no id" 64 'show which job' show
refused "an id that is none" 64 'is not a job id' show 123
refused "a job that is not there" 66 '404: ' show 01930000-0000-7000-8000-000000000000
refused "history and result" 64 'only one of' show "$id" --history --result
refused "an attempt of what is no log" 64 'goes with --log' show "$id" --attempt 1
refused "a log that is not there" 66 '404: ' show "$id" --log --attempt 3

# --- show ---
wait_final "$id"
run show "$id"
is "show: exit code" $code 0
like "show: the state" "$(out)" '^state +succeeded$'
like "show: the payload" "$(out)" '^payload +'
run show "$id" --history
like "show --history: how it began" "$(sed -n 2p "$T/out")" '^20[0-9TZ:.-]+ queued '
like "show --history: how it ended" "$(tail -n 1 "$T/out")" '^20[0-9TZ:.-]+ succeeded +1 .*exit_code=0'
run show "$id" --history --json
is "show --history --json" "$(jq -r '.history[-1].event' < "$T/out")" succeeded
run show "$id" --result
is "show --result" "$(out)" '{"a": [1, 2.50]}'
run show "$id" --json
is "show --json" "$(jq -r .id < "$T/out")" "$id"

# --- logs ---
: > "$T/followed"
run submit talk 1
talk=$(out)
"$stint" show "$talk" --follow > "$T/followed" 2> "$T/followed.err" &
follower=$!
said() { grep -qx "$1" "$T/followed"; }
ok "--follow: what is said comes at once" until_true 30 said "begun 1"
run show "$talk" --log
is "--log of a job that runs" "$(out)" "begun 1"
: > "$T/work/1"
ok "--follow goes on with the next attempt" until_true 30 said "begun 2"
is "what was said is not said again" "$(tr '\n' ' ' < "$T/followed")" "begun 1 ended 1 begun 2 "
: > "$T/work/2"
wait $follower
is "--follow ends with the job: exit code" $? 0
is "and has all that it said" "$(tail -n 1 "$T/followed")" "ended 2"
is "on stderr: whose log it is" "$(cat "$T/followed.err")" "stint: attempt 2"
run show "$talk" --log --attempt 1
is "--log --attempt" "$(tr '\n' ' ' < "$T/out")" "begun 1 ended 1 "
run show "$talk" --log --json
is "--log --json" "$(tail -n 1 "$T/out")" '{"attempt":2,"line":"ended 2"}'
run submit bad 1
id_bad=$(out)
run show "$id_bad" --follow --json
is "--follow of a job that fails: exit code" $code 1
is "--follow --json: the lines" "$(head -n 1 "$T/out" | jq -c '[.attempt, .line]')" '[1,"one\u001b[31m"]'
is "and the job" "$(tail -n 1 "$T/out" | jq -r .state)" dead
like "and why" "$(err)" '^stint: job [0-9a-f-]+ is dead: two$'

# --- help ---
run help submit
is "help COMMAND" "$code $(head -n 1 "$T/out")" "0 stint submit TYPE [PAYLOAD|@FILE|-] [OPTIONS]"
run submit --help
cp "$T/out" "$T/help"
run help submit
ok "is what COMMAND --help says" cmp -s "$T/help" "$T/out"
run help bench drain
like "help bench KIND" "$(head -n 1 "$T/out")" '^stint bench drain '
refused "help for what is not there" 64 'there is no command "frob"' help frob

# --- output that cannot be written ---
if [ -w /dev/full ]; then
	"$stint" show "$id" > /dev/full 2> "$T/err"
	is "a full disk is said: exit code" $? 74
fi

# --- a server that goes away while it is waited for, and comes back ---
"$stint" submit sleep '{"ms":3000}' --wait --json > "$T/waited" 2> "$T/waited.err" &
waiting=$!
slept() { run status -c "$T/stint.conf" --json && [ "$(jq .running < "$T/out")" = 1 ]; }
ok "a job runs" until_true 10 slept
ok "the server ends" end_server INT 10
"$stintd" -c "$T/stint.conf" > "$T/start.out" 2>&1
is "it starts again on the same port" $? 0
server=$(cat "$T/run/stintd.pid")
wait $waiting
is "the wait outlives it: exit code" $? 0
is "and the job has succeeded" "$(jq -r .state < "$T/waited")" succeeded
finish

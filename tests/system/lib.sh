# shellcheck shell=sh
# For tests of the whole server: TAP, and a real stintd of this build in a directory of its own, on a port of its own.
#
#   . "${srcdir:-.}/tests/system/lib.sh" || exit 99
#   add_conf <<'END'                      more of the conf; $T is the test's directory
#   handler hello { exec = {"/bin/cat"} }
#   END
#   start_server                          as a daemon; returns when it serves. start_foreground: with -F, so that end_server has its exit code
#   submit hello '{"a":1}'                the answer's status in $status, its body in $T/body, the job's id in $id
#   wait_final "$id"                      the job's state in $state, the job in $T/body
#   is "it succeeded" "$state" succeeded
#   finish                                stops what runs, and tests that nothing was left: no process, no error in the log, no sanitizer report
#
# What a test expects in the log as warning or error it says with expect_log REGEX. A test needs no clean-up of its own.
set -u

: "${srcdir:?is set by make check}" "${builddir:?is set by make check}"
stintd=$builddir/stintd
stint=$builddir/stint
n=0
failed=0
status=
state=
id=
server=
foreground=

T=$(mktemp -d "${TMPDIR:-/tmp}/stint-test.XXXXXX") || { echo "Bail out! no temporary directory"; exit 99; }
mkdir "$T/run" "$T/store" "$T/work"
: > "$T/expected"
: > "$T/log"
unset NOTIFY_SOCKET

# --- TAP -----------------------------------------------------------------------------------------------------------------

pass() { n=$((n + 1)); echo "ok $n - $1"; }
fail() { # DESCRIPTION [REASON]
	n=$((n + 1))
	failed=$((failed + 1))
	echo "not ok $n - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}
note() { printf '%s\n' "$*" | sed 's/^/# /'; }
is() { # DESCRIPTION GOT WANTED
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got:    $2
wanted: $3"; fi
}
like() { # DESCRIPTION GOT EXTENDED-REGEX
	if printf '%s\n' "$2" | grep -qE -- "$3"; then pass "$1"; else fail "$1" "got:    $2
wanted: $3"; fi
}
ok() { # DESCRIPTION COMMAND...
	what=$1
	shift
	if "$@"; then pass "$what"; else fail "$what" "$* failed"; fi
}
skip_all() { echo "1..0 # SKIP $*"; exit 0; }
bail() { echo "Bail out! $*"; [ ! -s "$T/log" ] || tail -n 20 "$T/log" | sed 's/^/# /'; exit 99; }

# Until the command succeeds, at most this long.
until_true() { # SECONDS COMMAND...
	tries=$(($1 * 20))
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.05
	done
}

# --- The server -----------------------------------------------------------------------------------------------------------

# The beginning of every test's conf; add_conf appends. The log is stderr, into $T/log: a sanitizer writes its reports there too.
cat > "$T/base.conf" <<END
worker_processes = 2
user = ""
group = ""
run_dir = "$T/run"
pid_file = "$T/run/stintd.pid"
log = "stderr"
drain_timeout = 10s
store {
    path = "$T/store"
    min_free = 1M
    map_size = 1G
}
END
: > "$T/more.conf"
add_conf() { sed "s|\\\$T|$T|g" >> "$T/more.conf"; }

write_conf() { # PORT
	port=$1
	url=http://127.0.0.1:$port
	{
		cat "$T/base.conf"
		printf 'http {\n    listen = {"127.0.0.1:%s"}\n}\n' "$port"
		cat "$T/more.conf"
	} > "$T/stint.conf"
}

# Below the range that the kernel gives to clients, so that only another test can be in the way.
random_port() { echo $((10000 + $(od -An -N2 -tu2 /dev/urandom) % 20000)); }

# Then the start is tried again with another, and that line of the log is nobody's fault.
port_was_taken() { # EXIT-CODE
	[ "$1" -eq 69 ] && grep -q ":$port" "$T/start.out" && expect_log "cannot listen on 127\.0\.0\.1:$port"
}

# What the log says since the last mark.
mark_log() { mark=$(($(wc -c < "$T/log") + 1)); }
since_mark() { tail -c "+$mark" "$T/log"; }

# As a daemon. An exit code that is not 0 is the test's to judge: start_server || ...; $start_status has it, $T/start.out what was said.
start_server() { # [stintd's options]
	foreground=
	for _ in 1 2 3 4 5 6 7 8; do
		write_conf "$(random_port)"
		mark_log
		"$stintd" -c "$T/stint.conf" "$@" >> "$T/log" 2>&1
		start_status=$?
		since_mark > "$T/start.out"
		port_was_taken "$start_status" || break
	done
	[ "$start_status" -eq 0 ] || return 1
	server=$(cat "$T/run/stintd.pid")
}

start_foreground() { # [stintd's options]
	foreground=yes
	for _ in 1 2 3 4 5 6 7 8; do
		write_conf "$(random_port)"
		mark_log
		"$stintd" -F -c "$T/stint.conf" "$@" >> "$T/log" 2>&1 &
		server=$!
		until_true 30 ready_or_gone
		kill -0 "$server" 2>/dev/null && return 0
		wait "$server"
		start_status=$?
		server=
		since_mark > "$T/start.out"
		port_was_taken "$start_status" || return 1
	done
	return 1
}
is_ready() { curl -fs -o /dev/null -m 5 "$url/readyz" 2>/dev/null; }
ready_or_gone() { ! kill -0 "$server" 2>/dev/null || is_ready; }

must_start() { start_server "$@" || { sed 's/^/# /' "$T/start.out"; bail "stintd did not start (exit code $start_status)"; }; }

gone() { ! alive "$1"; }
# A zombie has ended.
alive() { [ -d "/proc/$1" ] && ! grep -q '^State:[[:space:]]*[ZX]' "/proc/$1/status" 2>/dev/null; }

# Asks it to end, and waits. $server_status is its exit code where it ran in the foreground.
end_server() { # [SIGNAL [SECONDS]]
	[ -n "$server" ] || return 0
	kill -"${1:-TERM}" "$server" 2>/dev/null
	until_true "${2:-20}" gone "$server" || return 1
	server_status=
	if [ -n "$foreground" ]; then
		wait "$server"
		server_status=$?
	fi
	server=
}

# --- HTTP -----------------------------------------------------------------------------------------------------------------

# The status in $status ("000": no answer), the body in $T/body, the header in $T/header.
request() { # METHOD PATH [curl's options]
	method=$1
	target=$2
	shift 2
	: > "$T/body"
	: > "$T/header"
	status=$(curl -sS -m 45 -X "$method" -o "$T/body" -D "$T/header" -w '%{http_code}' "$@" "$url$target" 2> "$T/curl.err")
}
get() { request GET "$@"; }
post() { # PATH BODY [curl's options]
	path=$1
	body=$2
	shift 2
	request POST "$path" --data-binary "$body" -H 'Content-Type: application/json' "$@"
}
field() { jq -r ".$1" < "$T/body" 2>/dev/null; }
header() { tr -d '\r' < "$T/header" | sed -n "s/^$1: *//Ip"; }

submit() { # TYPE PAYLOAD(JSON) [MORE MEMBERS: ',"priority":3']
	post /jobs "{\"type\":\"$1\",\"payload\":$2${3:-}}"
	id=$(field id)
}
wait_final() { # ID [SECONDS]
	get "/jobs/$1?wait=${2:-30}s"
	state=$(field state)
}

# --- The end --------------------------------------------------------------------------------------------------------------

expect_log() { printf '%s\n' "$1" >> "$T/expected"; }

# Processes that name the test's directory in their command line, mappings, environment or working directory: the server's, its handlers', and theirs.
left_over() {
	{
		printf '%s\n' "$T" | grep -laFf - /proc/[0-9]*/cmdline /proc/[0-9]*/maps /proc/[0-9]*/environ 2>/dev/null
		for cwd in /proc/[0-9]*/cwd; do
			case $(readlink "$cwd" 2>/dev/null) in "$T"*) echo "$cwd" ;; esac
		done
	} | cut -d/ -f3 | sort -un | while read -r pid; do
		[ "$pid" = $$ ] || ! alive "$pid" || echo "$pid"
	done
}
none_left() { [ -z "$(left_over)" ]; }

unexpected_in_log() {
	[ ! -f "$T/log" ] || grep -E '^[^ ]+ (warn|error) |"level":"(warn|error)"' "$T/log" | if [ -s "$T/expected" ]; then grep -vEf "$T/expected"; else cat; fi
}

# Set by a test that leaves its store damaged, or its conf unusable.
unsound=

# On every way out: nothing may stay, also where the test itself broke off.
clean_up() {
	trap - EXIT
	[ -z "$server" ] || end_server INT 5 || kill -KILL "$server" 2>/dev/null
	for pid in $(left_over); do kill -KILL "$pid" 2>/dev/null; done
	rm -rf "$T"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

finish() {
	if [ -n "$server" ]; then
		ok "the server ends when it is asked to" end_server
	fi
	if until_true 5 none_left; then
		pass "no process is left"
	else
		fail "no process is left" "$(for pid in $(left_over); do printf '%s: %s\n' "$pid" "$(tr '\0' ' ' < "/proc/$pid/cmdline")"; done)"
	fi
	if [ -s "$T/store/data.mdb" ] && [ -z "$unsound" ]; then
		reports=$("$stint" check -c "$T/base.conf" 2>&1)
		is "the store is sound" "$? $(printf '%s\n' "$reports" | head -n 20 | sed 's/^sound: .*/sound/')" "0 sound"
	fi
	lines=$(unexpected_in_log)
	if [ -z "$lines" ]; then pass "the log has no unexpected warning or error"; else fail "the log has no unexpected warning or error" "$lines"; fi
	reports=$(grep -A 12 -hE 'AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:' "$T/log" "$T"/*.log 2>/dev/null)
	if [ -z "$reports" ]; then pass "no sanitizer has anything to report"; else fail "no sanitizer has anything to report" "$reports"; fi
	if [ "$failed" -gt 0 ] && [ -s "$T/log" ]; then
		note "the end of the server's log:"
		tail -n 40 "$T/log" | sed 's/^/#   /'
	fi
	echo "1..$n"
	[ "$failed" -eq 0 ]
	exit
}

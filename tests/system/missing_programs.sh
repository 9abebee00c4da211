#!/bin/sh
# Handlers that cannot be started, in every way: a warning of -t, and a failed attempt that says in plain words what is wrong. The server goes on.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/measure.sh" || exit 99

mkdir "$T/dir" "$T/locked"
printf '#!/bin/sh\necho ran\n' > "$T/noexec"
printf '#!/no/such/interpreter\n' > "$T/nointerp"
: > "$T/empty"
printf 'echo hello\n' > "$T/text"
printf '\177ELFgarbage' > "$T/garbage"
chmod 755 "$T/nointerp" "$T/empty" "$T/text" "$T/garbage"
chmod 644 "$T/noexec"
ln -s "$T/circle" "$T/circle"
ln -s "$T/nothing" "$T/dangling"
mkfifo -m 755 "$T/fifo"
long=$(printf '%0140000d' 0)

{
	for name in dir noexec nointerp empty text garbage circle dangling fifo nothere; do
		printf 'handler %s { exec = {"$T/%s"}  max_retries = 0 }\n' $name $name
	done
	printf 'handler notinpath { exec = {"no-such-program-anywhere"}  max_retries = 0 }\n'
	printf 'handler below { exec = {"/bin/sh/below"}  max_retries = 0 }\n'
	printf 'handler cwd { exec = {"/bin/true"}  cwd = "$T/nothere"  max_retries = 0 }\n'
	printf 'handler cwdfile { exec = {"/bin/true"}  cwd = "$T/text"  max_retries = 0 }\n'
	printf 'handler long { exec = {"/bin/echo", "%s"}  max_retries = 0 }\n' "$long"
	printf 'handler again { exec = {"$T/nothere"}  max_retries = 2  backoff_base = 1ms  backoff_max = 1ms }\n'
	printf 'handler fine { exec = {"echo", "fine"} }\n'
} | add_conf
expect_log 'handler [a-z]+: (program|cwd) '
expect_log 'not started: cannot run '
must_start
keep_fds

"$stintd" -t -c "$T/stint.conf" > "$T/out" 2>&1
is "-t: exit code" $? 0
for name in dir noexec circle dangling fifo nothere notinpath below cwd cwdfile; do
	like "-t warns of $name" "$(grep "handler $name:" "$T/out")" "stint.conf:[0-9]+: warning: .*will fail until"
done

try() { # TYPE REGEX
	submit "$1" null
	wait_final "$id"
	is "$1: the job is" "$state" dead
	like "$1: since" "$(field last_error)" "$2"
	echo "$id" >> "$T/all"
}
try dir 'cannot run ".*/dir": permission denied \(it must be a regular file'
try noexec 'execute bit'
try nointerp 'interpreter .* does not exist'
try empty 'no program: neither a binary of this machine nor a script that begins with #!'
try text 'begins with #!'
try garbage 'begins with #!'
try circle 'symbolic links'
try dangling 'no such file'
try fifo 'regular file'
try nothere "cannot run \"$T/nothere\": no such file"
try notinpath 'no such program on PATH \(/'
try below 'Not a directory'
try cwd 'cannot enter its directory ".*/nothere" \(cwd of handler "cwd"\): No such file'
try cwdfile 'Not a directory'
try long 'arguments and environment are too long'
try again 'no such file'
is "it is tried again like any other failure" "$(field attempts) $(field retry_count)" "3 2"

submit fine null
echo "$id" >> "$T/all"
wait_final "$id"
is "the one that is there runs" "$state" succeeded
printf '#!/bin/sh\necho ran\n' > "$T/nothere"
chmod 755 "$T/nothere"
submit nothere null
echo "$id" >> "$T/all"
wait_final "$id"
is "and so does one that has come since" "$state $(field result)" "succeeded ran"
counted "$T/all"
must_be_idle
fds_are_kept
finish

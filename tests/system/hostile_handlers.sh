#!/bin/sh
# Handlers that do what they should not: nothing of them outlives its attempt, nothing of ours is theirs, and every end is told as what it was.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/measure.sh" || exit 99

program() { # NAME, its script on standard input
	{ echo '#!/bin/sh'; sed "s|\$T|$T|g; s|1003|1003$$|"; } > "$T/$1"
	chmod 755 "$T/$1"
}
handler() { # NAME [OPTIONS]
	printf 'handler %s { exec = {"%s/%s"}  kill_grace = 300ms  max_retries = 0  %s }\n' "$1" "$T" "$1" "${2:-}" >> "$T/more.conf"
}

program hang <<'STOP'
while :; do sleep 1000; done
STOP
program ignore <<'STOP'
trap '' TERM INT HUP QUIT USR1 USR2 PIPE
while :; do sleep 1000; done
STOP
program away <<'STOP'
setsid sh -c 'setsid sleep 1001 & setsid sh -c "trap \"\" TERM; while :; do sleep 1002; done" &' &
sleep 0.2
echo ok
STOP
program unnamed <<'STOP'
setsid sh -c 'exec env -i /bin/sleep 1003 < /dev/null > /dev/null 2>&1 & exit' &
sleep 0.2
echo ok
STOP
program flood <<'STOP'
head -c 200000000 /dev/zero | tee /dev/stderr
STOP
program deaf <<'STOP'
exec sleep 0.1
STOP
program closed <<'STOP'
exec < /dev/null > /dev/null 2>&1
exec <&- >&- 2>&-
sleep 0.5
STOP
program closedhang <<'STOP'
exec <&- >&- 2>&-
while :; do sleep 1000; done
STOP
program stopped <<'STOP'
kill -STOP $$
STOP
program above <<'STOP'
kill -TERM -- "-$(ps -o pgid= -p $PPID | tr -d ' ')"
sleep 0.3
echo ok
STOP
program descriptors <<'STOP'
# What the shell itself has opened is not ours.
cd /proc/$$/fd && for fd in *; do case $fd in [012]) ;; *) case $(readlink "$fd") in "$T"/descriptors) ;; *) readlink "$fd" ;; esac ;; esac; done
i=3
while [ $i -lt 200 ]; do
	( echo garbage >&$i ) 2>/dev/null && echo "$i could be written"
	i=$((i + 1))
done
echo none
STOP
program zombies <<'STOP'
for i in 1 2 3 4 5 6 7 8 9 10; do (exit 3) & done
exec sleep 0.3
STOP
program nul <<'STOP'
printf 'out\000\377\200end'
printf 'one\ntwo\000\n' >&2
exit "$(cat)"
STOP
program progress <<'STOP'
printf '::progress\n::progress -1 x\n::progress 101 x\n::progress 99999999999999999999 x\n::retry-in never\n' >&2
i=0
while [ $i -lt 2000 ]; do echo "::progress $((i % 100)) step $i"; i=$((i + 1)); done >&2
STOP
program killer <<'STOP'
kill -KILL $PPID
sleep 5
STOP
program bomb <<'STOP'
i=0
while [ $i -lt 100 ]; do (setsid sleep 1004 &) ; i=$((i + 1)); done
STOP
# As many as may be; the sanitizers' programs are too heavy for that.
forks=2000
! grep -q 'fsanitize=address' "$builddir/config.status" || forks=300
program forkbomb <<STOP
exec $builddir/tests/system/fork_bomb $forks
STOP
for name in hang ignore closedhang stopped; do handler $name 'timeout = 500ms'; done
handler forkbomb 'timeout = 1s'
for name in away unnamed flood deaf closed above descriptors zombies nul progress bomb; do handler $name; done
handler killer 'max_crashes = 2'
add_conf <<'STOP'
handler exit { exec = {"/bin/sh", "-c", "exit $(cat)"}  max_retries = 1  backoff_base = 1ms  backoff_max = 1ms }
handler signal { exec = {"/bin/sh", "-c", "kill -$(cat) $$; sleep 5"}  max_retries = 0 }
STOP
expect_log 'worker [12] \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'worker [12]: the next one is started in'
# Thousands take a slow machine that long.
expect_log 'left behind have not died of SIGKILL yet'
must_start
keep_fds
master=$server

one() { # TYPE PAYLOAD
	submit "$1" "$2"
	echo "$id" >> "$T/all"
	wait_final "$id"
}
end_of() { # the last attempt's end in its history
	get "/jobs/$id/history"
	jq -r '[.history[] | select(.exit_code != null or .signal != null)] | last | "\(.event) \(.exit_code // "-") \(.signal // "-")"' < "$T/body"
}

# Those that take their time, side by side.
for name in hang ignore closedhang stopped away unnamed closed zombies above; do
	submit $name null
	echo "$id" >> "$T/all"
	eval "id_$name=\$id"
done
for name in hang ignore closedhang stopped; do
	eval "wait_final \"\$id_$name\""
	is "$name" "$state $(field last_error)" "dead timed out after 500ms"
done
for name in away unnamed closed zombies above; do
	eval "wait_final \"\$id_$name\""
	is "$name" "$state" succeeded
done
is "who signals the group of its parent does not reach the master" "$(cat "$T/run/stintd.pid")" "$master"

one flood null
is "200 MB on both outputs" "$state $(field result_truncated)" "succeeded true"
get "/jobs/$id/result"
is "of which max_output is kept" "$(wc -c < "$T/body" | tr -d ' ')" 65536
head -c 1000000 /dev/zero > "$T/zeros"
request POST '/jobs?type=deaf' --data-binary "@$T/zeros"
id=$(field id)
echo "$id" >> "$T/all"
wait_final "$id"
is "a megabyte that nobody reads" "$state" succeeded
one descriptors null
is "no descriptor of ours is a handler's" "$state $(field result)" "succeeded none"
one nul 0
is "bytes that are no text" "$state" succeeded
get "/jobs/$id/result"
is "come as they are" "$(od -An -tx1 < "$T/body" | tr -d ' \n')" "6f757400ff80656e64"
one nul 1
is "a NUL in the last words" "$(field last_error)" "two?"
one progress null
is "progress: nonsense is passed over, the last word stands" "$state $(field progress.percent) $(field progress.message)" "succeeded 99 step 1999"
one bomb null
is "a hundred who fork away" "$state" succeeded
one forkbomb null
is "$forks that fork and fork" "$state $(field last_error)" "dead timed out after 1s"
none_of_it() { ! ps -eo args= | grep -q "^$builddir/tests/system/fork_bom[b]"; }
ok "and nothing is left of them" until_true 10 none_of_it
one killer null
is "who kills its worker, as often as max_crashes says" "$state $(field retry_count)" "dead 0"
like "and is told so" "$(field last_error)" "worker died .* max_crashes"

for code in 0 1 65 75 126 127 255; do
	one exit $code
	case $code in
	0) want="succeeded 1 succeeded 0 -" ;;
	65) want="dead 1 failed 65 -" ;;
	*) want="dead 2 failed $code -" ;;
	esac
	is "exit code $code" "$state $(field attempts) $(end_of)" "$want"
done
for signo in 1 2 3 4 6 7 8 9 10 11 12 13 14 15 24 25 31; do
	one signal $signo
	is "signal $signo" "$state $(end_of)" "dead failed - $signo"
done

# Whatever they left: the server's own processes are the only ones now.
only_ours() { [ "$(left_over | wc -l)" -le 5 ]; }
ok "nothing of any of them is left" until_true 5 only_ours
unnamed() { ps -eo args= | grep -q "^/bin/sleep 1003$$\$"; }
ok "not even without a name" eval '! unnamed'
is "no zombie is left" "$(for pid in $(own_pids); do ps -o stat= --ppid "$pid"; done | grep -c Z)" 0
counted "$T/all"
must_be_idle
fds_are_kept
finish

#!/bin/sh
# Programs that stay: never more in flight than their instances take, whoever dies; every way of breaking the protocol; cancelling, draining and reloading; and the examples of the documentation.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/children.sh" || exit 99

# Takes jobs, and answers each one when it is let go.
cat > "$T/slow" <<END
#!/bin/sh
echo \$\$ >> "$T/work/slow.pids"
while IFS= read -r line; do
	id=\${line#*\"id\":\"}
	id=\${id%%\"*}
	echo "\$id" >> "$T/work/slow.begun"
	while [ ! -e "$T/work/go" ]; do sleep 0.02; done
	echo "{\"id\":\"\$id\",\"ok\":true,\"result\":\$\$}"
done
END
# Does what its payload says.
cat > "$T/bad" <<END
#!/bin/sh
first=
while IFS= read -r line; do
	id=\${line#*\"id\":\"}
	id=\${id%%\"*}
	[ -n "\$first" ] || first=\$id
	ok="{\"id\":\"\$id\",\"ok\":true,\"result\":1}"
	case \$line in
	*'"payload":"twice"'*) printf '%s\n%s\n' "\$ok" "\$ok" ;;
	*'"payload":"old"'*) echo "{\"id\":\"\$first\",\"ok\":true}" ;;
	*'"payload":"half"'*) printf '{"id":"%s","o' "\$id"; exit 0 ;;
	*'"payload":"long"'*) dd if=/dev/zero bs=1000000 count=100 2> /dev/null | tr '\\000' x; sleep 1000 ;;
	*'"payload":"huge"'*) printf '{"ok":true,"result":"'; dd if=/dev/zero bs=1000000 count=5 2> /dev/null | tr '\\000' x; printf '","id":"%s"}\n' "\$id" ;;
	*'"payload":"never"'*) exec sleep 1000 ;;
	*'"payload":"junk"'*) echo 'Traceback: something' ;;
	*'"payload":"die"'*) echo 'no such table' >&2; exit 7 ;;
	*'"payload":"away"'*) setsid sh -c 'trap "" TERM; echo \$\$ > "$T/work/away"; while [ -d "$T/work" ]; do sleep 0.1; done' < /dev/null > /dev/null 2>&1 & wait ;;
	*) echo "\$ok" ;;
	esac
done
END
sed 's|/slow\.|/kin.|; s|/go|/kin.go|' "$T/slow" > "$T/kin"
chmod +x "$T/slow" "$T/bad" "$T/kin"

add_conf <<'END'
handler slow {
    coprocess = {"$T/slow"}
    instances = 3
    pipeline = 2
    timeout = 5m
    max_retries = 0
}
handler bad {
    coprocess = {"$T/bad"}
    max_retries = 0
    kill_grace = 100ms
}
handler "kin.*" {
    coprocess = {"$T/kin"}
    timeout = 5m
    max_retries = 0
}
handler missing {
    coprocess = {"$T/nowhere"}
    max_retries = 0
}
handler noop { builtin = noop }
END
expect_log "program '$T/nowhere' cannot be started"
expect_log 'cannot run "[^"]*/nowhere"'
must_start

started_programs() { sort -u "$T/work/slow.pids" 2>/dev/null | wc -l; }
alive_programs() { for pid in $(sort -u "$T/work/slow.pids"); do alive "$pid" && echo "$pid"; done | wc -l; }
has_started() { [ "$(started_programs)" -ge "$1" ]; }
have_alive() { [ "$(alive_programs)" -eq "$1" ]; }
of_stats() { get /stats; field "$1"; }
stat_is() { [ "$(of_stats "$1")" = "$2" ]; }
submit_many() { # TYPE COUNT: ids in $T/ids
	: > "$T/ids"
	for _ in $(seq "$2"); do
		submit "$1" '{"n":1}'
		echo "$id" >> "$T/ids"
	done
}
all_are() { # STATE
	for job in $(cat "$T/ids"); do [ "$(job_state "$job")" = "$1" ] || return 1; done
}

# --- as many as there is room for ---
ok "the instances are started with the workers" until_true 20 has_started 3
is "three of them" "$(started_programs)" 3
submit_many slow 12
ok "as many run as three programs take, two each" until_true 20 stat_is running 6
is "the others wait" "$(of_stats queued)" 6
submit noop 1
wait_final "$id"
is "and hold up no other type" "$state" succeeded
is "there is room for none of them" "$(of_stats running)" 6
touch "$T/work/go"
over=0
tries=0
until all_are succeeded; do
	[ "$(of_stats running)" -le 6 ] || over=$((over + 1))
	tries=$((tries + 1))
	[ "$tries" -lt 600 ] || break
done
is "never more than six were in flight" "$over" 0
ok "all twelve succeed" all_are succeeded
is "each was handed out once" "$(sort "$T/work/slow.begun" | uniq -d | wc -l)" 0
is "by the three programs" "$(started_programs)" 3
get "/jobs/$(head -n 1 "$T/ids")/result"
ok "the result is what was answered" grep -qE '^[0-9]+$' "$T/body"

# --- deaths with jobs in flight ---
rm "$T/work/go"
: > "$T/work/slow.begun"
submit_many slow 8
until_true 20 stat_is running 6
expect_log 'worker 1 .*was killed by SIGKILL'
expect_log 'keeper .*was killed by SIGKILL'
victim=$(pid_of "worker 1")
kill -9 "$victim"
ok "a worker that dies is replaced" until_true 20 replaced "worker 1" "$victim"
ok "its programs die with it, and as many are started again" until_true 20 have_alive 3
ok "again as many run as there is room for" until_true 20 stat_is running 6
victim=$(pid_of keeper)
kill -9 "$victim"
ok "a keeper that dies is replaced" until_true 20 replaced keeper "$victim"
over=0
for _ in 1 2 3 4 5 6 7 8; do
	[ "$(of_stats running)" = 6 ] || over=$((over + 1))
done
is "and its successor knows what room is taken" "$over" 0
touch "$T/work/go"
ok "all jobs succeed" until_true 30 all_are succeeded
crashed=0
twice=0
for job in $(cat "$T/ids"); do
	case $(events "$job") in
	*crashed*) crashed=$((crashed + 1)) ;;
	*) [ "$(grep -c "$job" "$T/work/slow.begun")" -le 1 ] || twice=$((twice + 1)) ;;
	esac
done
like "some were with the worker that died" "$crashed" '^[1-4]$'
is "the keeper's death ran none of them twice" "$twice" 0
is "there are three programs" "$(alive_programs)" 3

# --- what a program may not do ---
broken() { # PAYLOAD STATE ERROR [MORE MEMBERS]
	submit bad "\"$1\"" "${4:-}"
	wait_final "$id"
	is "$1: the job's state" "$state" "$2"
	[ -z "$3" ] || like "$1: why" "$(field last_error)" "$3"
}
expect_log 'handler "bad", process [0-9]+: its coprocess'
broken fine succeeded ""
broken twice succeeded ""
broken fine succeeded ""
broken old dead '^its coprocess broke the protocol: it has answered this job before: \{"id":'
broken half dead '^its coprocess exited with code 0 within a line: \{"id":"[-0-9a-f]*","o$'
broken long dead '^its coprocess broke the protocol: a line has more than 16K besides its "result", which alone may be longer: x{100,}\.\.\.$'
broken huge succeeded ""
is "huge: it is cut" "$(field result_truncated)" true
get "/jobs/$id/result"
is "and so much is kept" "$(wc -c < "$T/body")" 65536
broken never dead '^timed out after 1s$' ',"timeout":"1s"'
broken junk dead '^its coprocess broke the protocol: it is not JSON: .*: Traceback: something$'
broken die dead '^its coprocess exited with code 7: no such table$'
get "/jobs/$id/history"
is "and its exit code" "$(jq '[.history[].exit_code | numbers][0]' < "$T/body")" 7
broken fine succeeded ""
submit missing 1
wait_final "$id"
is "a program that is not there: the job is dead" "$state" dead
like "and says why" "$(field last_error)" "cannot run \"$T/nowhere\": no such file"

submit bad '"away"'
until_true 20 test -s "$T/work/away"
away=$(cat "$T/work/away")
request DELETE "/jobs/$id"
wait_final "$id"
is "a running job is cancelled" "$state" cancelled
ok "and what its program had forked is gone" gone "$away"
broken fine succeeded ""

# --- reload: another deal; what is in flight ends where it is ---
rm "$T/work/go"
: > "$T/work/slow.begun"
submit_many slow 6
until_true 20 stat_is running 6
: > "$T/work/slow.pids"
sed -i 's/instances = 3/instances = 1/' "$T/stint.conf" "$T/more.conf"
kill -HUP "$server"
ok "after a reload one instance is started" until_true 20 has_started 1
submit slow 1
late=$id
is "and gets no job while the old ones have theirs" "$(job_state "$late")" queued
touch "$T/work/go"
ok "what was in flight ends well" until_true 30 all_are succeeded
wait_final "$late"
is "and so does the next one, in the new program" "$state" succeeded
is "no job was handed out twice" "$(sort "$T/work/slow.begun" | uniq -d | wc -l)" 0
is "one program was started" "$(started_programs)" 1

# --- reload: a family's jobs are counted together, over old workers and new ones ---
kin_programs() { [ "$(wc -l < "$T/work/kin.pids")" -eq "$1" ]; }
: > "$T/work/kin.pids"
submit kin.a 1
elder=$id
until_true 20 test -s "$T/work/kin.begun"
kill -HUP "$server"
ok "after a reload the family has a new program" until_true 20 kin_programs 1
submit kin.b 1
younger=$id
submit noop 1
wait_final "$id"                # the younger one could have begun before it
touch "$T/work/kin.go"
wait_final "$elder"
ended=$(field finished_at)
wait_final "$younger"
is "a job of another type of the family succeeds" "$state" succeeded
is "and has begun when the old program's had ended" "$(printf '%s\n%s\n' "$(field started_at)" "$ended" | sort | head -n 1)" "$ended"

# --- drain ---
rm "$T/work/go"
submit_many slow 2
until_true 20 stat_is running 2
kill -TERM "$server"
touch "$T/work/go"
ok "the server drains" until_true 30 gone "$server"
server=
must_start
ok "and what was in flight had ended well" all_are succeeded

# --- the master's death ---
expect_log 'the master is gone: ending'
until_true 20 has_started 2
kill -9 "$server"
server=
ok "when the master dies nothing is left of any program" until_true 10 none_left
must_start

# --- the examples ---
examples=$(cd "$srcdir/doc/examples" && pwd)
end_server
cat >> "$T/more.conf" <<END
handler py { coprocess = {"$examples/wordcount.py"} max_retries = 0 }
handler once { exec = {"$examples/wordcount.py", "--once"} max_retries = 0 }
handler js { coprocess = {"$examples/wordcount.js"} pipeline = 8 max_retries = 0 }
handler sum { coprocess = {"$examples/checksum.sh"} max_retries = 0 }
END
there_is() { # COMMAND WHAT
	command -v "$1" > /dev/null 2>&1 && return
	pass "$2 # SKIP there is no $1"
	return 1
}
there_is python3 "a python3 for the examples" || expect_log 'handler "py"'
there_is node "a node for the examples" || expect_log 'handler "js"'
must_start
answer() { # TYPE PAYLOAD
	submit "$1" "$2"
	wait_final "$id"
	jq -c .result < "$T/body"
}
why() { # TYPE PAYLOAD
	submit "$1" "$2"
	wait_final "$id"
	echo "$state: $(field last_error)"
}
text='{"text":"one two\nthree \u00fc\n"}'
if there_is python3 "wordcount.py"; then
	is "wordcount.py" "$(answer py "$text")" '{"lines":2,"words":4,"characters":16}'
	is "wordcount.py --once, as an exec handler" "$(answer once "$text")" '{"lines":2,"words":4,"characters":16}'
	is "wordcount.py: a payload that is none" "$(why py 7)" 'dead: the payload must be {"text": "..."}'
fi
if there_is node "wordcount.js"; then
	is "wordcount.js" "$(answer js "$text")" '{"lines":2,"words":4,"characters":16}'
	is "wordcount.js: a payload that is none" "$(why js '[]')" 'dead: the payload must be {"text": "..."}'
fi
is "checksum.sh" "$(answer sum '{"a":"x,\"trace\":"}')" "{\"sha256\":\"$(printf %s '{"a":"x,\"trace\":"}' | sha256sum | cut -d' ' -f1)\"}"
is "checksum.sh: no payload" "$(why sum null)" 'dead: there is no payload'

finish

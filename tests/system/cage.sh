#!/bin/sh
# The limits of a handler: each is felt, says what it was, and is nobody else's.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

chmod 755 "$T"
chmod 777 "$T/work"
cat > "$T/limits" <<'END'
#!/bin/sh
ulimit -t; ulimit -v; ulimit -n; ulimit -f; umask; pwd; nice
END
cat > "$T/spin" <<'END'
#!/bin/sh
while :; do :; done
END
cat > "$T/hog" <<'END'
#!/bin/sh
exec dd if=/dev/zero of=/dev/null bs=300M count=1
END
cat > "$T/write" <<'END'
#!/bin/sh
exec head -c 100000 /dev/zero > "$1"
END
cat > "$T/forks" <<'END'
#!/bin/sh
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 2 & done
wait
END
chmod 755 "$T"/limits "$T"/spin "$T"/hog "$T"/write "$T"/forks
add_conf <<'END'
handler all { exec = {"$T/limits"}  rlimit_cpu = 1500ms  rlimit_memory = 1G  rlimit_files = 33  rlimit_file_size = 64K  umask = 027  cwd = "$T/work"  nice = 5 }
handler none { exec = {"$T/limits"}  rlimit_files = 0 }
handler cpu { exec = {"$T/spin"}  rlimit_cpu = 1s  max_retries = 0 }
handler memory { exec = {"$T/hog"}  rlimit_memory = 64M  max_retries = 0 }
handler size { exec = {"$T/write", "$T/work/big"}  rlimit_file_size = 4K  max_retries = 0 }
END
must_start

# What the shell calls its limits: seconds, KiB, files, blocks of 512 bytes.
own() { (ulimit -t; ulimit -v; cd /; ulimit -f; ) | tr '\n' '|'; }
result() { # TYPE
	submit "$1" null
	wait_final "$id"
	get "/jobs/$id/result"
	tr '\n' '|' < "$T/body"
}
is "all of them, and umask, cwd, nice" "$(result all)" "2|1048576|33|128|0027|$T/work|5|"
is "without any the program has what we have" "$(result none | cut -d'|' -f1,2,4,6,7)|" "$(own)/|0|"

submit cpu null
cpu=$id
submit memory null
wait_final "$id"
like "rlimit_memory: there is no more memory" "$state $(field last_error)" "^dead .*(memory|allocate)"
submit size null
wait_final "$id"
is "rlimit_file_size: the signal, and which option" "$state $(field last_error)" "dead killed by signal 25 (SIGXFSZ): beyond rlimit_file_size of its handler"
is "and the file is not longer" "$(stat -c %s "$T/work/big")" 4096
wait_final "$cpu"
is "rlimit_cpu: the signal, and which option" "$state $(field last_error)" "dead killed by signal 24 (SIGXCPU): beyond rlimit_cpu of its handler"
get "/jobs/$cpu/history"
is "with what it took" "$(jq -r '[.history[] | select(.event == "failed")] | last | .cpu_ms > 300' < "$T/body")" true
ok "the server ends" end_server

# Processes: counted by user, of which root is not one.
user=
if [ "$(id -u)" -eq 0 ]; then
	user=games
	id "$user" > /dev/null 2>&1 || user=
fi
if [ -n "$user" ]; then
	add_conf <<END
handler processes { exec = {"$T/forks"}  user = "$user"  rlimit_processes = 5  max_retries = 0 }
handler plenty { exec = {"$T/forks"}  user = "$user" }
END
	must_start
	submit plenty null
	plenty=$id
	submit processes null
	wait_final "$id"
	like "rlimit_processes: no more can be forked" "$state $(field last_error)" "^dead .*[Cc]annot fork"
	wait_final "$plenty"
	is "who has no such limit may" "$state" succeeded
else
	pass "rlimit_processes # SKIP needs root, and a user of the handler's own"
fi
finish

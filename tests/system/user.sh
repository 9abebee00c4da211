#!/bin/sh
# Started as root with a user in the conf: the children are that user, the files they need are theirs, and a new log file is as well.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

[ "$(id -u)" -eq 0 ] || skip_all "needs root"
group=$(id -gn nobody 2>/dev/null) || skip_all "there is no user nobody"

chmod 755 "$T"
chown nobody "$T/work"
rmdir "$T/run" "$T/store"
sed -i "s/^user = .*/user = \"nobody\"/; s|^log = .*|log = \"$T/logs/stintd\"|" "$T/base.conf"
mkdir "$T/logs"
chmod 755 "$T/logs"
add_conf <<'END'
handler who { exec = {"/usr/bin/id", "-un"} }
handler hello { builtin = print }
END
must_start

owner() { stat -c '%U:%G' "$1"; }
is "the store's directory is made for it" "$(owner "$T/store")" "nobody:$group"
is "the run directory too" "$(owner "$T/run")" "nobody:$group"
is "the segment is its group's to read, for stint status, and no handler's to write" "$(stat -c '%U:%G %a' "$T/run/status.shm")" "root:$group 640"
is "the log is its" "$(owner "$T/logs/stintd")" "nobody:$group"
is "the master stays root" "$(owner "/proc/$server")" root:root
for title in keeper acceptor "worker 1" "worker 2"; do
	pid=$(pid_of "$title")
	is "$title is nobody, and cannot become root" "$(grep '^Uid:' "/proc/$pid/status" | tr -s '\t ' ' ')" "Uid: $(id -u nobody) $(id -u nobody) $(id -u nobody) $(id -u nobody)"
	is "$title has no capability" "$(awk '/^Cap(Prm|Eff|Inh|Amb)/ && $2 !~ /^0+$/' "/proc/$pid/status")" ""
done
submit who null
wait_final "$id"
is "a handler runs" "$state" succeeded
like "as nobody" "$(field result)" '^nobody'

mv "$T/logs/stintd" "$T/logs/old"
kill -USR1 "$server"
there() { [ -s "$T/logs/stintd" ]; }
ok "USR1 makes a new log" until_true 10 there
is "which is its, too" "$(owner "$T/logs/stintd")" "nobody:$group"
submit hello '"two"'
wait_final "$id"
printed() { grep -q "job=$id .*outcome=succeeded" "$T/logs/stintd"; }
ok "the workers write to it" until_true 10 printed

# --- a handler may write where the log is ---
chown nobody "$T/logs"
: > "$T/secret"
refused() { grep -q "the old file is kept" "$T/logs/old.$turn"; }
taken() { grep -q 'master.*log opened again' "$T/logs/stintd"; }
turn=1
for way in "ln -s" ln; do
	turn=$((turn + 1))
	mv "$T/logs/stintd" "$T/logs/old.$turn"
	$way "$T/secret" "$T/logs/stintd"
	[ "$way" = ln ] || chown -h nobody "$T/logs/stintd"
	expect_log 'the old file is kept'
	kill -USR1 "$server"
	ok "a file that was planted with $way is not opened" until_true 10 refused
	is "and stays root's" "$(owner "$T/secret")" root:root
	is "and empty" "$(cat "$T/secret")" ""
	rm "$T/logs/stintd"
	kill -USR1 "$server"
	ok "once it is gone there is a log again" until_true 10 taken
done

old=$(pid_of keeper)
expect_log 'keeper'
kill -KILL "$old"
ok "a keeper that dies is replaced" until_true 10 replaced keeper "$old"
is "as nobody" "$(owner "/proc/$(pid_of keeper)")" "nobody:$group"
submit hello '"three"'
wait_final "$id"
is "and jobs run" "$state" succeeded
ok "the server ends" end_server
cat "$T/logs/old" "$T/logs/old.2" "$T/logs/old.3" "$T/logs/stintd" >> "$T/log"
must_start
get "/jobs/$id"
is "the next start has the jobs" "$(field state)" succeeded
ok "it ends" end_server

# --- root looks at the store ---
rm "$T/store/lock.mdb"
"$stint" top -c "$T/stint.conf" --once -d 100ms > "$T/out" 2>&1
is "top shows what is left" $? 0
is "what it makes in the store is not root's" "$(find "$T/store" ! -user nobody)" ""
: > "$T/secret"
rm "$T/store/lock.mdb"
ln -s "$T/secret" "$T/store/lock.mdb"
chown -h nobody "$T/store/lock.mdb"
"$stint" top -c "$T/stint.conf" --once -d 100ms > "$T/out" 2>&1
is "and it writes to nothing by a planted link" "$(stat -c %s "$T/secret")" 0
rm "$T/store/lock.mdb"
mv "$T/store/data.mdb" "$T/work/data.mdb"
head -c 8192 /dev/zero > "$T/secret"
ln -s "$T/secret" "$T/store/data.mdb"
chown -h nobody "$T/store/data.mdb"
"$stint" check -c "$T/stint.conf" > "$T/out" 2>&1
is "a planted store of root's does not make it work as root" "$(find "$T/store" ! -user nobody)" ""
mv "$T/work/data.mdb" "$T/store/data.mdb"
must_start
get "/jobs/$id"
is "the server starts on it" "$(field state)" succeeded
ok "and ends" end_server

# --- a user that is not there ---
sed -i 's/^user = .*/user = "stint-nobody-at-all"/' "$T/base.conf"
write_conf "$(random_port)"
"$stintd" -c "$T/stint.conf" > "$T/out" 2>&1
is "a user that is not there: exit code 78" $? 78
like "it is named" "$(cat "$T/out")" stint-nobody-at-all
finish

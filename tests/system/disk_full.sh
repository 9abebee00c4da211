#!/bin/sh
# A disk that fills up: submissions are refused with 507 and /readyz names it, jobs that run still end, nothing that was acknowledged is lost, and with room all goes on by itself.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/measure.sh" || exit 99

disk=$T/store
mount -t tmpfs -o size=24m none "$disk" 2>/dev/null || skip_all "a small disk cannot be mounted here"
# Before the directory goes: the disk.
unmount() { [ -z "$server" ] || end_server INT 5; umount -l "$disk"; clean_up; }
trap unmount EXIT

STINT_HTTP_MAX_BODY=2M
export STINT_HTTP_MAX_BODY
add_conf <<'STOP'
handler later { builtin = noop }
handler slow { exec = {"/bin/sh", "-c", "while [ ! -e $T/work/go ]; do sleep 0.05; done; head -c $(cat) /dev/zero"}  max_output = 2M }
STOP
expect_log 'submissions are refused: less than min_free is left'
expect_log 'submissions are taken again'
expect_log 'a request of slot [0-9]+ was refused: no space left'
expect_log 'cannot be written: no space left'
must_start
keep_fds

for size in 10 10 10 10 1000000 1000000; do
	submit slow $size
	echo "$id" >> "$T/slow"
done
cp "$T/slow" "$T/all"
running() { get /stats; [ "$(field running)" = 6 ]; }
ok "jobs run" until_true 10 running

# --- our own jobs fill it ---
head -c 500000 /dev/urandom > "$T/payload"
refused=0
accepted=0
while [ $refused -lt 3 ] && [ $accepted -lt 100 ]; do
	request POST '/jobs?type=later&delay=1h' --data-binary "@$T/payload" -H 'Expect:'
	case $status in
	201) field id >> "$T/acknowledged"; accepted=$((accepted + 1)) ;;
	*) refused=$((refused + 1)); told="$status $(field detail)" ;;
	esac
done
note "$accepted jobs of 500 kB on 24 MB"
ok "many are taken" test $accepted -gt 30
like "then they are refused" "$told" '^507 the store or its disk is full'
get /readyz
like "/readyz says so" "$status $(field detail)" '^503 not ready: store: there is no room'
request POST /jobs --data-binary '[{"type":"later"},{"type":"later"}]'
is "an array is refused as a whole" "$status" 507
request POST /jobs --data-binary '{"type":"later"}' -H 'Content-Type: application/x-ndjson'
is "a line of NDJSON by itself" "$status $(field status)" "200 507"
get "/jobs/$(head -n 1 "$T/acknowledged")"
is "reading goes on" "$status" 200

# --- and somebody else the last of it ---
head -c 24000000 /dev/zero > "$disk/lost+found" 2>/dev/null
is "not a byte is left" "$(df -k "$disk" | awk 'END { print $4 }')" 0
touch "$T/work/go"
for id in $(head -n 4 "$T/slow"); do
	wait_final "$id"
	is "a job that ran has ended nevertheless" "$state" succeeded
done
must_be_idle
post /jobs '{"type":"later"}'
is "submissions are still refused" "$status" 507

# --- room again ---
rm "$disk/lost+found"
mount -o remount,size=48m "$disk"
ok "with room the server is ready, without a restart" until_true 10 is_ready
for id in $(tail -n 2 "$T/slow"); do
	wait_final "$id"
	is "a job whose long result had no room has ended" "$state" succeeded
	get "/jobs/$id/result"
	is "with all of it" "$(wc -c < "$T/body" | tr -d ' ')" 1000000
done
submit later 1
is "and jobs are taken" "$status" 201
wait_final "$id"
is "and run" "$state" succeeded
echo "$id" >> "$T/all"
lost() {
	while read -r id; do
		get "/jobs/$id/payload"
		cmp -s "$T/body" "$T/payload" || echo "$id"
	done < "$T/acknowledged"
}
is "nothing that was acknowledged is lost" "$(lost)" ""
cat "$T/acknowledged" >> "$T/all"
counted "$T/all"
fds_are_kept

ok "the server ends" end_server
must_start
is "nor after a restart" "$(lost)" ""
counted "$T/all"
finish

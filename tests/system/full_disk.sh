#!/bin/sh
# A disk that is full to its last block: submissions are refused, what has run waits to be recorded, a keeper that dies is replaced, and when there is room all goes on by itself.
if [ -z "${STINT_OWN_MOUNTS:-}" ]; then
	# A small disk of our own, which nobody else sees and which goes with us.
	if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
		echo "1..0 # SKIP needs root and a mount namespace"
		exit 0
	fi
	STINT_OWN_MOUNTS=yes exec unshare -m sh "$0"
fi
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

mkdir "$T/disk"
mount -t tmpfs -o size=24m tmpfs "$T/disk" 2>/dev/null || skip_all "no tmpfs can be mounted here"
trap 'umount -l "$T/store" "$T/disk" 2>/dev/null; clean_up' EXIT
mkdir "$T/disk/store" && mount --bind "$T/disk/store" "$T/store" || bail "the disk cannot be bound to the store's directory"

add_conf <<'END'
handler hello { exec = {"/bin/cat"} }
handler big { exec = {"/bin/sh", "-c", "while [ ! -e $T/work/go ]; do sleep 0.05; done; head -c 60000 /dev/zero | tr '\\0' r"} }
END
expect_log 'submissions are refused: less than min_free'
expect_log 'submissions are taken again'
expect_log 'the store in .* cannot be written: no space left; what is posted waits'
expect_log 'a request of slot [0-9]+ was refused: no space left'
expect_log 'keeper \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'keeper: the next one is started in'
must_start

held=
for i in 1 2 3; do
	submit big "$i"
	held="$held $id"
done
for id in $held; do
	ok "a job runs" until_true 10 is_running "$id"
done

# In ever smaller pieces, so that nothing is left; the error is what we are after.
for bs in 1M 64k 4k; do
	dd if=/dev/zero bs=$bs >> "$T/disk/ballast" 2>/dev/null
done
is "the disk is full" "$(df --output=avail "$T/disk" | tail -n 1 | tr -d ' ')" 0

refused() {
	submit hello '"x"'
	[ "$status" = 507 ]
}
ok "a submission is refused with 507" until_true 10 refused
like "which says why" "$(cat "$T/body")" 'space|room|full'
get "/jobs/${held##* }"
is "reading goes on" "$status" 200

touch "$T/work/go"
for id in $held; do
	has_run() { grep -q "finished job=$id " "$T/log"; }
	ok "a job has run" until_true 20 has_run
	is "its end is not recorded yet" "$(job_state "$id")" running
done

old=$(pid_of keeper)
kill -KILL "$old"
ok "a keeper that dies is replaced, though the disk is full" until_true 20 replaced keeper "$old"
serves() { get /livez && [ "$status" = 200 ]; }
ok "the server lives" until_true 10 serves
for id in $held; do
	is "the job is still held" "$(job_state "$id")" running
done

rm "$T/disk/ballast"
for id in $held; do
	wait_final "$id"
	is "with room its end is recorded" "$state" succeeded
	is "in its first attempt" "$(field attempts)" 1
done
taken() {
	submit hello '"y"'
	[ "$status" = 201 ]
}
ok "submissions are taken again" until_true 10 taken
wait_final "$id"
is "and run" "$state" succeeded
is "the keeper is the one of before" "$(grep -c 'keeper .*was killed' "$T/log")" 1
finish

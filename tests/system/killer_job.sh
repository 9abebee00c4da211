#!/bin/sh
# A job that kills its own worker each time: it ends dead after max_crashes with a history that tells why, its retries are not used up, and from its second crash it is alone in its worker, so that it drags no neighbour along.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

# It kills only when its neighbours have all begun, so that which of its crashes hits whom is no accident.
cat > "$T/killer" <<END
#!/bin/sh
echo x >> "$T/work/kills"
while [ ! -e "$T/work/may" ]; do sleep 0.05; done
kill -9 \$PPID
sleep 600
END
chmod +x "$T/killer"
add_conf <<'END'
worker_jobs = 8
handler killer { exec = {"$T/killer"}  max_crashes = 3  max_retries = 2  backoff_base = 1ms  timeout = 20m }
handler hold { exec = {"$T/hold"}  timeout = 20m }
END
expect_log 'worker [12] \(pid [0-9]+\) was killed by SIGKILL'
expect_log 'worker [12]: the next one is started in'
must_start

submit killer 1
is "it is taken" "$status" 201
killer=$id
begun_killing() { [ "$(cat "$T/work/kills" 2>/dev/null | wc -l)" -ge "$1" ]; }
ok "it begins" until_true 30 begun_killing 1
holds=
for i in 1 2 3 4 5 6 7 8; do
	submit hold "$i"
	holds="$holds $id"
done
for id in $holds; do ok "a neighbour begins" until_true 30 begun "$id" 1; done
touch "$T/work/may"

wait_final "$killer" 40
is "it ends dead" "$state" dead
is "after as many attempts as it may crash" "$(field attempts)" 3
is "with no retry used up" "$(field retry_count)" 0
is "its error says why" "$(field last_error)" "the worker died while it ran this job, and that as often as max_crashes allows"
is "each attempt was run" "$(wc -l < "$T/work/kills" | tr -d ' ')" 3
told=$(events "$killer")
note "$told"
like "its history has every crash" "$told" '^queued claimed started crashed (requeued )?claimed started crashed (requeued )?claimed started (crashed )?dead$'

# One that was beside it twice is a suspect too, and waits until a worker is idle.
touch "$T/work/go"
most=0
for id in $holds; do
	wait_final "$id" 40
	is "a neighbour succeeds" "$state" succeeded
	is "with no retry used up" "$(field retry_count)" 0
	[ "$(field attempts)" -le "$most" ] || most=$(field attempts)
done
# The first crash hits who stands beside it, and the second who is given to the worker after it; from then on it is alone.
ok "no neighbour was dragged along by each crash (attempts: $most)" test "$most" -le 3
ok "no job ran twice at once" test ! -e "$T/work/overlap"
finish

#!/bin/sh
# A store that has grown to its map_size, filled as fast as can be: what runs can still end, and its end makes room. No submission may eat the pages that this takes.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/measure.sh" || exit 99

STINT_STORE_MAP_SIZE=32M STINT_HTTP_MAX_BODY=2M STINT_STORE_RETAIN_SUCCEEDED=1s
export STINT_STORE_MAP_SIZE STINT_HTTP_MAX_BODY STINT_STORE_RETAIN_SUCCEEDED
add_conf <<'STOP'
worker_jobs = 32
handler later { builtin = noop }
handler slow { exec = {"/bin/sh", "-c", "while [ ! -e $T/work/go ]; do sleep 0.05; done; head -c 50000 /dev/zero"} }
STOP
expect_log 'submissions are refused: the store is near its map_size'
expect_log 'submissions are taken again'
expect_log 'a request of slot [0-9]+ was refused: no space left'
must_start
keep_fds

repeat 60 '{"type":"slow"}' > "$T/lines"
submit_lines "$T/lines"
cp "$T/ids" "$T/slow"
running() { get /stats; [ "$(field running)" = 60 ]; }
ok "sixty jobs run" until_true 10 running

head -c 1000000 /dev/urandom > "$T/payload"
fill() { # NUMBER: all at once, for as long as it is taken
	while [ "$(curl -sS -m 30 -o "$T/answer.$1" -w '%{http_code}' --data-binary "@$T/payload" -H 'Expect:' "$url/jobs?type=later&delay=1h" 2>/dev/null)" = 201 ]; do
		jq -r .id < "$T/answer.$1" >> "$T/taken.$1"
	done
	cp "$T/answer.$1" "$T/refused.$1"
}
for i in 1 2 3 4 5 6 7 8; do
	fill $i &
	fillers="${fillers:-} $!"
done
# shellcheck disable=SC2086 # one word a process
wait $fillers
is "at last each is refused" "$(jq -r .status "$T"/refused.* | sort | uniq -c | tr -s ' ')" " 8 507"
# What the refused ones had sent is given back, and where that was much there is room again, and /readyz says that. One after the other they leave none.
settled() { fill 9; get /readyz; [ "$status" = 503 ]; }
until_true 20 settled
like "/readyz says so" "$status $(field detail)" '^503 not ready: store: there is no room for submissions \(min_free, map_size\)'

cat "$T"/taken.* > "$T/acknowledged" 2>/dev/null
ok "some were taken" test -s "$T/acknowledged"

touch "$T/work/go"
ended() { get /stats; [ "$(field running)" = 0 ]; }
ok "all that ran have ended, with results that are longer than what is left" until_true 30 ended
past() { [ "$(tally "$T/slow" | tr -d '0-9 ')" = null ]; }
ok "they go when their time is over" until_true 20 past
# What they leave is what there was before. Room for the largest body comes from the jobs that took it.
head -n 5 "$T/acknowledged" > "$T/victims"
sed -i 1,5d "$T/acknowledged"
told=
while read -r id; do
	request DELETE "/jobs/$id"
	told="$told $status"
done < "$T/victims"
is "jobs can be cancelled" "$told" " 200 200 200 200 200"
request POST /jobs/delete -d '{"state":"cancelled"}'
is "and deleted" "$(field count)" 5
ok "which makes room" until_true 20 is_ready
submit later 1
is "jobs are taken again" "$status" 201
lost() {
	while read -r id; do
		get "/jobs/$id/payload"
		cmp -s "$T/body" "$T/payload" || echo "$id"
	done < "$T/acknowledged"
}
is "nothing that was acknowledged is lost" "$(lost)" ""
must_be_idle
fds_are_kept
finish

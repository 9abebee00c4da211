#!/bin/sh
# Payloads of every size at which something changes, byte for byte in and out; max_body to the byte; and gigabytes that cost the server nothing.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/measure.sh" || exit 99

STINT_HTTP_MAX_BODY=2M
export STINT_HTTP_MAX_BODY
add_conf <<'STOP'
handler cat { exec = {"/bin/cat"}  max_output = 4M }
STOP
must_start
submit cat 1
wait_final "$id"
keep_fds

send() { # FILE [curl's options]: as a payload; the job's id in $id
	file=$1
	shift
	request POST '/jobs?type=cat' -T "$file" -H 'Expect:' -H 'Content-Type: application/x-thing; a="b"' "$@"
	id=$(field id)
}

head -c 2097153 /dev/urandom > "$T/random"
for size in 0 1 1900 1901 4095 4096 4097 47999 48000 48001 65536 1048576 2097152; do
	head -c "$size" "$T/random" > "$T/sent"
	send "$T/sent"
	is "$size bytes are taken" "$status" 201
	wait_final "$id"
	is "$size: the handler has them" "$state" succeeded
	get "/jobs/$id/payload"
	ok "$size: the payload is what was sent" cmp -s "$T/sent" "$T/body"
	is "$size: under the type it came with" "$(header Content-Type)" 'application/x-thing; a="b"'
	[ "$size" = 0 ] || get "/jobs/$id/result"
	ok "$size: a handler's stdin and stdout are true to the byte" cmp -s "$T/sent" "$T/body"
done
send "$T/sent" -H 'Transfer-Encoding: chunked'
is "max_body in chunks" "$status" 201
get "/jobs/$id/payload"
ok "and byte for byte" cmp -s "$T/sent" "$T/body"

send "$T/random"
is "a byte over max_body" "$status" 413
like "and why" "$(field detail)" '2097153 bytes; at most 2097152 .*max_body'
send "$T/random" -H 'Transfer-Encoding: chunked'
is "a byte over max_body in chunks" "$status" 413
like "and why" "$(field detail)" 'more than 2097152 .*max_body'

# JSON around it counts too, and white space and order in the payload stay.
{ printf '"'; head -c 4094 /dev/zero | tr '\0' 'x'; printf '"'; } > "$T/sent"
{ printf '{"payload" : '; cat "$T/sent"; printf ' ,"type":"cat"}'; } > "$T/job"
request POST /jobs --data-binary "@$T/job" -H 'Content-Type: application/json'
id=$(field id)
wait_final "$id"
get "/jobs/$id/payload"
ok "4096 bytes of JSON, as sent" cmp -s "$T/sent" "$T/body"

# --- two gigabytes, from ten clients at once ---
acceptor=$(for pid in $(own_pids); do tr '\0' ' ' < "/proc/$pid/cmdline" | grep -q acceptor && echo "$pid"; done)
memory() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$acceptor/status"; }
before=$(memory)
truncate -s 2G "$T/huge"
for i in 1 2 3 4 5; do
	curl -sS -m 30 -o "$T/huge.$i" -w '%{http_code}\n' -X POST -T "$T/huge" -H 'Expect:' "$url/jobs?type=cat" > "$T/code.$i" 2> "$T/curl.err" &
	clients="${clients:-} $!"
	curl -sS -m 30 -o "$T/huger.$i" -w '%{http_code}\n' -X POST -T "$T/huge" -H 'Expect:' -H 'Transfer-Encoding: chunked' "$url/jobs?type=cat" > "$T/code.c$i" 2> "$T/curl.err" &
	clients="$clients $!"
done
is_ready
is "beside them the server answers" $? 0
# shellcheck disable=SC2086 # one word a process
wait $clients
is "every one is told" "$(cat "$T"/code.* | sort | uniq -c | tr -s ' ')" " 10 413"
after=$(memory)
note "the acceptor's memory: $before kB before, $after kB after"
# AddressSanitizer keeps what was freed, up to 256 MB of it.
ok "and the server's memory stays flat" test $((after - before)) -lt 300000
get /stats
is "nothing of it was stored" "$(field total)" 16
is "and all of it was counted" "$(field rejected_total)" 12
must_be_idle
fds_are_kept
finish

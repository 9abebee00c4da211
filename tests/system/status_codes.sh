#!/bin/sh
# Every status of the contract's table of errors by a real request: each is application/problem+json with all of its members, and the headers that the contract promises.
# What leads to a status in other ways is tested where that belongs: mistakes in jobs in bad_requests.sh, framing in http_wire.sh and tests/http/test_malformed.c, slow clients in slow_clients.sh, roles and
# queues of tokens in tokens.sh, leases in remote.sh, keys in keys.sh, limits and arrays in limits.sh and arrays.sh, full disks and maps in disk_full.sh, full_disk.sh
# and map_full.sh, drains in drain.sh.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

for one in ops:admin eyes:read; do
	"$stint" token "${one%:*}" "${one#*:}" --json > "$T/made" || bail "no token was made"
	jq -r .line < "$T/made" >> "$T/tokens"
	jq -r .token < "$T/made" > "$T/token.${one%:*}"
done
STINT_HTTP_TOKEN_FILE=$T/tokens
STINT_HTTP_HEADER_TIMEOUT=1s
STINT_HTTP_MAX_BODY=4K
STINT_HTTP_MAX_HEADER=4K
export STINT_HTTP_TOKEN_FILE STINT_HTTP_HEADER_TIMEOUT STINT_HTTP_MAX_BODY STINT_HTTP_MAX_HEADER
sed -i 's/^drain_timeout.*/drain_timeout = 5m/' "$T/base.conf"
add_conf <<'END'
handler noop { builtin = noop }
handler stays { exec = {"/bin/sh", "-c", "read -r line < $T/work/fifo"}  timeout = 1h }
handler far { remote = true }
queue full { max_queued = 1 }
END
mkfifo "$T/work/fifo"
must_start

as() { # NAME METHOD PATH [curl's options]
	who=$(cat "$T/token.$1")
	shift
	request "$@" -H "Authorization: Bearer $who"
}
json='Content-Type: application/json'
# What came back is that problem. INSTANCE "-": none can be told. HEADER: the name of one that is there, and what it has to be.
problem() { # WHAT STATUS TITLE INSTANCE [HEADER REGEX]
	is "$1" "$status $(header Content-Type) $(jq -r '"\(.status) \(.title) \(.type) \(.instance // "-") \(.detail | length > 10)"' < "$T/body")" "$2 application/problem+json $2 $3 about:blank $4 true"
	[ -z "${5:-}" ] || like "... with $5" "$(header "$5")" "$6"
}
# Sends the text as it stands, and hears until the server closes.
raw() { # PRINTF-FORMAT
	# shellcheck disable=SC2059
	printf "$1" > "$T/said"
	python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.settimeout(60)
s.sendall(open(sys.argv[2], "rb").read())
while part := s.recv(65536):
    sys.stdout.buffer.write(part)' "$port" "$T/said" > "$T/raw" 2> "$T/curl.err"
	status=$(sed -n '1s/^HTTP\/1\.1 \([0-9]*\).*/\1/p' "$T/raw")
	sed '/^.$/q' "$T/raw" > "$T/header"
	sed '1,/^.$/d' "$T/raw" > "$T/body"
}
longer() { head -c "$1" /dev/zero | tr '\0' x; }

# --- 400 to 409
as ops GET '/stats?colour=red'
problem "a query parameter that is not known" 400 "Bad Request" /stats
is "... and names it" "$(field field)" colour
raw 'GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n'
problem "two hosts" 400 "Bad Request" /livez Connection '^close$'
raw 'nonsense\r\n\r\n'
problem "no HTTP" 400 "Bad Request" - Connection '^close$'
get /stats
problem "no token" 401 Unauthorized /stats WWW-Authenticate '^Bearer realm="stint"$'
get /stats -H 'Authorization: Bearer stint_none'
problem "a token that nobody has" 401 Unauthorized /stats WWW-Authenticate '^Bearer realm="stint", error="invalid_token"$'
as eyes POST /jobs -H "$json" -d '{"type":"noop"}'
problem "a role that may not" 403 Forbidden /jobs
as ops POST /jobs -H "$json" -d '{"type":"noop"}' -H 'Origin: http://evil.example'
problem "a page of another origin" 403 Forbidden /jobs
as ops GET /nothing
problem "no such path" 404 "Not Found" /nothing
as ops GET /jobs/019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071
problem "no such job" 404 "Not Found" /jobs/019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071
as ops GET /queues/none
problem "no such queue" 404 "Not Found" /queues/none
as ops PUT /jobs
problem "a method that the path does not take" 405 "Method Not Allowed" /jobs Allow '^POST, GET, HEAD$'
as ops DELETE /claims
problem "another" 405 "Method Not Allowed" /claims Allow '^POST$'
raw 'GET /livez HTTP/1.1\r\nHost: loc'
problem "a head that does not come" 408 "Request Timeout" /livez Connection '^close$'
as ops POST /jobs -H "$json" -d '{"type":"noop"}'
is "a job is taken" "$status" 201
id=$(field id)
as ops GET "/jobs/$id?wait=45s"
is "and runs" "$(field state)" succeeded
as ops DELETE "/jobs/$id"
problem "a job whose state forbids it" 409 Conflict "/jobs/$id"
as ops POST "/jobs/$id/complete" -H "$json" -d '{"lease":"1"}'
problem "a lease that is not the caller's" 409 Conflict "/jobs/$id/complete"

# --- 413 to 431
as ops POST /jobs -H "$json" -d "{\"type\":\"noop\",\"payload\":\"$(longer 5000)\"}"
problem "a body over max_body" 413 "Content Too Large" /jobs
as ops POST /jobs -H "$json" -d "[0$(yes ,0 | head -n 1000 | tr -d '\n')]"
problem "an array of more than 1,000" 413 "Content Too Large" /jobs
as ops GET "/jobs/$(longer 5000)"
is "a target over the limit" "$status $(header Content-Type) $(field status) $(field title)" "414 application/problem+json 414 URI Too Long"
as ops POST /jobs -H 'Content-Type: image/png' -d x
problem "a media type that is no job" 415 "Unsupported Media Type" /jobs
as ops POST /jobs -H "$json" -H 'Expect: miracles' -d '{"type":"noop"}'
problem "an Expect that is not known" 417 "Expectation Failed" /jobs
get /livez -H 'Host: evil.example'
problem "a Host that is not served here" 421 "Misdirected Request" /livez
as ops POST /jobs -H "$json" -d '{"type":"nothere"}'
problem "a type that nobody takes" 422 "Unprocessable Content" /jobs
for name in a b; do as ops POST /jobs -H "$json" -H 'Idempotency-Key: k' -d "{\"type\":\"noop\",\"name\":\"$name\"}"; done
problem "an idempotency key with another request" 422 "Unprocessable Content" /jobs
as ops POST /queues/full/pause
for _ in 1 2; do as ops POST /jobs -H "$json" -d '{"type":"noop","queue":"full"}'; done
problem "a queue that is full" 429 "Too Many Requests" /jobs Retry-After '^[0-9]+$'
get /livez -H "X-Long: $(longer 5000)"
problem "header fields over the limit" 431 "Request Header Fields Too Large" /livez

# --- 501 and 505
request BREW /livez
problem "a method that nobody knows" 501 "Not Implemented" -
raw 'POST /jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'
problem "a transfer coding that is not known" 501 "Not Implemented" /jobs
raw 'GET /livez HTTP/2.0\r\nHost: localhost\r\n\r\n'
problem "another version of HTTP" 505 "HTTP Version Not Supported" -

# --- 503: it drains as long as the job runs
as ops POST /jobs -H "$json" -d '{"type":"stays"}'
id=$(field id)
runs() { as ops GET "/jobs/$id"; [ "$(field state)" = running ]; }
ok "a job runs" until_true 20 runs
kill -TERM "$server"
drains() { get /readyz; [ "$status" = 503 ]; }
ok "the server drains" until_true 20 drains
problem "whether it may be sent to" 503 "Service Unavailable" /readyz Retry-After '^[0-9]+$'
as ops POST /jobs -H "$json" -d '{"type":"noop"}'
problem "a submission" 503 "Service Unavailable" /jobs Retry-After '^[0-9]+$'
as ops POST /claims -H "$json" -d '{"types":["far"]}'
problem "a claim" 503 "Service Unavailable" /claims Retry-After '^[0-9]+$'
echo > "$T/work/fifo"
ok "it ends with the job" until_true 40 gone "$server"
server=

# --- 507: no disk has so much room; and 429 to a client over its rate
STINT_STORE_MIN_FREE=64T
STINT_HTTP_SUBMIT_RATE=1/h
export STINT_STORE_MIN_FREE STINT_HTTP_SUBMIT_RATE
expect_log 'min_free|no room|disk'
must_start
as ops POST /jobs -H "$json" -d '{"type":"noop"}'
problem "a disk without room" 507 "Insufficient Storage" /jobs
as ops POST /jobs -H "$json" -d '{"type":"noop"}'
problem "a client that submits too fast" 429 "Too Many Requests" /jobs Retry-After '^3[0-9]{3}$'
get /readyz
problem "which /readyz says" 503 "Service Unavailable" /readyz Retry-After '^[0-9]+$'
finish

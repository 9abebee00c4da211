#!/bin/sh
# Access tokens on the real server: roles, queues, the pages' login, a reload that takes a token away, and a server that will not listen beyond loopback without them.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

# NAME ROLES [QUEUES]: its line goes into the file, its text into $T/token.NAME.
make_token() {
	"$stint" token "$1" "$2" ${3:+--queue "$3"} --json > "$T/made" || bail "no token was made"
	jq -r .line < "$T/made" >> "$T/tokens"
	jq -r .token < "$T/made" > "$T/token.$1"
}
echo '# who may do what' > "$T/tokens"
make_token ops admin
make_token eyes read
make_token shop submit
make_token mail read,submit,admin mail
make_token two read,submit,admin,work mail,video
like "a token is long, and says what it is" "$(cat "$T/token.ops")" '^stint_[0-9a-f]{64}$'
is "its hash alone is in the file" "$(grep -c "$(cat "$T/token.ops")" "$T/tokens") $(grep -c "$(tr -d '\n' < "$T/token.ops" | sha256sum | cut -d ' ' -f 1)" "$T/tokens")" "0 1"

STINT_HTTP_TOKEN_FILE=$T/tokens
export STINT_HTTP_TOKEN_FILE
add_conf <<'END'
handler print { builtin = noop }
handler far { remote = true }
END
expect_log 'reload'
must_start

as() { # NAME METHOD PATH [BODY]
	request "$2" "$3" -H "Authorization: Bearer $(cat "$T/token.$1")" ${4:+-d "$4"}
}
get /livez
is "whether it lives needs no token" "$status" 200
get /stats
is "the figures do" "$status $(field title)" "401 Unauthorized"
request GET /stats -H 'Authorization: Bearer stint_none'
is "an unknown one is none" "$status" 401
as ops POST /jobs '{"type":"print","queue":"mail"}'
is "admin submits" "$status" 201
mail=$(field id)
as shop POST /jobs '{"type":"print","queue":"other"}'
is "submit submits" "$status" 201
other=$(field id)
as shop GET "/jobs/$other"
is "and sees a job" "$status" 200
as shop GET /jobs
is "but lists none" "$status" 403
as eyes GET /jobs
is "read lists" "$status $(jq '.jobs | length' < "$T/body")" "200 2"
as eyes POST /jobs '{"type":"print"}'
is "but submits none" "$status" 403
like "and is told why" "$(field detail)" 'the token eyes has the role read; this takes submit or admin'
as eyes DELETE "/jobs/$other"
is "nor cancels" "$status" 403

# For one queue only.
as mail GET "/jobs/$mail"
is "a job of its queue" "$status" 200
as mail GET "/jobs/$other"
is "one of another is not there" "$status" 404
as mail DELETE "/jobs/$other"
is "not even to be cancelled" "$status" 404
as mail POST /jobs '{"type":"print","queue":"other"}'
is "nor is anything submitted there" "$status $(field field)" "403 queue"
as mail POST /jobs '[{"type":"print","queue":"mail"},{"type":"print"}]'
is "nor a part of an array" "$status $(field field)" "403 [1].queue"
as ops POST /jobs '{"type":"print","queue":"other","delay":"1h","unique_key":"only"}'
is "a unique key of another queue" "$status" 201
hidden=$(field id)
as mail POST /jobs '{"type":"print","queue":"mail","unique_key":"only"}'
is "does not show the job that has it" "$status $(field field) $(grep -c "$hidden" "$T/body")" "403 unique_key 0"
as mail POST /jobs "{\"type\":\"print\",\"queue\":\"mail\",\"depends_on\":[\"$hidden\"]}"
is "nor can it be depended on" "$status $(field field)" "422 depends_on[0]"
as mail GET /jobs
is "it lists its own" "$status $(jq -r '[.jobs[].queue] | unique | join(" ")' < "$T/body")" "200 mail"
as mail GET '/jobs?queue=other'
is "and no other" "$status" 403
as mail POST /jobs/delete '{"queue":"other"}'
is "nor acts on many of another" "$status" 403
as mail GET /queues
is "its queue alone is shown" "$(jq -r '[.queues[].name] | join(" ")' < "$T/body")" mail
as mail POST /queues/other/pause
is "another cannot be paused" "$status" 403
as mail POST /queues/mail/pause
is "its own can" "$status" 200
as mail GET /stats
is "the whole server is not for it" "$status" 403

# For two queues: without one that is named it is about both, and about nothing else.
: > "$T/events"
curl -sSN -m 120 -H "Authorization: Bearer $(cat "$T/token.two")" "$url/events" > "$T/events" 2> /dev/null &
watcher=$!
ok "it may watch" until_true 20 grep -q '^: stint' "$T/events"
for queue in mail other video; do
	as ops POST /jobs "{\"type\":\"far\",\"queue\":\"$queue\",\"tags\":[\"two\"]}"
	[ "$status" = 201 ] || bail "no job in $queue"
done
last=$(field id)
ok "and hears of its queues" until_true 20 grep -q "$last" "$T/events"
is "and of no other, nor figures" "$(sed -n 's/^data: //p' "$T/events" | jq -r .queue | tr '\n' ' ')$(grep -c '^event: stats' "$T/events")" "mail video 0"
kill "$watcher"
wait "$watcher" 2> /dev/null
as two GET '/events?queue=other'
is "nor may it ask for another" "$status $(field field)" "403 queue"
as two GET '/jobs?tag=two&limit=1'
is "it lists the jobs of both" "$status $(jq -r '[.jobs[].queue] | join(" ")' < "$T/body")" "200 video"
as two GET "/jobs?tag=two&limit=1&cursor=$(field cursor)"
is "page by page" "$status $(jq -r '[.jobs[].queue] | join(" ")' < "$T/body")" "200 mail"
as two GET '/jobs?state=queued&type=far'
is "by their states too" "$status $(jq -r '[.jobs[].queue] | join(" ")' < "$T/body")" "200 mail video"
as two POST /jobs/cancel '{"tag":"two","dry_run":true}'
is "an action on many counts both" "$status $(field count)" "200 2"
as two GET /queues
is "both are shown" "$(jq -r '[.queues[].name] | sort | join(" ")' < "$T/body")" "mail video"
as two POST /queues/video/pause
as two POST /claims '{"types":["far"],"max":10}'
is "it claims from both, and a paused one gives nothing" "$status $(jq -r '[.jobs[].queue] | join(" ")' < "$T/body")" "200 "
as two POST /queues/mail/resume
as two POST /queues/video/resume
as two POST /claims '{"types":["far"],"max":10}'
is "it claims from both" "$status $(jq -r '[.jobs[].queue] | sort | join(" ")' < "$T/body")" "200 mail video"
as two POST /jobs/cancel '{"all":true}'
is "what is done to all is done to all of its own" "$status $(field count)" "200 2"
as ops GET '/jobs?state=queued&tag=two'
is "the other's job is as it was" "$(jq -r '[.jobs[].queue] | join(" ")' < "$T/body")" other
for path in /stats /status.json /metrics; do
	as two GET "$path"
	is "$path is of the whole server" "$status" 403
done

# A browser's way.
request GET /status -H 'Accept: text/html'
is "the page asks who it is" "$status" 401
ok "with a form" grep -q 'action="/status/login"' "$T/body"
request POST /status/login --data-urlencode 'token=stint_wrong'
is "a wrong token" "$status" 401
curl -sS -o "$T/body" -D "$T/headers" --data-urlencode "token=$(cat "$T/token.eyes")" "$url/status/login"
ok "a good one leads to the page" grep -qi '^location: /status' "$T/headers"
ok "with a cookie that no script sees" grep -qi "^set-cookie: stint_token=$(cat "$T/token.eyes"); Path=/; HttpOnly; SameSite=Strict" "$T/headers"
request GET /status -H "Cookie: stint_token=$(cat "$T/token.eyes")"
is "and that opens it" "$status" 200
request POST /status/login -H 'Origin: http://evil.example' -d "token=$(cat "$T/token.eyes")"
is "no other site logs one in" "$status" 403

# The command.
is "the command takes one" "$(STINT_TOKEN=$(cat "$T/token.ops") "$stint" show "$mail" --url "$url" --json | jq -r .id)" "$mail"
"$stint" show "$mail" --url "$url" > "$T/out" 2>&1
code=$?
is "and says that it needs one" "$code $(grep -c 'access token' "$T/out")" "77 1"

# What a reload reads again.
grep -v '^eyes ' "$T/tokens" > "$T/fewer"
cat "$T/fewer" > "$T/tokens"
kill -HUP "$server"
shut_out() { as eyes GET /stats; [ "$status" = 401 ]; }
ok "a token that was taken out of the file is none after a reload" until_true 10 shut_out
echo 'eyes owner xyz' >> "$T/tokens"
kill -HUP "$server"
refused() { grep -q "tokens:[0-9]*: there is no role" "$T/log"; }
ok "a wrong line is named" until_true 10 refused
as ops GET /stats
is "and changes nothing" "$status" 200
expect_log 'there is no role'
expect_log 'failed'
cat "$T/fewer" > "$T/tokens"            # the check of the store reads the conf too
finish

#!/bin/sh
# The pages for people as a browser without JavaScript uses them: forms are posted only where they stand on the page, answers are followed. Wrong input, other sites, and who sees what. S0.31 S4.5.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

make_token() { # NAME ROLES [QUEUES]
	"$stint" token "$1" "$2" ${3:+--queue "$3"} --json > "$T/made" || bail "no token was made"
	jq -r .line < "$T/made" >> "$T/tokens"
	jq -r .token < "$T/made" > "$T/token.$1"
}
: > "$T/tokens"
make_token ops admin
make_token eyes read
make_token shop submit
make_token mail read,admin mail
STINT_HTTP_TOKEN_FILE=$T/tokens
export STINT_HTTP_TOKEN_FILE
add_conf <<'END'
handler noop { builtin = noop }
handler talk { exec = {"/bin/sh", "-c", "cat; echo '</pre><script>alert(1)</script>' >&2"} }
handler slow { exec = {"/bin/sleep", "100"} 
    kill_grace = 1s }
handler bad { exec = {"/bin/sh", "-c", "echo '<b>broken</b>' >&2; exit 3"}
    max_retries = 0 }
queue mail { weight = 3 }
schedule nightly { cron = "0 3 * * *"
    timezone = "Europe/Berlin"
    type = noop
    queue = mail
}
END
must_start

who=ops
origin=
browse() { request GET "$1" -H 'Accept: text/html' -b "stint_token=$(cat "$T/token.$who")"; }
# The form with that action must stand on the page that was looked at last. Then where the answer leads is the page.
press() { # ACTION [FIELDS...]
	action=$1
	shift
	if ! grep -qF "action=\"$action\"" "$T/body"; then
		status=none
		return
	fi
	send "$action" "$@"
	[ "$status" = 303 ] || return 0
	led=$(header location)
	browse "$led"
}
send() { # PATH [FIELDS...]
	path=$1
	shift
	left=$#
	while [ "$left" -gt 0 ]; do
		one=$1
		shift
		set -- "$@" --data-urlencode "$one"
		left=$((left - 1))
	done
	[ $# -gt 0 ] || set -- --data ''
	request POST "$path" -H 'Accept: text/html' -H "Origin: ${origin:-$url}" -H 'Sec-Fetch-Site: same-origin' -b "stint_token=$(cat "$T/token.$who")" "$@"
}
as_ops() { request "$1" "$2" -H "Authorization: Bearer $(cat "$T/token.ops")" ${3:+-d "$3"}; }
job() { # BODY
	as_ops POST /jobs "$1"
	id=$(field id)
}
on_page() { grep -qF -- "$1" "$T/body"; }
not_on_page() { ! grep -qF -- "$1" "$T/body"; }
# Beside the page that is being looked at.
api() { curl -s -m 45 -H "Authorization: Bearer $(cat "$T/token.ops")" "$url$1"; }
state_is() { [ "$(api "/jobs/$1" | jq -r .state)" = "$2" ]; }

# A browser logs in, and is where it wanted to be.
request GET /status/jobs -H 'Accept: text/html'
is "without a token there is a form" "$status" 401
ok "to log in with" on_page 'action="/status/login"'
request POST /status/login -H "Origin: $url" --data-urlencode "token=$(cat "$T/token.shop")"
is "who may only submit is led there" "$status $(header location)" "303 /status/submit"
request POST /status/login -H "Origin: $url" --data-urlencode "token=$(cat "$T/token.mail")"
is "who may see some queues to his jobs" "$status $(header location)" "303 /status/jobs"
request POST /status/login -H "Origin: $url" -H 'Content-Type: text/plain' -d "token=$(cat "$T/token.ops")"
is "what is no form is refused" "$status" 415

# The listing, and a job that says bad things.
job '{"type":"talk","name":"<script>alert(2)</script>","payload":{"x":"</pre><script>alert(3)</script>"},"tags":["a&b"]}'
talk=$id
ok "it runs" until_true 20 state_is "$talk" succeeded
browse /status/jobs
is "the jobs" "$status" 200
ok "with the job" on_page "href=\"/status/jobs/$talk\""
ok "its name as text" on_page '&lt;script&gt;alert(2)&lt;/script&gt;'
browse "/status/jobs/$talk"
is "its page" "$status" 200
ok "has the payload as text" on_page '&lt;/pre&gt;&lt;script&gt;alert(3)&lt;/script&gt;'
ok "and the log" on_page '&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;'
ok "and nothing that is no text" not_on_page '<script>'
ok "and the history" on_page 'e-succeeded'
is "under the policy" "$(header content-security-policy)" "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
browse '/status/jobs?state=succeeded&type=talk&queue=&tag=a%26b&q='
ok "filters find it" on_page "$talk"
browse '/status/jobs?tag=other'
ok "and leave it out" on_page 'no job is like that'

# Page by page.
as_ops POST /jobs "$(jq -cn '[range(7) | {type: "noop", queue: "many", delay: "1h", name: "n\(.)"}]')"
browse '/status/jobs?queue=many&limit=3'
rows=0
for _ in 1 2 3; do
	rows=$((rows + $(grep -o '<th scope="row">' "$T/body" | wc -l)))
	next=$(sed -n 's/.*rel="next" href="\([^"]*\)".*/\1/p' "$T/body" | sed 's/&amp;/\&/g')
	[ -n "$next" ] && browse "$next"
done
is "all pages together have every job once" "$rows" 7

# One job's buttons.
job '{"type":"noop","delay":"1h"}'
browse "/status/jobs/$id"
press "/status/jobs/$id/run-now"
is "run now leads back" "$status $led" "200 /status/jobs/$id?done=run-now"
ok "and says so" on_page 'role="status"'
ok "it runs" until_true 20 state_is "$id" succeeded
browse "/status/jobs/$id"
press "/status/jobs/$id/cancel"
is "what has ended cannot be cancelled: there is no button" "$status" none
send "/status/jobs/$id/cancel"
is "nor is there without it" "$status" 409
ok "and a page says why" on_page 'has ended already'
browse "/status/jobs/$id"
press "/status/jobs/$id/delete"
is "deleted, it leads to the others" "$status $led" "200 /status/jobs?done=delete&count=1"
browse "/status/jobs/$id"
is "and is not there any more" "$status" 404
ok "which is a page too" on_page '<nav aria-label="Pages">'
job '{"type":"slow"}'
ok "one runs" until_true 20 state_is "$id" running
browse "/status/jobs/$id"
ok "its log can be followed" on_page "/jobs/$id/log?follow=1"
press "/status/jobs/$id/cancel"
is "it is asked to end" "$status" 200
ok "and ends" until_true 20 state_is "$id" cancelled
browse "/status/jobs/$id"
press "/status/jobs/$id/retry"
is "and is queued again" "$status $led" "200 /status/jobs/$id?done=retry"
send "/status/jobs/$id/cancel"
ok "and ends again" until_true 20 state_is "$id" cancelled

# Many at once: asked first.
as_ops POST /jobs '[{"type":"bad"},{"type":"bad"},{"type":"bad"}]'
dead() { [ "$(api '/jobs?state=dead' | jq '.jobs | length')" = "$1" ]; }
ok "three are dead" until_true 20 dead 3
browse '/status/jobs?state=dead'
ok "their error is text" on_page '&lt;b&gt;broken&lt;/b&gt;'
press /status/jobs/bulk act=delete state=dead
is "deleting them all is a question" "$status" 200
ok "with a number" on_page '<strong>3 jobs</strong> will be deleted'
ok "and nothing has been done" dead 3
press /status/jobs/bulk act=delete state=dead sure=yes
is "then it is done" "$status $led" "200 /status/jobs?state=dead&done=delete&count=3"
ok "and said" on_page '3 jobs were deleted.'
ok "and true" dead 0
send /status/jobs/bulk act=burn
is "nothing else can be done" "$status" 400
send /status/jobs/bulk act=retry state=queued
is "nor to jobs that it is not for" "$status" 400

# A job by form.
browse /status/submit
press /status/submit type=noop queue=mail 'name=a&b<c>' priority=7 delay=1h 'payload={"a": [1e999, "ü"]}'
like "a form submits a job and leads to it" "$status $led" "^200 /status/jobs/[0-9a-f-]{36}\\?done=submit$"
ok "which is said" on_page 'Submitted.'
ok "and shown" on_page 'a&amp;b&lt;c&gt;'
id=$(printf '%s\n' "$led" | sed 's/.*jobs.\(.*\)?.*/\1/')
is "its payload is what was typed" "$(api "/jobs/$id/payload")" '{"a": [1e999, "ü"]}'
is "and the rest" "$(api "/jobs/$id" | jq -r '"\(.queue) \(.priority) \(.state)"')" "mail 7 scheduled"
browse /status/submit
press /status/submit type=noop 'name=kept <as> it was' 'payload={"a": oops}'
is "what is no JSON is refused" "$status" 400
ok "with the place" on_page 'The payload is not JSON: line 1, column 7'
ok "and the form as it was" on_page 'value="kept &lt;as&gt; it was"'
press /status/submit type=unheard_of
is "so is a type that nobody handles" "$status" 422
ok "and named" on_page 'no handler takes the type &quot;unheard_of&quot;'

# Queues, workers, schedules.
browse /status/queues
press /status/queues/mail/pause
is "a queue is paused" "$status $led $(api /queues/mail | jq -r .paused)" "200 /status/queues?done=pause true"
ok "and shown so" on_page '>paused</span>'
press /status/queues/mail/resume
is "and resumed" "$status $led $(api /queues/mail | jq -r .paused)" "200 /status/queues?done=resume false"
browse /status/workers
is "the workers" "$status" 200
ok "are there" on_page '>worker 2</th>'
browse /status/schedules
ok "a schedule has the time of its zone" grep -qE '03:00:00 \+0[12]:00' "$T/body"
press /status/schedules/nightly/run
like "its job is run by hand" "$status $led" "^200 /status/jobs/[0-9a-f-]{36}\\?done=run$"
ok "which is said too" on_page 'A job of it was submitted.'

# What is wrong is a page that says so.
browse '/status/jobs?state=sleeping'
is "a state that is none" "$status $(header content-type)" "400 text/html; charset=utf-8"
ok "is named" on_page 'there is no state &quot;sleeping&quot;'
browse '/status/jobs?colour=red'
is "a filter that is none" "$status" 400
browse /status/jobs/nonsense
is "no id" "$status" 404
browse /status/nothing
is "no page" "$status $(header content-type)" "404 text/html; charset=utf-8"
request GET '/status/jobs?state=sleeping' -b "stint_token=$(cat "$T/token.ops")"
is "who asks for no page gets none" "$status $(header content-type)" "400 application/problem+json"
request GET /status/jobs -H 'Accept: application/json' -b "stint_token=$(cat "$T/token.ops")"
is "the same figures as JSON" "$(jq '.jobs | length > 5' < "$T/body")" true

# Other sites.
job '{"type":"noop","delay":"1h"}'
cookie="stint_token=$(cat "$T/token.ops")"
origin=http://evil.example
send "/status/jobs/$id/cancel"
origin=
is "a form of another site" "$status" 403
ok "is refused with a page" on_page 'evil.example'
request POST "/status/jobs/$id/cancel" -b "$cookie" -H 'Origin: null' -d ''
is "or of nobody knows where" "$status" 403
request POST "/status/jobs/$id/cancel" -b "$cookie" -H 'Sec-Fetch-Site: cross-site' -d ''
is "or without an origin, from another site" "$status" 403
request POST "/status/jobs/$id/cancel" -b "$cookie" -H 'Sec-Fetch-Site: same-site' -d ''
is "or from a neighbour" "$status" 403
request POST /status/jobs/bulk -b "$cookie" -H 'Sec-Fetch-Site: cross-site' -d 'act=cancel&sure=yes'
is "or for many" "$status" 403
ok "and nothing has happened" state_is "$id" scheduled
request POST "/status/jobs/$id/cancel" -d ''
is "without a token nothing either" "$status" 401

# Who sees what.
who=eyes
browse "/status/jobs/$id"
is "read sees the job" "$status" 200
press "/status/jobs/$id/cancel"
is "and no button" "$status" none
send "/status/jobs/$id/cancel"
is "and may not without it" "$status" 403
ok "which a page says" on_page 'the token eyes has the role read'
browse /status/jobs
ok "nor are there buttons for many" not_on_page /status/jobs/bulk
browse /status/queues
ok "or for a queue" not_on_page '/pause"'
browse /status/submit
is "nor is there a form to submit with" "$status" 403
send /status/queues/mail/pause
is "nor a way around it" "$status" 403
who=shop
browse "/status/jobs/$id"
is "submit sees the job" "$status" 200
ok "but not its history" not_on_page 'e-scheduled'
browse /status/jobs
is "and no others" "$status" 403
browse /status/submit
press /status/submit type=noop
is "and submits" "$status" 200
who=mail
job '{"type":"noop","queue":"mail","delay":"1h","name":"in the mail"}'
mail=$id
job '{"type":"noop","queue":"other","delay":"1h","name":"elsewhere"}'
browse /status/jobs
is "one for a queue sees that" "$status" 200
ok "with its jobs" on_page 'in the mail'
ok "and no others" not_on_page 'elsewhere'
browse "/status/jobs/$id"
is "not by their id" "$status" 404
send "/status/jobs/$id/cancel"
is "nor can he cancel them" "$status" 404
send /status/jobs/bulk act=cancel sure=yes
is "all that he may cancel" "$status" 303
ok "is his own" state_is "$mail" cancelled
ok "alone" state_is "$id" scheduled
browse /status/queues
ok "he pauses his own queue" on_page 'action="/status/queues/mail/pause"'
ok "and sees no other" not_on_page '>other</a>'
send /status/queues/other/pause
is "which he may not touch" "$status" 403
browse /status
is "the whole server is not for him" "$status" 403
browse /status/workers
is "nor its processes" "$status" 403
finish

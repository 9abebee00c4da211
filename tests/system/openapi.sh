#!/bin/sh
# GET /openapi.json of the real server: judged by a public validator; real requests and answers held against it (openapi_replies.mjs); and a client that a public generator makes of it submits a job
# and reads its result (openapi_client.ts).
. "${srcdir:-.}/tests/system/lib.sh" || exit 99

# Pinned: what they find wrong is not to change under us.
packages='@seriousme/openapi-schema-validator@2.11.0 ajv@8.20.0 ajv-formats@3.0.1 @hey-api/openapi-ts@0.94.5 typescript@5.9.3'
command -v node > /dev/null && command -v npm > /dev/null || skip_all "node and npm are not there"
mkdir "$T/npm"
# shellcheck disable=SC2086
npm install --silent --no-audit --no-fund --prefix "$T/npm" $packages > "$T/npm.out" 2>&1 || skip_all "the npm packages $packages cannot be had"

for one in ops:admin shop:submit; do
	"$stint" token "${one%:*}" "${one#*:}" --json > "$T/made" || bail "no token was made"
	jq -r .line < "$T/made" >> "$T/tokens"
	jq -r .token < "$T/made" > "$T/token.${one%:*}"
done
STINT_HTTP_TOKEN_FILE=$T/tokens
STINT_HTTP_MAX_BODY=64K
export STINT_HTTP_TOKEN_FILE STINT_HTTP_MAX_BODY
add_conf <<'END'
handler echo { exec = {"/bin/cat"}  timeout = 1m }
handler bad { exec = {"/bin/sh", "-c", "echo no >&2; exit 3"}  max_retries = 1  backoff_base = 10ms  timeout = 1m }
handler steps { exec = {"/bin/sh", "-c", "echo '::progress 40 half way' >&2; exec sleep 1000"}  timeout = 1h }
handler far { remote = true }
handler far2 { remote = true }
schedule nightly { cron = "0 3 * * *"  type = echo }
queue full { max_queued = 1 }
END
must_start

cp "${srcdir:-.}/tests/system/openapi_replies.mjs" "${srcdir:-.}/tests/system/openapi_client.ts" "$T/npm"
cd "$T/npm" || bail "no directory"
node openapi_replies.mjs "$url" "$(cat "$T/token.ops")" "$(cat "$T/token.shop")" > "$T/findings" 2> "$T/node.err"
is "the requests come to their end" "$?" 0
[ ! -s "$T/node.err" ] || note "$(cat "$T/node.err")"
tab=$(printf '\t')
while IFS=$tab read -r good what why; do
	if [ "$good" = ok ]; then pass "$what"; else fail "$what" "$why"; fi
done < "$T/findings"

ok "a client is generated" ./node_modules/.bin/openapi-ts -i openapi.json -o generated -c @hey-api/client-fetch --silent --no-log-file
ok "and compiles, with what uses it" ./node_modules/.bin/tsc --strict --skipLibCheck --target es2022 --lib es2022,dom,dom.iterable --module commonjs --moduleResolution node10 --outDir js openapi_client.ts
node js/openapi_client.js "$url" "$(cat "$T/token.ops")" > "$T/client.out" 2>&1
is "it submits a job, reads its result, and is told what is wrong" "$(cat "$T/client.out")" 'succeeded 1 {"hello":[1,"two"]}
{"hello":[1,"two"]}
1 true null
400 Bad Request priority
0
lmdb'
cd / || bail "no way back"
finish

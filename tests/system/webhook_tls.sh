#!/bin/sh
# Webhooks over TLS: whose certificate is trusted, that it must be the name's, and what is said of one that is not. The endpoint is the server itself, which makes a job of what it is sent.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/secure.sh" || exit 99

certificate one
certificate two
STINT_HTTP_TLS_CERTIFICATE=$T/one.crt STINT_HTTP_TLS_KEY=$T/one.key
export STINT_HTTP_TLS_CERTIFICATE STINT_HTTP_TLS_KEY
add_conf <<'END'
handler work { builtin = noop }
handler hook { url = "https://127.0.0.1:@SECURE@/jobs?type=work"  allow = {"127.0.0.1"}  max_retries = 0 }
handler named { url = "https://localhost:@SECURE@/jobs?type=work"  allow = {"localhost"}  max_retries = 0 }
handler plain { url = "https://127.0.0.1:@PLAIN@/jobs?type=work"  allow = {"127.0.0.1"}  max_retries = 0 }
END

SSL_CERT_FILE=$T/one.crt
export SSL_CERT_FILE
must_start
submit hook '{"n":1}'
wait_final "$id"
is "a certificate of an authority that SSL_CERT_FILE names is trusted" "$state" succeeded
made=$(field result.id)
get "/jobs/$made/payload"
is "and the endpoint has got the payload" "$status $(cat "$T/body")" '200 {"n":1}'
submit named 1
wait_final "$id"
like "one for another name is not" "$state $(field last_error)" "^dead the certificate of localhost:$secure is not to be trusted: .*localhost"
submit plain 1
wait_final "$id"
like "an endpoint without TLS is told" "$state $(field last_error)" "^dead no TLS with 127\\.0\\.0\\.1:$port: "
get '/jobs?type=work&limit=100'
is "nothing was sent to either" "$(jq '.jobs | length' < "$T/body")" 1
ok "the server ends" end_server

SSL_CERT_FILE=$T/two.crt
must_start
submit hook 1
wait_final "$id"
like "without that authority it is not trusted" "$state $(field last_error)" "^dead the certificate of 127\\.0\\.0\\.1:$secure is not to be trusted: .*self.signed"
ok "the server ends" end_server

unset SSL_CERT_FILE
SSL_CERT_DIR=$T/authorities
export SSL_CERT_DIR
mkdir "$SSL_CERT_DIR"
cp "$T/one.crt" "$SSL_CERT_DIR/$(openssl x509 -noout -hash -in "$T/one.crt").0"
must_start
submit hook 2
wait_final "$id"
is "nor does it matter whether a file or a directory names it" "$state" succeeded
finish

# shellcheck shell=sh
# For tests of TLS: certificates, and a server that listens with TLS besides. To be read after lib.sh; skips the whole test aloud where there is no openssl.
#
#   certificate NAME        $T/NAME.crt and $T/NAME.key, self-signed, for the address 127.0.0.1 and no name
#   $secure                 the port that speaks TLS, known when the server has started; STINT_HTTP_TLS_CERTIFICATE and _KEY say with what. Handlers may have @SECURE@ and @PLAIN@ for the two ports

command -v openssl > /dev/null || skip_all "there is no openssl to make certificates with"
certificate() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" -addext "subjectAltName=IP:127.0.0.1" \
		-keyout "$T/$1.key" -out "$T/$1.crt" 2> "$T/openssl.err" || bail "no certificate was made"
}
# Both kinds at once; both ports may be taken by others.
write_conf() {
	port=$1
	url=http://127.0.0.1:$port
	secure=$(random_port)
	{
		cat "$T/base.conf"
		printf 'http {\n    listen = {"127.0.0.1:%s", "127.0.0.1:%s tls"}\n}\n' "$port" "$secure"
		sed "s|@SECURE@|$secure|; s|@PLAIN@|$port|" "$T/more.conf"
	} > "$T/stint.conf"
}
port_was_taken() {
	[ "$1" -eq 69 ] && grep -qE ":($port|$secure)" "$T/start.out" && expect_log "cannot listen on 127\.0\.0\.1:($port|$secure)"
}

#!/bin/sh
# Clients that are slow, many, gone in the middle or never read: none of them is in the way of one that behaves.
. "$srcdir/tests/system/lib.sh" || exit 99
. "$srcdir/tests/system/measure.sh" || exit 99
perl -MIO::Socket::INET -e 1 2>/dev/null || skip_all "perl is not here"

STINT_HTTP_HEADER_TIMEOUT=2s STINT_HTTP_BODY_TIMEOUT=2s STINT_HTTP_IDLE_TIMEOUT=2s STINT_HTTP_WRITE_TIMEOUT=2s STINT_HTTP_MAX_CONNECTIONS=400
export STINT_HTTP_HEADER_TIMEOUT STINT_HTTP_BODY_TIMEOUT STINT_HTTP_IDLE_TIMEOUT STINT_HTTP_WRITE_TIMEOUT STINT_HTTP_MAX_CONNECTIONS
add_conf <<'STOP'
handler noop { builtin = noop }
handler sleep { builtin = sleep }
STOP
must_start
keep_fds

cat > "$T/client.pl" <<'STOP'
# perl client.pl PORT WAY...: hostile in one way; what became of it on standard output.
use strict;
use warnings;
use IO::Socket::INET;
use Socket qw(PF_INET SOCK_STREAM SOL_SOCKET SO_LINGER SO_RCVBUF inet_aton pack_sockaddr_in);
$SIG{PIPE} = 'IGNORE';
my ($port, $way, $n) = @ARGV;
sub dial { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5) }
sub hear { my ($s) = @_; my $all = ''; local $SIG{ALRM} = sub { die }; eval { alarm 15; while (sysread($s, my $part, 65536)) { $all .= $part } alarm 0; }; alarm 0; $all }
sub tally { my %of; $of{$_}++ for @_; print join(', ', map { "$of{$_} $_" } sort keys %of), "\n" }
sub status { $_[0] =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'nothing' }
my $body = '{"type":"noop","payload":"' . 'v' x 3000 . '"}';
my $post = "POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: " . length($body) . "\r\n\r\n$body";

if ($way eq 'drip') {           # a byte now and then: of a head, a body, a chunk
	my @text = ($post, "GET /stats HTTP/1.1\r\nX-Slow: " . 'x' x 2000, "POST /jobs?type=noop HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" . "1\r\na\r\n" x 100);
	my @s = grep { $_ } map { dial() } 1 .. $n;
	for my $at (0 .. 19) {
		syswrite($s[$_], substr($text[$_ % 3], $at, 1)) for 0 .. $#s;
		select(undef, undef, undef, 0.1);
	}
	tally(map { status(hear($_)) } @s);
} elsif ($way eq 'sip') {        # asks for more than fits anywhere, and takes a few bytes of it now and then
	my @s;
	for (1 .. $n) {
		socket(my $s, PF_INET, SOCK_STREAM, 0) or die;
		setsockopt($s, SOL_SOCKET, SO_RCVBUF, pack('i', 4096));
		connect($s, pack_sockaddr_in($port, inet_aton('127.0.0.1'))) or die;
		syswrite($s, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" x 1000);
		push @s, $s;
	}
	my %taken;
	for my $round (1 .. 50) {
		for my $s (@s) { my $r = sysread($s, my $part, 16); $taken{$s} += $r // 0 }
		select(undef, undef, undef, 0.1);
	}
	tally(map { $taken{$_} += length hear($_); $taken{$_} > 0 && $taken{$_} < 10e6 ? 'cut off' : "had $taken{$_} bytes" } @s);
} elsif ($way eq 'crowd') {     # does nothing at all
	my @s = grep { $_ } map { dial() } 1 .. $n;
	print scalar(@s), " open\n";
	$| = 1;
	<STDIN>;
} elsif ($way eq 'vanish') {    # at every point of a request, with FIN and with RST
	for my $at (0 .. 90, map { 90 + 97 * $_ } 1 .. (length($post) - 90) / 97) {
		my $s = dial() or die;
		syswrite($s, substr($post, 0, $at));
		setsockopt($s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) if $at % 2;
		close($s);
	}
	print "gone\n";
} elsif ($way eq 'half') {      # says that it is at its end, and still wants its answer
	my $s = dial() or die;
	syswrite($s, $post);
	shutdown($s, 1);
	tally(status(hear($s)));
	$s = dial() or die;
	syswrite($s, substr($post, 0, 200));
	shutdown($s, 1);
	tally(status(hear($s)));
} elsif ($way eq 'pipeline') {  # all at once, and reads only then
	my $s = dial() or die;
	my $all = $post x $n . "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	my $child = fork // die;
	if (!$child) { while (length $all) { my $w = syswrite($s, $all) or last; substr($all, 0, $w) = '' } exit }
	my $got = hear($s);
	waitpid($child, 0);
	tally($got =~ m{HTTP/1\.1 (\d+)}g);
} elsif ($way eq 'deaf') {      # asks and asks, and reads nothing
	my $s = dial() or die;
	$s->blocking(0);
	my ($sent, $text) = (0, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" x 100);
	for (1 .. 600) {
		my $w = syswrite($s, $text);
		last if !defined $w && !$!{EAGAIN};
		$sent += $w // 0;
		select(undef, undef, undef, 0.01) if !defined $w;
	}
	print $sent < 20e6 ? "held up and closed\n" : "$sent bytes were taken\n";
}
STOP
client() { perl "$T/client.pl" "$port" "$@"; }

# --- half-open drips, and hardly read answers; and a client that behaves beside them ---
beside() { # NAME CLIENT...
	name=$1
	shift
	client "$@" > "$T/$name" 2>&1 &
	slow=$!
	served=0
	while kill -0 $slow 2>/dev/null; do
		post /jobs '{"type":"noop"}' -m 60
		[ "$status" = 201 ] || { fail "a good client is served" "$status $(cat "$T/curl.err")"; break; }
		served=$((served + 1))
		sleep 0.05
	done
	wait $slow
	ok "a good client is served beside them: $name ($served times)" test $served -gt 0
}
beside drips drip 300
is "each drip is told that its time is up" "$(cat "$T/drips")" "300 408"
beside sips sip 200
is "each that takes too little in its time is cut off" "$(cat "$T/sips")" "200 cut off"

# --- gone, at its end, all at once, deaf ---
is "clients vanish at every point" "$(client vanish)" gone
is "at its end a client still has its answer, and half a request is none" "$(client half | tr '\n' ' ')" "1 201 1 400 "
is "500 requests in one go" "$(client pipeline 500)" "1 200, 500 201"
is "a client that reads nothing" "$(client deaf)" "held up and closed"

# --- more than max_connections ---
mkfifo "$T/go"
client crowd 900 < "$T/go" > "$T/crowd" 2>&1 &
crowd=$!
exec 9> "$T/go"
crowded() { grep -q open "$T/crowd"; }
ok "a crowd of 900, where 400 may be" until_true 20 crowded
must_be_idle
exec 9>&-
wait $crowd
ok "it goes, and all is well" until_true 10 is_ready

# Whoever vanished after its last byte may have had its job stored: none is half.
none_open() { nothing_open && [ "$(jq .succeeded < "$T/body")" = "$(jq .total < "$T/body")" ]; }
ok "every job that was taken has run" until_true 20 none_open
fds_are_kept
ok "the server ends" end_server

# --- hardly any descriptors ---
unset STINT_HTTP_MAX_CONNECTIONS
expect_log 'may have [0-9]+ files open here'
expect_log 'cannot accept a connection: Too many open files'
ulimit -n 110
must_start
like "few descriptors for so many connections: a warning" "$(cat "$T/start.out")" 'may have 110 files open here \(ulimit -n\): too few for max_connections = 4096, which takes 4164'
keep_fds
for i in 1 2; do
	mkfifo "$T/go$i"
	client crowd 80 < "$T/go$i" > "$T/crowd$i" 2>&1 &
	crowds="${crowds:-} $!"
done
exec 8> "$T/go1" 9> "$T/go2"
out_of_files() { grep -q 'cannot accept a connection: Too many open files' "$T/log"; }
ok "a crowd takes them all" until_true 10 out_of_files
must_be_idle
exec 8>&- 9>&-
# shellcheck disable=SC2086 # one word a process
wait $crowds
ok "it goes, and all is well" until_true 10 is_ready
submit sleep '{"ms":1}'
wait_final "$id"
is "and jobs run" "$state" succeeded
fds_are_kept
ok "the server ends" end_server

ulimit -n 40
start_server
is "too few descriptors for anything: exit code" "$start_status" 71
like "and how many it would take" "$(cat "$T/start.out")" 'may have 40 files open here \(ulimit -n\), and 68 are needed'
finish

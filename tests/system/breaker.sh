#!/bin/sh
# The breaker of a type on the real server: it opens, rests, tries one, closes; over all workers, restarts and kill -9, and seen everywhere.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

cat > "$T/shaky" <<'END'
#!/bin/sh
echo "$STINT_JOB_ID" >> "$1.ran"
exec test -e "$1.good"
END
chmod +x "$T/shaky"
add_conf <<'END'
worker_jobs = 1
handler shaky { exec = {"$T/shaky", "$T/work/shaky"}  max_retries = 0  breaker_failures = 3  breaker_cooldown = 1h }
handler fine { builtin = noop }
END
expect_log 'breaker: '
expect_log 'was killed by SIGKILL'
expect_log 'the master is gone'

ran() { wc -l < "$T/work/shaky.ran"; }
breaker() { get /stats; field 'types.shaky.breaker'; }
breaker_is() { [ "$(breaker)" = "$1" ]; }
has_ran() { [ "$(ran)" -eq "$1" ]; }
logged() { grep -q "$1" "$T/log"; }

must_start
is "closed at first" "$(breaker) $(field 'types.fine.breaker')" "closed off"

# Ten jobs of which three fail: the others stay where they are.
post /jobs "[$(for i in 1 2 3 4 5 6 7 8 9; do printf '{"type":"shaky"},'; done){\"type\":\"shaky\"}]"
is "ten are taken" "$status" 201
ok "it opens" until_true 20 breaker_is open
settled() { get /stats; [ "$(field 'types.shaky.running')" -eq 0 ]; }
until_true 20 settled
like "and says until when" "$(field 'types.shaky.breaker_until')" '^20..-.*Z$'
ran=$(ran)
queued=$((10 - ran))
[ "$ran" -ge 3 ] && pass "at least three have run (those that ran at the time end)" || fail "at least three have run" "$ran"
is "the others are queued" "$(field 'types.shaky.queued')" "$queued"
submit fine 1
wait_final "$id"
is "other types run" "$state" succeeded
ok "the log warns of it" logged 'warn .*breaker: 3 attempts of type shaky have failed in a row: it rests for 3600000 ms'
get /metrics
ok "the metrics have it" grep -q '^stint_type_resting{type="shaky"} 1$' "$T/body"
get /status -H 'Accept: text/html'
ok "and the page" grep -q 'data-label="breaker">open, for' "$T/body"

# It is kept through everything.
kill -KILL "$(pid_of keeper)"
until_true 20 is_ready
submit fine 1
wait_final "$id"
is "a new keeper knows it" "$(breaker) $(ran)" "open $ran"
end_server KILL
until_true 10 none_left
must_start
submit fine 1
wait_final "$id"
is "and a new server" "$(breaker) $(ran)" "open $ran"

# A shorter rest by reload is over at once; the trial fails, and it rests again.
reload_with() { # COOLDOWN
	sed -i "s/breaker_cooldown = [0-9a-z]*/breaker_cooldown = $1/" "$T/more.conf"
	write_conf "$port"
	kill -HUP "$server"
}
reload_with 200ms
rested_again() { [ "$(grep -c 'that was tried has failed' "$T/log")" -ge 2 ]; }
ok "one job is tried after each rest" until_true 20 rested_again
# One at a time: as many have run as were tried.
touch "$T/work/shaky.good"
ok "when one succeeds it closes" until_true 20 breaker_is closed
ok "and all run" until_true 20 has_ran 10
tried=$(grep -c 'that was tried has failed' "$T/log")
ok "which is told" logged 'info .*breaker: the job of type shaky that was tried has succeeded'
get /stats
is "no trial was of more than one" "$(field 'types.shaky.dead')" "$((ran + tried))"
get /metrics
ok "the metrics say so" grep -q '^stint_type_resting{type="shaky"} 0$' "$T/body"
finish

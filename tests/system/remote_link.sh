#!/bin/sh
# Two machines: the server and a `stint work` in network namespaces of their own, and the link between them cut while a lease is held.
. "${srcdir:-.}/tests/system/lib.sh" || exit 99
. "${srcdir:-.}/tests/system/children.sh" || exit 99

here=stint-s$$ there=stint-w$$ net=10.231.$(($$ % 250))
[ "$(id -u)" -eq 0 ] || skip_all "network namespaces need root"
command -v ip > /dev/null || skip_all "there is no ip"
ip netns add "$here" 2> /dev/null || skip_all "network namespaces may not be made here"
ip netns add "$there" || bail "a second namespace cannot be made"
trap 'ip netns del "$here"; ip netns del "$there"; clean_up' EXIT
{ ip link add "v$$" netns "$here" type veth peer name "w$$" netns "$there" && ip -n "$here" addr add "$net.1/24" dev "v$$" && ip -n "$there" addr add "$net.2/24" dev "w$$" &&
	ip -n "$here" link set "v$$" up && ip -n "$here" link set lo up && ip -n "$there" link set "w$$" up; } 2> "$T/ip" || skip_all "two namespaces cannot be joined here: $(cat "$T/ip")"

# Everybody but the worker is in the server's namespace; that listens on the link too, and so wants tokens.
mkdir "$T/bin"
"$stint" token boss admin > "$T/boss"
"$stint" token far work > "$T/far"
boss=$(grep -o 'stint_[0-9a-f]*' "$T/boss") far=$(grep -o 'stint_[0-9a-f]*' "$T/far")
grep -h '^  .* [0-9a-f]\{64\}$' "$T/boss" "$T/far" | sed 's/^ *//' > "$T/tokens"
chmod 600 "$T/tokens"
cat > "$T/bin/curl" <<END
#!/bin/sh
exec ip netns exec $here $(command -v curl) -H 'Authorization: Bearer $boss' "\$@"
END
cat > "$T/bin/stintd" <<END
#!/bin/sh
port=\$(sed -n 's/.*"127\\.0\\.0\\.1:\\([0-9]*\\)".*/\\1/p' "$T/stint.conf")
STINT_HTTP_LISTEN="127.0.0.1:\$port,$net.1:\$port" STINT_HTTP_TOKEN_FILE="$T/tokens" exec ip netns exec $here $stintd "\$@"
END
chmod +x "$T/bin/curl" "$T/bin/stintd"
PATH=$T/bin:$PATH
stintd=$T/bin/stintd
cat > "$T/sit" <<END
#!/bin/sh
read -r n
echo \$\$ >> "$T/work/\$STINT_JOB_ID"
while [ ! -e "$T/work/go.\$n" ]; do sleep 0.05; done
echo "$T"
END
chmod +x "$T/sit"
add_conf <<'END'
handler far { remote = true  timeout = 20m }
END
must_start

ip netns exec "$there" "$stint" work --url "http://$net.1:$port" --token "$far" --type far --jobs 2 -- "$T/sit" 2> "$T/far.log" &
worker=$!
submit far 2
ends=$id
submit far 1
sits=$id
ok "the other machine runs two jobs" until_true 20 begun "$ends" 1
ok "at once" until_true 20 begun "$sits" 1
pid=$(tail -n 1 "$T/work/$sits")
ip -n "$there" link set "w$$" down
both_queued() { get "/jobs?state=queued&type=far"; [ "$(jq '.jobs | length' < "$T/body")" = 2 ]; }
ok "the link is cut: the leases run out" until_true 90 both_queued
ok "what runs there runs on, since nobody can tell it" alive "$pid"

# One of its programs comes to its end meanwhile: what it did was done, and is done again elsewhere. Nobody is kept from knowing it.
touch "$T/work/go.2"
has_ended() { grep -q "finished.*$ends" "$T/far.log"; }
ok "one comes to its end" until_true 20 has_ended
ip netns exec "$here" "$stint" work --url "http://127.0.0.1:$port" --token "$boss" --type far --jobs 2 -- "$T/sit" 2> "$T/near.log" &
near=$!
ok "another has the jobs" until_true 20 begun "$sits" 2
wait_final "$ends"
is "and its end counts" "$state $(field attempts)" "succeeded 2"
as_it_was=$(cat "$T/body")
ip -n "$there" link set "w$$" up
ok "the link is back: the first hears that it lost the lease, and ends its program" until_true 60 gone "$pid"
ok "and says so" grep -q 'the lease is no longer ours: ending it' "$T/far.log"
not_taken() { grep -q "how it ended was not taken: the lease is no longer ours.*$ends" "$T/far.log"; }
ok "the end that it has to tell is refused, and it says so" until_true 60 not_taken
get "/jobs/$ends"
is "nothing of that job has changed" "$(cat "$T/body")" "$as_it_was"
get "/jobs/$ends/history"
is "and its history tells of both attempts" "$(jq -r '[.history[].event | select(. == "started" or . == "lease_expired" or . == "succeeded")] | join(" ")' < "$T/body")" "started lease_expired started succeeded"
touch "$T/work/go.1"
wait_final "$sits"
is "the second one's end counts" "$state $(field attempts) $(field retry_count)" "succeeded 2 0"
kill -TERM "$near"
wait "$near"
submit far 1
wait_final "$id"
is "the first works on" "$state" succeeded
like "itself" "$(field worker)" ":$worker\$"
kill -TERM "$worker"
wait "$worker"
is "and ends" "$?" 0
finish

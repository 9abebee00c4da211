#!/bin/sh
# shellcheck disable=SC2034,SC2154
# In the machine of tools/vm-check: a server whose store lies on a disk that outlives the machine, for tests/vm/power.sh, which is outside and pulls the plug. Before the server starts, its store is looked at.
mkdir -p /data /run/stint
mount -t ext4 /dev/vdc /data || exit
mkdir -p /data/store
cat > /run/stint.conf <<'END'
worker_processes = 2
user = ""
group = ""
log_level = warn
run_dir = "/run/stint"
pid_file = "/run/stint/stintd.pid"
http {
	listen = {"0.0.0.0:8080"}
	token_file = "/data/tokens"
}
store {
	path = "/data/store"
	map_size = 1G
	min_free = 16M
}
queue run { concurrency = 8 }
handler run { exec = {"/bin/true"}  queue = run }
handler noop { builtin = noop }
END
if [ -e /data/store/data.mdb ]; then
	echo "check: $(/stint/build/stint check -c /run/stint.conf 2>&1 | head -n 20)"
else
	echo "check: sound: there is none yet"
fi
exec /stint/build/stintd -F -c /run/stint.conf

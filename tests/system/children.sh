# shellcheck shell=sh
# For tests that kill: who is who below the master, and a handler that runs until it is let go. To be read after lib.sh.
#
#   pid_of "worker 1"       its process id, nothing where there is none
#   $T/hold                 a handler program: says that it runs, and runs until $T/work/go is there. Two at once for one job leave $T/work/overlap

pid_of() { # TITLE
	for pid in $(cat "/proc/$server/task/$server/children" 2>/dev/null); do
		case "$(cat "/proc/$pid/cmdline" 2>/dev/null | tr '\0' ' ') " in
		"stintd: $1 "*) echo "$pid" ;;
		esac
	done
}
title_of() { cat "/proc/$1/cmdline" 2>/dev/null | tr -d '\0' | sed 's/^stintd: //; s/ *$//'; } # PID
worker_of() { # ID: the process id of the worker that runs it, or ran it last
	get "/jobs/$1"
	field worker | sed 's/.*://'
}
runs() { [ -n "$(pid_of "$1")" ]; }
replaced() { # TITLE OLD-PID
	now=$(pid_of "$1")
	[ -n "$now" ] && [ "$now" != "$2" ]
}

cat > "$T/hold" <<END
#!/bin/sh
for before in \$(cat "$T/work/\$STINT_JOB_ID" 2>/dev/null); do
	[ ! -d "/proc/\$before" ] || echo "\$STINT_JOB_ID" >> "$T/work/overlap"
done
echo \$\$ >> "$T/work/\$STINT_JOB_ID"
# A process that nobody can find by its group or its parent.
setsid sh -c 'trap "" TERM; while [ -d "$T/work" ]; do sleep 0.1; done' < /dev/null > /dev/null 2>&1 &
trap "" TERM
while [ ! -e "$T/work/go" ]; do sleep 0.05; done
echo '"done"'
END
chmod +x "$T/hold"

job_state() { # ID
	get "/jobs/$1"
	field state
}
is_running() { [ "$(job_state "$1")" = running ]; }
begun() { [ "$(cat "$T/work/$1" 2>/dev/null | wc -l)" -ge "$2" ]; } # ID TIMES
events() { # ID: the names of its history, in a line
	get "/jobs/$1/history"
	jq -r '[.history[].event] | join(" ")' < "$T/body"
}

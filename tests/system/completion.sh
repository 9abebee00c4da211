#!/bin/sh
# Completion: that real shells offer each command and each option that the programs take, and what the server has. What the programs take is asked of the programs: the commands of their help, the
# options of the message about one that is not there.
. "${srcdir:-.}/tests/system/lib.sh"

command -v bash > /dev/null || skip_all "there is no bash"
PATH=$(cd "$builddir" && pwd):$PATH
export PATH
COMPLETIONS=$(cd "$srcdir/completions" && pwd)
export COMPLETIONS

# What bash offers for the last of these words, one a line, sorted.
cat > "$T/complete.bash" <<'END'
[ -z "$LIBRARY" ] || . "$LIBRARY" || exit 1
. "$COMPLETIONS/stint.bash" || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
case $(complete -p "$1") in *' -F _'"$1 $1") ;; *) echo "no completion for $1"; exit 1 ;; esac
"_$1" 2> /dev/null
printf '%s\n' "${COMPREPLY[@]}"
END
LIBRARY=
STINT_URL=http://127.0.0.1:1
export LIBRARY STINT_URL
offers() { bash "$T/complete.bash" "$@" | sort; }

# Likewise of zsh; what it would show is caught before it draws.
cat > "$T/complete.zsh" <<'END'
_arguments() { print -rl -- "$@"; }
_describe() { print -rl -- "${(P@)@[-1]}"; }
compadd() { print -rl -- "${(P@)@[-1]}"; }
fpath=($COMPLETIONS $fpath)
autoload -Uz _stint
words=("$@") CURRENT=$# service=$1 PREFIX=$@[-1]
_stint
END
zsh_offers() { zsh -f "$T/complete.zsh" "$@" | sed -n 's/^\([^:]*\).*/\1/p'; }

takes() { # COMMAND [KIND]: its options
	stint "$@" --no-such-option 2>&1 < /dev/null | sed -n 's/.*; there are //p' | tr ' ' '\n' | sort
}
commands=$(stint --help | sed -n 's/^  stint \([a-z][a-z-]*\) .*/\1/p')
kinds=$(stint bench 2>&1 | grep -oE '(submit|drain|sleep|latency)' | sort)
like "the commands are known" "$(echo "$commands" | tr '\n' ' ')" '^submit show list .* bench $'
is "and the kinds of benchmark" "$(echo "$kinds" | tr '\n' ' ')" "drain latency sleep submit "

check_bash() { # WITH-WHAT
	is "bash, $1: every command" "$(offers stint '')" "$(printf '%s\n' "$commands" help --version | sort)"
	is "bash, $1: every kind of benchmark" "$(offers stint bench '')" "$kinds"
	for name in $commands; do
		[ "$name" != bench ] || continue
		is "bash, $1: every option of $name" "$(offers stint "$name" --)" "$(takes "$name")"
	done
	for kind in $kinds; do
		is "bash, $1: every option of bench $kind" "$(offers stint bench "$kind" --)" "$(takes bench "$kind")"
	done
	is "bash, $1: help knows the commands too" "$(offers stint help su)" submit
	is "bash, $1: a beginning" "$(offers stint list --sta)" --state
	is "bash, $1: a value out of a list" "$(offers stint list --state d)" dead
	is "bash, $1: roles" "$(offers stint token name '' | tr '\n' ' ')" "admin read submit work "
	is "bash, $1: the options of stintd" "$(offers stintd - | tr '\n' ' ')" "$(stintd -h | grep -oE '^  -.(, -.)?' | tr -d ' ' | tr ',' '\n' | sort | tr '\n' ' ')"
	is "bash, $1: the signals of stintd" "$(offers stintd -s '' | tr '\n' ' ')" "quit reload reopen stop "
	is "bash, $1: no server is no word" "$(offers stint show '')" ""
}
check_bash "bare"
LIBRARY=/usr/share/bash-completion/bash_completion
if [ -r "$LIBRARY" ]; then
	check_bash "with bash-completion"
else
	echo "ok $((n += 1)) # SKIP bash-completion is not installed"
	LIBRARY=
fi

if command -v zsh > /dev/null; then
	is "zsh: every command" "$(zsh_offers stint '' | sort)" "$(printf '%s\n' "$commands" help --version | sort)"
	is "zsh: every kind of benchmark" "$(zsh_offers stint bench '' | sort)" "$kinds"
	for name in $commands; do
		[ "$name" != bench ] || continue
		is "zsh: every option of $name" "$(zsh_offers stint "$name" -- | grep -oE '^(\([^)]*\)|\*)--[a-z-]+' | sed 's/^([^)]*)//; s/^\*//' | sort)" "$(takes "$name")"
	done
else
	echo "ok $((n += 1)) # SKIP zsh is not installed"
fi

# --- what the server has ---
add_conf <<'END'
handler noop { builtin = noop }
handler a:b { builtin = noop }
END
must_start
STINT_URL=$url
submit noop 1 ',"queue":"one queue"'
first=$id
submit a:b 1 ',"queue":"two","delay":"1h"'
second=$id
wait_final "$first"
: > "$T/a payload"
is "ids" "$(offers stint show '')" "$(printf '%s\n' "$first" "$second" | sort)"
is "ids of jobs that an act is for" "$(offers stint run-now '')" "$second"
is "queues, quoted" "$(offers stint pause '' | tr '\n' ' ')" 'default one\ queue two '
is "a queue that is begun" "$(offers stint list --queue 'one\ q')" 'one\ queue'
is "types" "$(offers stint submit no)" noop
is "the server that is named counts" "$(STINT_URL=http://127.0.0.1:1; offers stint pause --url "$url" '' | tr '\n' ' ')" 'default one\ queue two '
is "a payload from a file" "$(cd "$T" && offers stint submit noop '@a')" '@a payload'
if command -v zsh > /dev/null; then
	is "zsh: ids" "$(zsh -f -c '. "$1" > /dev/null; stint_program=stint stint_line=(stint show ""); _stint_ids show' zsh "$T/complete.zsh" 2> /dev/null | cut -d: -f1 | sort)" "$(printf '%s\n' "$first" "$second" | sort)"
fi
finish

# shellcheck shell=bash
# Completion of stint and stintd for bash. Commands and options are read from the --help of the very program that is typed, so they are never old. Ids, queues and types are asked of the server, for
# at most a second; without a server there are none, and nothing is said.

# The options in the help of a command, one a line: "--name ARGUMENT", or "--name" alone; with its letter on a line of its own.
_stint_options() { # PROGRAM COMMAND [KIND]
	"$@" --help 2>/dev/null | command sed -n \
		-e 's/^  \(-[A-Za-z]\), \(--[a-z-]*\) \([^ ][^ ]*\) .*/\1 \3\n\2 \3/p; t' \
		-e 's/^  \(-[A-Za-z]\), \(--[a-z-]*\) .*/\1\n\2/p; t' \
		-e 's/^      \(--[a-z-]*\) \([^ ][^ ]*\) .*/\1 \2/p; t' \
		-e 's/^      \(--[a-z-]*\) .*/\1/p'
}
_stint_commands() { # PROGRAM
	"$1" --help 2>/dev/null | command sed -n 's/^  stint \([a-z-]*\).*/\1/p'
	echo help
}
_stint_kinds() { # PROGRAM
	"$1" bench --help 2>/dev/null | command sed -n 's/^  stint bench \([a-z]*\) .*/\1/p'
}

# What the server says, without the head of the table. An address and a token on the command line count.
_stint_ask() { # COMMAND...
	local i where=()
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		--url | --token) where+=("${words[i]}" "${words[i + 1]}") ;;
		--url=* | --token=*) where+=("${words[i]}") ;;
		esac
	done
	command timeout 1 "${words[0]}" "$@" "${where[@]}" 2>/dev/null </dev/null | command sed 1d
}
_stint_ids() { # COMMAND
	case $1 in
	retry) _stint_ask list --limit 50 --state dead ;;
	run-now)
		_stint_ask list --limit 30 --state scheduled
		_stint_ask list --limit 30 --state retrying
		;;
	*) _stint_ask list --limit 50 ;;
	esac | command sed 's/ .*//'
}
_stint_queues() { _stint_ask queues | command sed 's/  .*//'; }
_stint_types() { _stint_ask list --limit 300 | command awk '{ print $3 }' | command sort -u; }

# The candidates come one a line.
_stint_reply() {
	local one quoted
	while IFS= read -r one; do
		printf -v quoted '%q' "$one"
		[[ -z $one || $quoted != "$cur"* ]] || COMPREPLY+=("$quoted")
	done
	if [[ $cur == *:* ]] && declare -F __ltrim_colon_completions > /dev/null; then __ltrim_colon_completions "$cur"; fi
}
_stint_files() { # [PREFIX]: names of files behind the prefix
	local one
	compopt -o filenames 2>/dev/null
	while IFS= read -r one; do COMPREPLY+=("$one"); done < <(compgen -f -P "${1-}" -- "${cur#"${1-}"}")
}

_stint_value() { # OPTION: its value
	case $1 in
	--conf | -c) _stint_files ;;
	--state) _stint_reply < <(printf '%s\n' scheduled waiting queued running retrying succeeded dead cancelled expired) ;;
	--queue | -q) _stint_reply < <(_stint_queues) ;;
	--type | -t) _stint_reply < <(_stint_types) ;;
	--depends-on) _stint_reply < <(_stint_ids show) ;;
	--content-type) _stint_reply < <(printf '%s\n' application/octet-stream application/xml image/png text/plain) ;;
	esac
}

_stint_operand() { # COMMAND N: the word that has N before it which are no options
	case $1 in
	show) [[ $2 -gt 0 ]] || _stint_reply < <(_stint_ids show) ;;
	cancel | retry | run-now | delete) _stint_reply < <(_stint_ids "$1") ;;
	pause | resume | purge) _stint_reply < <(_stint_queues) ;;
	submit)
		if [[ $2 -eq 0 ]]; then
			_stint_reply < <(_stint_types)
		elif [[ $2 -eq 1 && $cur == @* ]]; then
			_stint_files @
		fi
		;;
	token) [[ $2 -ne 1 ]] || _stint_reply < <(printf '%s\n' read submit work admin) ;;
	bench) [[ $2 -gt 0 ]] || _stint_reply < <(_stint_kinds "${words[0]}") ;;
	help)
		if [[ $2 -eq 0 ]]; then
			_stint_reply < <(_stint_commands "${words[0]}")
		elif [[ $2 -eq 1 && ${words[2]} == bench ]]; then
			_stint_reply < <(_stint_kinds "${words[0]}")
		fi
		;;
	check | backup | export | import) _stint_files ;;
	esac
}

_stint() {
	local cur prev words cword command name argument i n=0 asked
	COMPREPLY=()
	if declare -F _get_comp_words_by_ref > /dev/null; then
		_get_comp_words_by_ref -n := cur prev words cword
	else
		words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
		cur=${words[cword]} prev=${words[cword - 1]}
	fi
	if [[ $cword -eq 1 ]]; then
		_stint_reply < <(_stint_commands "${words[0]}")
		return
	fi
	command=${words[1]}
	asked=("${words[0]}" "$command")
	[[ $command != bench || $cword -lt 3 ]] || asked+=("${words[2]}")

	# Which of the words before are options with a value, and how many are operands.
	local -A takes=()
	while read -r name argument; do takes[$name]=$argument; done < <(_stint_options "${asked[@]}")
	for ((i = 2; i < cword; i++)); do
		case ${words[i]} in
		--)
			[[ $command != work ]] || _stint_command $((i + 1))
			return
			;;
		-?*) [[ -z ${takes[${words[i]}]-} ]] || ((i++)) ;;
		*) ((n++)) ;;
		esac
	done
	if [[ $i -gt $cword ]]; then
		_stint_value "$prev"
	elif [[ $cur == -* ]]; then
		_stint_reply < <(printf '%s\n' "${!takes[@]}" | command grep -e '^--')
	else
		_stint_operand "$command" "$n"
	fi
}

# The command that stint work runs, and its own arguments.
_stint_command() { # ITS PLACE
	if declare -F _command_offset > /dev/null; then
		_command_offset "$1"
	elif [[ $cword -eq $1 ]]; then
		_stint_reply < <(compgen -c -- "$cur")
	else
		_stint_files
	fi
}

_stintd() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	case $prev in
	-c) _stint_files ;;
	-p)
		compopt -o dirnames 2>/dev/null
		;;
	-s) _stint_reply < <(printf '%s\n' stop quit reload reopen) ;;
	*) _stint_reply < <("${COMP_WORDS[0]}" -h 2>/dev/null | command sed -n -e 's/^  \(-[A-Za-z]\), \(-[A-Za-z]\) .*/\1\n\2/p; t' -e 's/^  \(-[A-Za-z]\) .*/\1/p') ;;
	esac
}

complete -F _stint stint
complete -F _stintd stintd

# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Bash completion of seep. Commands and options are asked of the program, which is thus never
# of another opinion; this file knows only what an option's value may be.

_seep_commands() {
	"$1" --help 2>/dev/null | sed -nE 's/^  ([a-z]+)  +[^ ].*/\1/p'
}

# Long options with "=" where a value follows, and short ones.
_seep_options() {
	"$1" "$2" --help 2>/dev/null | sed -nE 's/^ {1,6}(-.*)$/\1/p' | sed -E 's/  .*//' |
		grep -oE -- '(^|[ ,])(--[a-z-]+=?|-[a-zA-Z])' | tr -d ' ,'
}

_seep_value() {
	local command=$1 option=$2 word=$3
	case $option in
	--format)
		case $command in
		diff | types | why | sweep | fleet | top) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$word") ;;
		*) mapfile -t COMPREPLY < <(compgen -W \
			'text json collapsed pprof speedscope html' -- "$word") ;;
		esac
		;;
	--sort)
		case $command in
		top) mapfile -t COMPREPLY < <(compgen -W 'growth memory time cpu pid' -- "$word") ;;
		*) mapfile -t COMPREPLY < <(compgen -W \
			'bytes count growth age total-bytes total-count' -- "$word") ;;
		esac
		;;
	--attach) mapfile -t COMPREPLY < <(compgen -W 'session multi perf-cookie perf' -- "$word") ;;
	-p | --pid) mapfile -t COMPREPLY < <(compgen -W "$(ps -eo pid=)" -- "$word") ;;
	--comm) mapfile -t COMPREPLY < <(compgen -W "$(ps -eo comm=)" -- "$word") ;;
	-o | --output | --cgroup | --config | --store | --suppressions) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	--every | --count | --limit | --samples | --at-most | -d | --delay | -n) ;;
	--only | --exclude | --triage | --trace | --jitter | --probability | --keep | --store-size | \
		--budget | --own-budget | --least-growth) ;;
	--since | --duration | --older | -T | --top | -z | --min-size | -Z | --max-size | -s | --sample | \
		--sample-bytes | --pair | --alloc | --container | --ring-bytes | --max-*) ;;
	*) return 1 ;;
	esac
}

_seep() {
	local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]:-} word=${COMP_WORDS[COMP_CWORD]}
	local before=${COMP_WORDS[COMP_CWORD - 1]} i
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_seep_commands "$program") --help --version" -- "$word")
		return
	fi
	# "--format=js" comes as three words
	if [ "$word" = = ]; then
		word=''
	elif [ "$before" = = ]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	# after `run ... --`, or its command, another program's words follow
	if [ "$command" = run ]; then
		for ((i = 2; i < COMP_CWORD; i++)); do
			if [ "${COMP_WORDS[i]}" = -- ]; then
				if declare -F _command_offset >/dev/null; then
					_command_offset $((i + 1))
				else
					mapfile -t COMPREPLY < <(compgen -c -f -- "$word")
				fi
				return
			fi
		done
	fi
	if _seep_value "$command" "$before" "$word"; then
		return
	fi
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_seep_options "$program" "$command")" -- "$word")
		[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
		return
	fi
	case $command in
	report | diff) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	run) mapfile -t COMPREPLY < <(compgen -c -f -- "$word") ;;
	esac
}

complete -o filenames -F _seep seep

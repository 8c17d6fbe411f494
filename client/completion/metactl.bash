# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Completion of metactl for bash: metactl itself says what can stand at a place. Installed where
# bash-completion finds it; without that: source <(metactl completion bash)
_metactl() {
	local line word cur=${COMP_WORDS[COMP_CWORD]}
	# bash takes words apart at "=".
	[ "$cur" != "=" ] || cur=
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files)
			compopt -o filenames
			while IFS= read -r word; do
				COMPREPLY+=("$word")
			done < <(compgen -f -- "$cur")
			;;
		:directories)
			compopt -o filenames
			while IFS= read -r word; do
				COMPREPLY+=("$word")
			done < <(compgen -d -- "$cur")
			;;
		*)
			word=${line%%$'\t'*}
			[[ $word != *[!a-zA-Z0-9_.,:=/@+-]* ]] || printf -v word %q "$word"
			COMPREPLY+=("$word")
			;;
		esac
	done < <("${1/#~\//$HOME/}" completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _metactl metactl

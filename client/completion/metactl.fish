# SPDX-License-Identifier: GPL-2.0-only
# Completion of metactl for fish: metactl itself says what can stand at a place. Installed where fish
# finds it; without that: metactl completion fish | source
function __metactl_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	for line in ($words[1] completion words -- $words[2..] "$current" 2>/dev/null)
		switch $line
			case :files
				__fish_complete_path "$current"
			case :directories
				__fish_complete_directories "$current"
			case '*'
				echo $line
		end
	end
end
complete -c metactl -f -a '(__metactl_complete)'

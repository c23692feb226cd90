#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# sources.sh - rules about the sources that no compiler checks
set -euo pipefail

cd "$(dirname "$0")/../.."
. tests/tap.sh

# Files written by us, as git sees them: neither ignored nor deleted.
ours() {
	git ls-files --cached --others --exclude-standard -- "$@" | sort -u |
		while read -r file; do
			if [ -f "$file" ]; then echo "$file"; fi
		done
}

# complain_about PATTERN FILE...: fails, showing the lines that match.
complain_about() {
	local pattern=$1
	shift
	! grep -nHE -- "$pattern" "$@"
}

mapfile -t code < <(ours '*.c' '*.h')
mapfile -t core < <(ours 'dm-vhdx/core/*.[ch]')
mapfile -t core_but_gate < <(printf '%s\n' "${core[@]}" | grep -v '/platform\.h$')
mapfile -t outside_compat < <(printf '%s\n' "${code[@]}" | grep -vx dm-vhdx/compat.h)
mapfile -t scripts < <(ours '*.sh' '*.t' Makefile '*/Makefile' Kbuild .ci/run tests/run tests/vm/init)
mapfile -t text < <(ours '*.rst' '*.md' '*.8' '*.7')

spdx_lines() {
	local file want bad=0

	for file in "$@"; do
		case $file in
		*.c) want='// SPDX-License-Identifier: GPL-2.0-only' ;;
		*.h) want='/* SPDX-License-Identifier: GPL-2.0-only */' ;;
		*) want='# SPDX-License-Identifier: GPL-2.0-only' ;;
		esac
		if ! head -n 2 "$file" | grep -qxF "$want"; then
			echo "$file: no line $want"
			bad=1
		fi
	done
	return $bad
}

file_lengths() {
	wc -l "$@" | awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines"; bad = 1 }
		END { exit bad }'
}

# 70 lines, but for ctr, the message switch, and tables of tests.
function_lengths() {
	awk 'FNR == 1 { start = 0 }
		/^[a-z].*[^;]$/ && /\(/ && !/=/ { name = $0 }
		/^{/ { start = FNR }
		/^}/ && start {
			if (FNR - start - 1 > 70 && name !~ /_ctr\(|_message\(/) {
				print FILENAME ":" start ": " FNR - start - 1 " lines: " name
				bad = 1
			}
			start = 0
		}
		END { exit bad }' "$@"
}

# core/ sees nothing but core/, and only the gate sees the kernel or libc.
core_includes() {
	local bad=0 file name

	while IFS=: read -r file name; do
		if [ ! -f "dm-vhdx/core/$name" ]; then
			echo "$file includes $name, which is not in core/"
			bad=1
		fi
	done < <(sed -nsE '/^[ \t]*#[ \t]*include[ \t]+"/{s/.*"(.*)".*/\1/;F;p}' "$@" | paste -d: - -)
	complain_about '^[ 	]*#[ 	]*include[ 	]+<' "${core_but_gate[@]}" || bad=1
	return $bad
}

# An arrow never turns round: header and code of one name, taken together,
# depend on others without a circle.
core_layers() {
	sed -nsE '/^#[ \t]*include[ \t]+"/{s/.*"(.*)\.h".*/\1/;F;p}' "$@" | paste - - |
		sed -E 's,^dm-vhdx/core/([^.]*)\.[ch],\1,' |
		awk -f tests/lint/layers.awk | tsort >/dev/null
}

tap_check 'every file names its licence' spdx_lines "${code[@]}" "${scripts[@]}"
tap_check 'no file is longer than 800 lines' file_lengths "${code[@]}" "${scripts[@]}"
tap_check 'no function is longer than 70 lines' function_lengths "${code[@]}"
tap_check 'core includes nothing outside core' core_includes "${core[@]}"
tap_check 'no layer of the core includes one above it' core_layers "${core[@]}"
tap_check 'only compat.h names a kernel version' \
	complain_about 'LINUX_VERSION_CODE|KERNEL_VERSION' "${outside_compat[@]}"
tap_check 'nothing is left to do or to fix' \
	complain_about '\b(TO''DO|FIX''ME|XX''X)\b' "${code[@]}" "${scripts[@]}" "${text[@]}"
tap_check 'nothing brings the kernel down' \
	complain_about '\b(BUG|BUG_ON|panic)\(' "${code[@]}"
tap_check 'no path of somebody'\''s machine' \
	complain_about '/(home|work|Users)/[a-z]' "${code[@]}" "${scripts[@]}" "${text[@]}"
tap_done

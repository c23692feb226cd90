#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# shell.sh - shellcheck for every script
set -euo pipefail

cd "$(dirname "$0")/../.."
. tests/tap.sh

while read -r script; do
	[ -f "$script" ] || continue
	case $(head -n 1 "$script") in
	'#!'*sh | '# SPDX'*) ;;
	*) continue ;; # another language
	esac
	tap_check "shellcheck $script" shellcheck -x -e SC1091 -P "$(dirname "$script")" "$script"
done < <({
	git ls-files --cached --others --exclude-standard -- '*.sh' '*.t'
	git grep -lE --untracked '^#!/bin/(ba)?sh'
} | sort -u)
tap_done

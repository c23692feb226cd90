#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# log-writes.sh - check natively what log_writes.t has recorded
#
#   log-writes.sh DIR [SEED]
#
# Each folder of DIR is a workload: image.vhdx before it, the logs low and top,
# the size of the device. Every state that the power could have left is checked;
# those that are wrong go to its folder states, and a few more to be mapped.
set -euo pipefail

cd "$(dirname "$0")/../.."
. tests/tap.sh
dir=$1 seed=${2:-1}

# One boundary in EVERY is also reordered and torn.
replay() { # FOLDER [OPTION...]
	mkdir -p "$1/states"
	build/tests/log-writes replay --seed="$seed" --random=8 --every="${EVERY:-1}" \
		--keep="$1/states" --states=4 "${@:2}" \
		"$1/image.vhdx" "$(<"$1/bytes")" "$1/low" "$1/top" >"$1/figures" ||
		{ cat "$1/figures"; return 1; }
}

# Would it be seen? One write in a hundred that change the disk is left out.
found() { # FOLDER
	local status=0

	build/tests/log-writes replay --random=0 --every=1000000 --drop=100 \
		"$1/image.vhdx" "$(<"$1/bytes")" "$1/low" "$1/top" || status=$?
	[ $status = 1 ]
}

for folder in "$dir"/*/; do
	folder=${folder%/} options=()
	# A guest's file system must have been there.
	case $folder in
	*/ext4|*/xfs|*/ledger) options=(--from=mounted.1) ;;
	esac
	tap_check "${folder##*/}, the power cut at any time" replay "$folder" "${options[@]}"
	cat "$folder/figures"
	tap_check "${folder##*/}, lost writes are found" found "$folder"
done
tap_done

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# log-writes.sh - check natively what log_writes.t has recorded
#
#   log-writes.sh DIR LOGS [SEED]
#
# Each folder of DIR is a workload: image.vhdx before it, the size of the device,
# and where in the file LOGS its two logs begin. Every state that the power could have left is checked;
# those that are wrong go to its folder states, and a few more to be mapped.
set -euo pipefail

cd "$(dirname "$0")/../.."
. tests/tap.sh
dir=$1 logs=$2 seed=${3:-1}

# log_writes [OPTION...] FOLDER
log_writes() {
	local folder=${*: -1}

	build/tests/log-writes "${@:1:$#-1}" "$folder/image.vhdx" "$(<"$folder/bytes")" \
		"$logs@$(<"$folder/low")" "$logs@$(<"$folder/top")"
}

# One boundary in EVERY is also reordered and torn.
replay() { # FOLDER [OPTION...]
	mkdir -p "$1/states"
	log_writes --seed="$seed" --random=8 --every="${EVERY:-1}" --keep="$1/states" \
		--states=2 "${@:2}" "$1" >"$1/figures" || { cat "$1/figures"; return 1; }
}

# Would it be seen? One write in a hundred that change the disk is left out.
found() { # FOLDER
	local status=0

	log_writes --random=0 --every=1000000 --drop=100 "$1" || status=$?
	[ $status = 1 ]
}

for folder in "$dir"/*/; do
	folder=${folder%/} options=()
	# A guest's file system must have been there.
	case $folder in
	*/ext4|*/xfs|*/ledger|*/sqlite) options=(--from=mounted.1) ;;
	esac
	tap_check "${folder##*/}, the power cut at any time" replay "$folder" "${options[@]}"
	cat "$folder/figures"
	tap_check "${folder##*/}, lost writes are found" found "$folder"
done
tap_done

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Images that qemu-img makes, in every way it knows: we read what QEMU reads,
# find nothing wrong, and what we have compacted QEMU reads as before.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if ! command -v qemu-img >/dev/null; then
	tap_skip "images by qemu-img" "there is no qemu-img"
	tap_done
	exit
fi

# made IMAGE SIZE OPTIONS: by qemu-img, with something in it, as IMAGE.raw too
made() {
	local format options=()

	format=$(qemu_format "$1")
	[ -z "$3" ] || options=(-o "$3")
	rm -f "$1"
	qemu-img create -q -f "$format" "${options[@]}" "$1" "$2"
	qemu "$1" "write -P 1 0 512" "write -P 2 1000k 1500k" "write -P 3 7M 1M" \
		"write -z 7100k 100k" "write -P 4 3M 4k"
	qemu-img convert -f "$format" -O raw "$1" "$1.raw"
}

# holds IMAGE: what IMAGE.raw does
holds() {
	local bytes

	bytes=$(stat -c %s "$1.raw")
	"$TOOL" dump --json "$1" >dump.json
	json "d['virtual_bytes'] == $bytes" dump.json
	[ "$(content "$1")" = "$(sha256 <"$1.raw")" ]
	sound "$1"
	qemu-img compare -q -f "$(qemu_format "$1")" -F raw "$1" "$1.raw"
	[ "$(qemu_format "$1")" = vpc ] || qemu-img check -q "$1"
}

both_agree() { # IMAGE SIZE OPTIONS
	made "$@"
	untouched "$1" holds "$1"
	case $1:$3 in
	*.vhd:*fixed*) refuses 4 "(32770, not supported)" "$TOOL" compact "$1" ;;
	*) "$TOOL" compact "$1" ;;
	esac
	holds "$1"
}

# Whole MiB, and a size that is whole in no unit
for size in 20M 9438720; do
	for options in "" subformat=fixed block_size=1M block_size=256M \
		block_state_zero=off,log_size=3M; do
		tap_check "vhdx of $size${options:+, $options}" both_agree a.vhdx $size "$options"
	done
	for options in "" force_size=on subformat=fixed subformat=fixed,force_size=on; do
		tap_check "vhd of $size${options:+, $options}" both_agree a.vhd $size "$options"
	done
done

# converted IMAGE OPTIONS: a raw disk that QEMU made an image of
converted() {
	qemu-img convert -f raw -O "$(qemu_format "$1")" -o "$2" disk.raw "$1"
	cp --sparse=always disk.raw "$1.raw"
	holds "$1"
}

truncate -s 12M disk.raw
for at in 0 3 4 11; do
	head -c 300000 "$TOOL" | dd of=disk.raw bs=64k seek=$((at * 16)) conv=notrunc status=none
done
tap_check "a raw disk as a dynamic vhdx" converted a.vhdx subformat=dynamic
tap_check "a raw disk as a fixed vhdx" converted a.vhdx subformat=fixed
tap_check "a raw disk as a dynamic vhd" converted a.vhd subformat=dynamic,force_size=on
tap_check "a raw disk as a fixed vhd" converted a.vhd subformat=fixed,force_size=on
tap_done

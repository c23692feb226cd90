#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# create: what it makes is sound, empty, and the same to QEMU and libvhdi.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# made FILE BYTES OPTION...: create it, then everyone agrees on it
made() {
	local file=$1 bytes=$2
	shift 2
	"$TOOL" create --size="$bytes" "$@" "$file"
	sound "$file"
	# QEMU reads no images with sectors of 4096 bytes.
	[[ $* = *4096* ]] || agrees "$file"
	"$TOOL" dump --json "$file" >dump.json
	json "d['virtual_bytes'] == $bytes" dump.json
	"$TOOL" map --json "$file" >map.json
	json "sum(e['length'] for e in d['extents']) == $bytes" map.json
	if [ "$file" = a.vhd ]; then
		vhdiinfo "$file" >info
		grep -q "($bytes bytes)" info
	fi
	rm "$file"
}

MIB=1048576
for block in 1 2 32 256; do
	tap_check "vhdx, blocks of $block MiB" \
		made a.vhdx $((70 * MIB)) --block-size=${block}M
done
tap_check "vhdx, sectors of 4096" made a.vhdx $((70 * MIB)) --sector-size=4096
tap_check "vhdx, an odd size" made a.vhdx $((70 * MIB + 512))
tap_check "vhdx, fixed" made a.vhdx $((70 * MIB)) --type=fixed
tap_check "vhd, dynamic" made a.vhd $((70 * MIB)) --format=vhd
tap_check "vhd, blocks of 512 KiB" made a.vhd $((70 * MIB)) --format=vhd --block-size=512K
tap_check "vhd, fixed" made a.vhd $((70 * MIB)) --format=vhd --type=fixed

defaults() {
	"$TOOL" create --size=1G a.vhdx
	"$TOOL" create --size=1G --format=vhd a.vhd
	"$TOOL" dump --json a.vhdx >dump.json
	json "d['format'] == 'vhdx' and d['type'] == 'dynamic' and d['block_bytes'] == 32 << 20 and d['sector_bytes'] == 512" dump.json
	"$TOOL" dump --json a.vhd >dump.json
	json "d['format'] == 'vhd' and d['block_bytes'] == 2 << 20" dump.json
	rm a.vhdx a.vhd
}

largest() {
	"$TOOL" create --size=64T --block-size=256M a.vhdx
	"$TOOL" create --size=2040G --format=vhd a.vhd
	sound a.vhdx
	sound a.vhd
	qemu-img check -q a.vhdx
	rm a.vhdx a.vhd
}

sizes() {
	local size

	for size in 20971520 20480K 20480KiB 20M; do
		"$TOOL" create --size=$size a.vhdx
		"$TOOL" dump --json a.vhdx >dump.json
		json "d['virtual_bytes'] == 20 << 20" dump.json
		rm a.vhdx
	done
	"$TOOL" create --size=1024KB --sector-size=512 a.vhdx
	"$TOOL" dump --json a.vhdx >dump.json
	json "d['virtual_bytes'] == 1024000" dump.json
	rm a.vhdx
}

two_differ() {
	"$TOOL" create --size=8M a.vhdx
	"$TOOL" create --size=8M b.vhdx
	"$TOOL" dump --json a.vhdx >a.json
	"$TOOL" dump --json b.vhdx >b.json
	json "d['id'] != json.load(open('b.json'))['id']" a.json
	rm a.vhdx b.vhdx
}

# refused TEXT CODE OPTION...: no file is left
refused() {
	local text=$1 code=$2
	shift 2
	refuses "$code" "$text" "$TOOL" create "$@" new.vhdx
	[ ! -e new.vhdx ]
}

tap_check "defaults are those of Windows" defaults
tap_check "the largest disks" largest
tap_check "spellings of a size" sizes
tap_check "every image has an id of its own" two_differ
tap_check "no size" refused "--size is missing" 1
tap_check "no such unit" refused "not a size" 1 --size=5X
tap_check "a size past 64 bits" refused "not a size" 1 --size=99999999999999999999
tap_check "a product past 64 bits" refused "not a size" 1 --size=99999999T
tap_check "a negative size" refused "not a size" 1 --size=-1
tap_check "part of a sector" refused "whole sectors" 1 --size=1000
tap_check "nothing" refused "whole sectors" 1 --size=0
tap_check "a vhdx too large" refused "64T" 1 --size=65T
tap_check "a vhd too large" refused "2040G" 1 --format=vhd --size=2041G
tap_check "a vhd of part of a MiB" refused "whole MiB" 1 --format=vhd --size=1000K
tap_check "a vhd with large sectors" refused "512" 1 --format=vhd --size=1G --sector-size=4096
tap_check "a block of no power of two" refused "power of two" 1 --size=1G --block-size=3M
tap_check "a block too small" refused "1M to 256M" 1 --size=1G --block-size=512K
tap_check "a block too large" refused "1M to 256M" 1 --size=1G --block-size=512M
for block in 256 512M; do
	tap_check "a vhd block of $block" refused "512 bytes to 256M" 1 \
		--format=vhd --size=1G --block-size=$block
done
tap_check "more blocks than a vhd can hold" refused "needs larger blocks" 1 \
	--format=vhd --size=2040G --block-size=512K
tap_check "a sector of 1024" refused "512 or 4096" 1 --size=1G --sector-size=1024
tap_check "no such format" refused "not a format" 1 --size=1G --format=qcow2
tap_check "no such type" refused "not a type" 1 --size=1G --type=sparse
tap_check "differencing" refused "differencing" 4 --size=1G --type=differencing
: >there
tap_check "a file that exists" untouched there \
	refuses 5 "exists already" "$TOOL" create --size=1G there
tap_check "no such directory" refuses 4 "no such directory" "$TOOL" create --size=1G no/new
mkdir locked
chmod 555 locked
tap_check "no permission" refuses 2 "Permission denied" \
	as_nobody "$TOOL" create --size=1G locked/new
# Stopped at any moment there is a whole image, or none.
stopped() {
	local delay status

	for delay in 0.005 0.01 0.02 0.05 0.1 0.2; do
		status=0
		timeout "$delay" "$TOOL" create --size=64T --block-size=1M new.vhdx || status=$?
		echo "status $status after $delay s"
		[ ! -e new.vhdx ] || { sound new.vhdx; rm new.vhdx; }
	done
}
tap_check "SIGTERM" stopped
limited() (
	ulimit -f 100
	refuses 1 "forbids a file of this length" "$TOOL" create --size=1G new.vhdx
	[ ! -e new.vhdx ]
)
tap_check "a limit of the file size" limited
tap_done

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Whatever is handed in: one line that names what is wrong, the right exit code,
# nothing changed, and no complaint of the kernel (which ends the whole run).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=$((64 * MIB))

# poke FILE OFFSET BYTES: overwrite with bytes in printf's notation
poke() {
	# shellcheck disable=SC2059
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# refused FINDING CODE IMAGE: by both faces, in one line, image untouched
refused() {
	local before status=0 said

	before=$(sha256sum <"$3")
	dmesg -C
	fails map "$3" bad $SIZE
	dmesg
	dmesg | grep -q "vhdx.*$1"
	said=$("$TOOL" open "$3" bad 2>&1) || status=$?
	echo "$said"
	[ "$status" = "$2" ]
	grep -q "$1" <<<"$said"
	[ "$(wc -l <<<"$said")" = 1 ]
	fails dmsetup info bad
	[ "$(sha256sum <"$3")" = "$before" ]
}

# as refused, and check says corrupt
corrupt() {
	local status=0

	refused "$@"
	"$TOOL" check "$3" || status=$?
	[ "$status" = 6 ]
}

# bad NAME FINDING CODE COMMAND...: make a fresh image bad by COMMAND, run it
# through refused() or, where the tool's code is 1, corrupt()
bad() {
	local name=$1 finding=$2 code=$3 how=refused
	shift 3
	cp --sparse=always "$fresh" "$image"
	"$@"
	[ "$code" != 1 ] || how=corrupt
	tap_check "$kind: $name" "$how" "$finding" "$code" "$image"
}

both_headers() { # OFFSET BYTES
	poke "$image" $((64 * 1024 + $1)) "$2"
	poke "$image" $((128 * 1024 + $1)) "$2"
}

# An entry of the BAT, which a fresh image of ours keeps where dump says.
bat_entry() { # INDEX LITTLE-ENDIAN-BYTES
	poke "$image" $((bat + 8 * $1)) "$2"
}

not_files() {
	local status=0

	fails map $H bad $SIZE
	fails map $H/missing bad $SIZE
	fails_with "$H" "$TOOL" open $H bad
	fails_with missing "$TOOL" open $H/missing bad
	"$TOOL" open $H/missing bad || status=$?
	[ "$status" = 4 ]
	mkfifo $H/fifo
	fails timeout 10 "$TOOL" open $H/fifo bad
	# Opening a FIFO for its reader's sake would wait for ever.
	(fails timeout -s KILL 20 dmsetup create bad --table "0 8 vhdx $H/fifo 0")
	fails map /dev/zero bad $SIZE
}

# Table lines that nobody should write.
table_lines() {
	local line

	"$TOOL" create --size=$SIZE "$image"
	for line in "0 8 vhdx" "0 8 vhdx $image" "0 8 vhdx $image 1" "0 8 vhdx $image 1 nonsense" \
		"0 8 vhdx $image 2 commit_ms x" "0 8 vhdx $image 2 commit_ms" \
		"0 999999999999 vhdx $image 0" "0 8 vhdx fd:99999 0" "0 8 vhdx fd:x 0" \
		"0 8 vhdx $image 2 read_only" "8 8 vhdx $image 0" "0 8 vhdx $image 2 parent $image"; do
		fails dmsetup create bad --table "$line"
		fails dmsetup info bad
	done
	sound "$image"
}

host_fs ext4
tap_check 'directories, FIFOs, devices and nothing at all' not_files

kind=vhdx fresh=$H/fresh.vhdx image=$H/bad.vhdx
"$TOOL" create --size=$SIZE --block-size=1M $fresh
bat=$("$TOOL" dump --json $fresh | jq .bat_offset_bytes)
[ "$bat" -gt 0 ]
tap_check 'table lines with mistakes' table_lines
bad 'an empty file' NOT_AN_IMAGE 4 truncate -s 0 $image
bad 'zeros only' NOT_AN_IMAGE 4 cp --sparse=always <(head -c 1M /dev/zero) $image
bad 'cut off in the headers' '' 1 truncate -s 100K $image
bad 'cut off in the metadata' '' 1 truncate -s 1100K $image
bad 'both header checksums wrong' NO_VALID_HEADER 1 both_headers 8 '\x77'
bad 'a BAT entry past the end' BLOCK_PAST_END 1 bat_entry 0 '\x06\x00\x00\x00\x01'
bad 'a BAT entry in the header section' BLOCK_IN_HEADER 1 bat_entry 0 '\x06\x00\x00\x00'
bad 'a BAT entry with a reserved state' BAT_STATE 1 bat_entry 0 '\x04'
bad 'a BAT entry over the log' BLOCK_OVERLAP 1 bat_entry 0 '\x06\x00\x10\x00'
bad 'a BAT entry with reserved bits' BAT_RESERVED_BITS 1 bat_entry 0 '\x08'
"$TOOL" create --size=$SIZE --type=fixed $H/fixed.vhdx
fresh=$H/fixed.vhdx
bad 'a fixed image that is too short' '' 1 truncate -s 40M $image

kind=vhd fresh=$H/fresh.vhd image=$H/bad.vhd
"$TOOL" create --size=$SIZE $fresh
bad 'no footer at all' '' 1 dd if=/dev/zero of=$image bs=512 count=1 conv=notrunc status=none
truncate -s 0 $image
bad 'an empty file' '' 4 truncate -s 0 $image
bad 'a dynamic header with a wrong checksum' VHD_HEADER_CHECKSUM 1 poke $image 600 '\x77'
bad 'a BAT entry past the end' BLOCK_PAST_END 1 poke $image 1536 '\x00\x77\x77\x77'
bad 'a BAT entry over the headers' BLOCK_OVERLAP 1 poke $image 1536 '\x00\x00\x00\x02'
"$TOOL" create --size=$SIZE --type=fixed $H/fixed.vhd
fresh=$H/fixed.vhd
bad 'a fixed image without its end' '' 4 truncate -s 40M $image
tap_done

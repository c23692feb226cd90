#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Whatever is handed in: one line that names what is wrong, the right exit code,
# nothing changed, and no complaint of the kernel (which ends the whole run).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=$((64 * MIB))
TEN=$((10 * 512)) # any image has as much of a disk

ORIGINAL=/dev/shm/original

unchanged() { # IMAGE
	cmp "$1" $ORIGINAL
}

# names FINDING: the kernel log does, since this was last asked
names() {
	local log line="vhdx[^"$'\n'"]*\\<$1\\>"

	log=$(dmesg -c)
	echo "$log"
	[[ $log =~ $line ]]
}

refused() { # IMAGE FINDING [ARG]
	fails map "$1" bad $TEN "${@:3}"
	names "$2"
	[ ! -e /dev/mapper/bad ]
	unchanged "$1"
}

readable() { # IMAGE
	map "$1" bad $TEN --readonly read_only
	dd if=/dev/mapper/bad of=/dev/null bs=4k count=1 iflag=direct status=none
	unmap bad
	unchanged "$1"
}

# As its list says: fatal, refused for writing only, or untidy
broken() { # IMAGE FINDING SEVERITY
	case $3 in
	fatal)
		refused "$1" "$2"
		refused "$1" "$2" --readonly read_only
		;;
	write)
		refused "$1" "$2"
		readable "$1"
		;;
	untidy) readable "$1" ;;
	esac
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
	fails timeout "$(patience 10)" "$TOOL" open $H/fifo bad
	# Opening a FIFO for its reader's sake would wait for ever.
	(fails timeout -s KILL "$(patience 20)" dmsetup create bad --table "0 8 vhdx $H/fifo 0")
	fails map /dev/zero bad $SIZE
}

# Table lines that nobody should write.
table_lines() {
	local line

	create "$image" "$SIZE"
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
check 'directories, FIFOs, devices and nothing at all' not_files
image=$H/sound.vhdx
check 'table lines with mistakes' table_lines

number=0
dmesg -C
while IFS=$'\t' read -r name finding severity _; do
	number=$((number + 1))
	[ $((number % $(long 1 10 30))) = 0 ] || continue
	cp --sparse=always "$BUILT/images/$name" $ORIGINAL
	cp --sparse=always $ORIGINAL "$H/$name"
	tap_check "$name: $finding" broken "$H/$name" "$finding" "$severity"
	rm "$H/$name"
done <"$BUILT/images/EXPECTED"
rm -f $ORIGINAL
check 'nothing of them is mapped' fails dmsetup info bad
tap_done

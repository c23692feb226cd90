#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The host's disk fails at any moment, in the middle of writing, discarding and
# compacting; what had been flushed is there when the disk is back.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=$((64 * MIB))
STATE=$(mktemp /dev/shm/power.XXXXXX)

host_disk() { # linear|error
	local sectors

	sectors=$(blockdev --getsz /dev/vda)
	case $1 in
	linear) echo "0 $sectors linear /dev/vda 0" ;;
	error) echo "0 $sectors error" ;;
	esac
}

host_up() {
	dmsetup create power --table "$(host_disk linear)"
	mount /dev/mapper/power $H
}

host_down() {
	umount $H
	dmsetup remove --retry power
}

# Whatever has not reached the disk by now never will.
cut() {
	dmsetup suspend --nolockfs --noflush power
	dmsetup load power --table "$(host_disk error)"
	dmsetup resume power
}

cycle() { # IMAGE NUMBER
	local writer

	host_up
	map "$1" disk $SIZE commit_ms 20
	"$BUILT/power" write /dev/mapper/disk "$STATE" "$2" &
	writer=$!
	sleep $((2 + $2 % 2))
	[ $(($2 % 2)) = 0 ] || dmsetup message disk 0 compact start pretrimmed
	sleep 0.$(($2 * 37 % 100))
	cut
	wait $writer
	unmap disk
	host_down

	host_up
	"$TOOL" check "$1" || [ $? = 7 ]
	map "$1" disk $SIZE
	"$BUILT/power" verify /dev/mapper/disk "$STATE"
	unmap disk
	host_down
}

pairs=(ext4:vhdx)
[ "$LENGTH" != all ] || mapfile -t pairs < <(dealt ext4:vhdx ext4:vhd xfs:vhd xfs:vhdx)
for pair in "${pairs[@]}"; do
	fs=${pair%:*} kind=${pair#*:}
	# A cycle that failed may have left it.
	! dmsetup info power >/dev/null 2>&1 || host_down
	host_fs "$fs"
	rm -f "$STATE"
	case $kind in
	vhdx) "$TOOL" create --size=$SIZE --block-size=1M "$H/disk.vhdx" ;;
	vhd) "$TOOL" create --format=vhd --size=$SIZE "$H/disk.vhd" ;;
	esac
	umount $H
	for number in $(long '1 2 3 4' 1); do
		tap_check "cut $number, a $kind on $fs" cycle "$H/disk.$kind" "$number"
	done
done
rm -f "$STATE"
tap_done

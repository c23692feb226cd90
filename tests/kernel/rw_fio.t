#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Random writes, reads, trims and flushes, verified by fio and by a model.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=$((128 * MIB))

# fio writes each place after a trim of it, trims one in ten again, wants zeros
# there, and everything else as it was written.
verified() { # DEVICE SIZE
	fio --name=verify --filename="$1" --size="$2" --direct=1 --ioengine=libaio \
		--iodepth=16 --rw=randtrimwrite --bsrange=512-1M --fsync=64 --randseed=2 \
		--trim_percentage=10 --trim_backlog=64 --trim_verify_zero=1 \
		--verify=crc32c --verify_fatal=1 --output-format=terse >"$H/fio" ||
		{ cat "$H/fio"; return 1; }
}

# Many at once in the same blocks: allocation, locks, group commit.
crowded() { # DEVICE
	fio --name=crowd --filename="$1" --size="$(long 32M 16M 4M)" --direct=1 \
		--ioengine=libaio --iodepth=8 \
		--numjobs=4 --offset_increment=32M --rw=randwrite --bsrange=512-64k --fsync=16 \
		--randseed=3 --verify=crc32c --verify_fatal=1 --group_reporting \
		--output-format=terse >"$H/fio" || { cat "$H/fio"; return 1; }
}

fio_on() { # IMAGE
	map "$1" disk "$SIZE"
	verified /dev/mapper/disk "$(long "$SIZE" $((64 * MIB)) $((16 * MIB)))"
	crowded /dev/mapper/disk
	dump /dev/mapper/disk "$H/dump"
	unmap disk
	agree "$1" "$H/dump"
}

# alone: QEMU cannot read it
model_on() { # IMAGE BYTES [alone]
	local run steps

	# Buffered as it mostly is, a btrfs takes long; others wait for each flush.
	case $fs in
	btrfs | nfs | ocfs2) steps=600 ;;
	*) steps=$(long 1500 300 150) ;;
	esac

	rm -f "$H/model"
	for run in 1 2 3; do
		map "$1" disk "$2"
		"$BUILT/shadow" /dev/mapper/disk "$H/model" $run "$steps"
		unmap disk
		sound "$1"
	done
	map "$1" disk "$2" --readonly read_only
	"$BUILT/compare" "$1" /dev/mapper/disk
	dump /dev/mapper/disk "$H/dump"
	unmap disk
	[ "${3:-}" = alone ] || others_read "$1" "$H/dump"
}

zeros_detected() {
	dmsetup message disk 0 stats | grep -o 'zeroes_detected [0-9]*'
}

# A write of zeros is left out where all readers see zeros, not where only we do:
# under a VHD's clear bits QEMU shows the data, a soft anchor may show its space.
detects_zeros() {
	local at

	create $H/disk.vhd 8M
	map $H/disk.vhd disk $((8 * MIB))
	dd if=/dev/urandom of=/dev/mapper/disk bs=2M count=1 oflag=direct status=none
	unmap disk
	at=$("$TOOL" map --json $H/disk.vhd | jq '.extents[] | select(.data).offset')
	dd if=/dev/zero of=$H/disk.vhd bs=512 seek=$((at / 512 - 1)) count=1 conv=notrunc status=none
	map $H/disk.vhd disk $((8 * MIB)) detect_zeroes
	dd if=/dev/zero of=/dev/mapper/disk bs=2M count=1 oflag=direct status=none
	dd if=/dev/zero of=/dev/mapper/disk bs=4k count=1 seek=512 oflag=direct status=none
	[ "$(zeros_detected)" = 'zeroes_detected 1' ]
	dump /dev/mapper/disk $H/dump
	unmap disk
	agree $H/disk.vhd $H/dump

	cp "$BUILT/images/vhdx-anchor.vhdx" $H/disk.vhdx
	fails sound $H/disk.vhdx
	map $H/disk.vhdx disk $((3 * MIB)) detect_zeroes
	dd if=/dev/zero of=/dev/mapper/disk bs=4k count=1 oflag=direct status=none
	dd if=/dev/zero of=/dev/mapper/disk bs=4k count=1 seek=512 oflag=direct status=none
	[ "$(zeros_detected)" = 'zeroes_detected 1' ]
	unmap disk
	sound $H/disk.vhdx
}

host_fs ext4
check 'detect_zeroes' detects_zeros
for pair in ext4:vhdx $(long 'ext4:vhd xfs:vhdx xfs:vhd btrfs:vhdx' ''); do
	fs=${pair%:*} kind=${pair#*:}
	host_fs "$fs"
	create "$H/disk.$kind" "$SIZE"
	check "fio on $kind on $fs" fio_on "$H/disk.$kind"
done

[ "$LENGTH" != all ] || unpack_packages
for fs in $(long 'ext4 xfs btrfs f2fs nfs ocfs2 tmpfs' "$(dealt tmpfs xfs)"); do
	host_fs "$fs"
	create $H/disk.vhdx 64M --block-size=1M
	check "odd ranges in 1 MiB blocks on $fs" model_on $H/disk.vhdx $((64 * MIB))
	create $H/disk.vhd 64M
	check "odd ranges in a VHD on $fs" model_on $H/disk.vhd $((64 * MIB))
done
create $H/disk.vhdx 64M --block-size=1M --sector-size=4096
check 'odd ranges in 4096 byte sectors' model_on $H/disk.vhdx $((64 * MIB)) alone
if [ "$LENGTH" = all ]; then
	create $H/disk.vhdx 96M
	check 'odd ranges in 32 MiB blocks' model_on $H/disk.vhdx $((96 * MIB))
	create $H/disk.vhdx 64M --type=fixed
	check 'odd ranges in a fixed VHDX' model_on $H/disk.vhdx $((64 * MIB))
	create $H/disk.vhd 64M --type=fixed
	check 'odd ranges in a fixed VHD' model_on $H/disk.vhd $((64 * MIB))
fi
tap_done

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suspend, resume, reload and remove, again and again, while it is written,
# discarded and compacted.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=$((128 * MIB))
LOOPS=$(long 30 9 8)

load() { # writes, verified at the end of it
	fio --name=load --filename=/dev/mapper/disk --size=96M --direct=1 --ioengine=libaio \
		--iodepth=16 --rw=randwrite --bsrange=512-128k --fsync=32 --randseed=4 \
		--verify=crc32c --verify_fatal=1 --time_based --runtime="$1" \
		--output="$H/fio" &
	loader=$!
}

loaded() {
	wait "$loader" || { cat "$H/fio"; return 1; }
}

# Writes and discards where fio does not write: blocks come and go.
churn() {
	"$BUILT/load" churn /dev/mapper/disk 96 32 "$1" churn 4 &
	churner=$!
}

loops() { # IMAGE
	local i table started=0

	map "$1" disk $SIZE
	table=$(dmsetup table disk)
	load $((LOOPS / 3))
	churn $((LOOPS / 3))
	for ((i = 0; i < LOOPS; i++)); do
		# Unless the last one is still under way.
		dmsetup message disk 0 compact start pretrimmed && started=$((started + 1))
		case $((i % 4)) in
		0) dmsetup suspend disk ;;
		1) dmsetup suspend --noflush disk ;;
		2) dmsetup suspend --nolockfs disk ;;
		3)
			dmsetup reload disk --table "$table"
			dmsetup suspend disk
			;;
		esac
		dmsetup message disk 0 commit || :
		dmsetup status disk
		[ $((i % 3)) != 0 ] || dmsetup suspend disk
		dmsetup resume disk
		mode_is rw
	done
	[ $started -gt 0 ]
	loaded
	wait "$churner"
	dump /dev/mapper/disk "$H/dump"
	unmap disk
	agree "$1" "$H/dump"
}

# What status and table print is what house rules promise.
lines() { # IMAGE
	local table

	map "$1" disk $SIZE no_discard commit_ms 100
	table=$(dmsetup table disk)
	echo "$table"
	dmsetup status disk
	dmsetup remove disk
	dmsetup create disk --table "$table"
	[ "$(dmsetup table disk)" = "$table" ]
	[ "$(blockdev --getsize64 /dev/mapper/disk)" = $SIZE ]
	dmsetup status disk | grep -qE 'vhdx [0-9 /]+.* (rw|ro|fail)$'
	[ "$(queue_limit disk discard_max_bytes)" = 0 ]
	unmap disk
}

# A table that was loaded and never used leaves no trace.
loaded_only() { # IMAGE
	local before i

	before=$(sha256sum <"$1")
	for ((i = 0; i < $(long 10 3); i++)); do
		dmsetup create disk --notable
		dmsetup load disk --table "0 $((SIZE / 512)) vhdx $1 0"
		dmsetup remove disk
	done
	[ "$(sha256sum <"$1")" = "$before" ]
}

# While suspended the image is whole: a copy of it is a copy of the disk.
copied() { # IMAGE
	map "$1" disk $SIZE
	fio --name=fill --filename=/dev/mapper/disk --size=32M --direct=1 --rw=randwrite \
		--bsrange=4k-256k --output="$H/fio"
	dump /dev/mapper/disk "$H/dump"
	dmsetup suspend disk
	cp --sparse=always "$1" "$H/copy.${1##*.}"
	dmsetup resume disk
	unmap disk
	agree "$H/copy.${1##*.}" "$H/dump"
}

# Blocks of a VHD by QEMU lie at odd sectors. One that keeps none of them, or
# none but one that happens to lie well, is resumed and reloaded all the same.
realigned() { # IMAGE BLOCK-TO-KEEP|none
	local block

	dd if=/dev/urandom of="$H/raw" bs=2M count=8 status=none
	truncate -s $SIZE "$H/raw"
	qemu-img convert -f raw -O vpc -o subformat=dynamic,force_size=on "$H/raw" "$1"
	map "$1" disk $SIZE
	dmsetup status disk | grep -q ' buffered '
	for ((block = 0; block < 8; block++)); do
		[ $block = "$2" ] || blkdiscard -o $((2 * block * MIB)) -l $((2 * MIB)) /dev/mapper/disk
	done
	dump /dev/mapper/disk "$H/dump"
	dmsetup suspend disk
	dmsetup resume disk
	dmsetup reload disk --table "$(dmsetup table disk)"
	dmsetup suspend disk
	dmsetup resume disk
	mode_is rw
	cmp /dev/mapper/disk "$H/dump"
	dd if=/dev/urandom of=/dev/mapper/disk bs=1M seek=40 count=9 conv=fsync status=none
	dump /dev/mapper/disk "$H/dump"
	unmap disk
	agree "$1" "$H/dump"
}

# ended PID: within some seconds
ended() {
	local i

	for ((i = 0; i < $(patience 100); i++)); do
		kill -0 "$1" 2>/dev/null || { wait "$1"; return; }
		sleep 0.1
	done
	return 1
}

# An image in a file system on another image, whose device is suspended: loading its
# table waits, resuming the other device does not.
on_suspended() { # KIND
	local lower=$H/lower.$1 upper=$G/upper.$1 maker before=/dev/shm/before

	create "$lower" 256M
	map "$lower" lower $((256 * MIB))
	mkfs.ext4 -q /dev/mapper/lower
	mount /dev/mapper/lower $G
	create "$upper" $SIZE
	map "$upper" disk $SIZE
	dd if=/dev/urandom of=/dev/mapper/disk bs=1M count=20 oflag=direct conv=fsync status=none
	dump /dev/mapper/disk $before
	unmap disk
	dmsetup suspend --nolockfs lower
	map "$upper" disk $SIZE &
	maker=$!
	sleep 2
	kill -0 $maker
	dmsetup resume lower &
	ended $!
	ended $maker
	cmp /dev/mapper/disk $before
	unmap disk
	agree "$upper" $before
	rm $before
}

host_fs ext4
for block in $(long 'none 3' 3); do
	check "a vhd of QEMU that keeps block $block, resumed" realigned $H/odd.vhd "$block"
done
for image in $H/disk.vhdx $(long $H/disk.vhd ''); do
	kind=${image##*.}
	# Blocks that a discard can empty.
	case $kind in
	vhdx) create "$image" "$SIZE" --block-size=1M ;;
	vhd) create "$image" "$SIZE" ;;
	esac
	check "$kind: table and status" lines "$image"
	check "$kind: loaded, never resumed" loaded_only "$image"
	check "$kind: loaded from a device that is suspended" on_suspended "$kind"
	check "$kind: suspend, resume and reload under load" loops "$image"
	take_guest_down
	check "$kind: a copy of a suspended image" copied "$image"
	take_guest_down
done
tap_done

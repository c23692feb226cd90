#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# File systems that fill up or are frozen, and files that are cut or replaced,
# while an image on them is mapped and used.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/busy.sh"

SIZE=$((64 * MIB))

# ---- file systems --------------------------------------------------------------

# Any number of MiB of fresh random data, until that fails with ENOSPC.
fill_disk() {
	fails_with 'No space left on device' dd if=/dev/urandom of=/dev/mapper/disk bs=1M \
		oflag=direct status=none seek="$1"
}

full_down() {
	! mountpoint -q $H || umount $H
	rm -f /dev/shm/small /dev/shm/first
}

# The blocks of a VHD by QEMU lie at odd sectors, so that all goes through the cache.
new_image() { # IMAGE
	case $1 in
	*.vhd)
		qemu-img create -q -f vpc -o subformat=dynamic,force_size=on "$1" 1G
		qemu-io -f vpc -c 'write 0 512' "$1" >/dev/null
		;;
	*) create "$1" 1G --block-size=1M ;;
	esac
}

full() { # FS IMAGE [MOUNT-OPTION]
	full_down
	truncate -s 320M /dev/shm/small
	mkfs."$1" -q /dev/shm/small
	mount -o "loop${3:+,$3}" /dev/shm/small $H
	new_image "$2"
	map "$2" disk $GIB commit_ms 50
	dd if=/dev/urandom of=/dev/shm/first bs=1M count=32 status=none
	dd if=/dev/shm/first of=/dev/mapper/disk bs=1M oflag=direct conv=fsync status=none
	fallocate -l $((150 * MIB)) $H/filler
	dd if=/dev/zero of=$H/filler2 bs=1M status=none count=100 || :
	fill_disk 100
	mode_is rw
	# Present blocks are read and written, flushes and discards work.
	dd if=/dev/urandom of=/dev/shm/first bs=1M count=32 status=none
	dd if=/dev/shm/first of=/dev/mapper/disk bs=64k oflag=direct conv=fsync status=none
	cmp -n $((32 * MIB)) /dev/shm/first /dev/mapper/disk
	fails dd if=/dev/urandom of=/dev/mapper/disk bs=1M count=64 oflag=direct status=none seek=500
	mode_is rw
	rm $H/filler $H/filler2
	sync -f $H
	# Space again: no remap is needed.
	dd if=/dev/urandom of=/dev/mapper/disk bs=1M count=64 oflag=direct conv=fsync \
		status=none seek=500
	cmp -n $((32 * MIB)) /dev/shm/first /dev/mapper/disk
	mode_is rw
	blkdiscard -o $((100 * MIB)) -l $((900 * MIB)) /dev/mapper/disk
	dmsetup message disk 0 commit
	unmap disk
	sound "$2"
	map "$2" disk $GIB
	cmp -n $((32 * MIB)) /dev/shm/first /dev/mapper/disk
	unmap disk
}

# Also when something fails: nothing can be taken down before.
thaw() { ! fsfreeze --unfreeze $H 2>/dev/null || echo 'thawed at the end'; }

frozen() { # IMAGE
	local trimmer load started=0

	trap thaw EXIT
	map "$1" disk $SIZE
	touch /dev/shm/trimming
	trims_while /dev/shm/trimming &
	trimmer=$!
	fio_on 12 &
	load=$!
	for _ in 1 2 3; do
		sleep 1
		# Unless the last one is still under way.
		dmsetup message disk 0 compact start pretrimmed && started=$((started + 1))
		fsfreeze --freeze $H
		sleep 1.5
		# It waits, but whoever asks gets an answer.
		dmsetup status disk
		dmsetup table disk
		fsfreeze --unfreeze $H
	done
	[ $started -gt 0 ]
	wait $load
	rm /dev/shm/trimming
	wait $trimmer
	mode_is rw
	intact "$1"
}

in_flight() {
	awk '{ print $1 + $2 }' "/sys/dev/block/$(dmsetup info -c --noheadings \
		--separator : -o major,minor disk)/inflight"
}

# Suspending waits for the thaw, and then works.
frozen_suspend() { # IMAGE
	local suspend load

	trap thaw EXIT
	map "$1" disk $SIZE
	fio_on 2 &
	load=$!
	sleep 0.5
	fsfreeze --freeze $H
	# However long fio takes to begin.
	until [ "$(in_flight)" -gt 0 ]; do sleep 0.1; done
	sleep 0.5
	dmsetup suspend disk &
	suspend=$!
	sleep 1
	kill -0 $suspend
	fsfreeze --unfreeze $H
	wait $suspend
	dmsetup resume disk
	wait $load
	intact "$1"
}

# ---- files ---------------------------------------------------------------------

# Others come in its place: the open one is used on, and only that.
replaced() { # IMAGE unlinked|renamed
	local sum

	map "$1" disk $SIZE
	fio_on 2
	create "$H/other.${1##*.}" $SIZE
	sum=$(sha256sum <"$H/other.${1##*.}")
	case $2 in
	unlinked) rm "$1"; mv "$H/other.${1##*.}" "$1" ;;
	renamed) mv "$1" "$H/old.${1##*.}"; mv "$H/other.${1##*.}" "$1" ;;
	esac
	fio_on 2
	blkdiscard -o $((8 * MIB)) -l $((8 * MIB)) /dev/mapper/disk
	dmsetup suspend disk
	dmsetup resume disk
	mode_is rw
	dump /dev/mapper/disk /dev/shm/dump
	unmap disk
	[ "$(sha256sum <"$1")" = "$sum" ]
	[ "$2" != renamed ] || agree "$H/old.${1##*.}" /dev/shm/dump
	rm -f "$H/old.${1##*.}" /dev/shm/dump
}

# Cut in the middle of its blocks, or to nothing: reads and writes there fail, the
# mapping can be taken down, and nothing worse.
truncated() { # IMAGE BYTES
	map "$1" disk $SIZE commit_ms 50
	fio_on 2
	truncate -s "$2" "$1"
	fails dd if=/dev/mapper/disk of=/dev/null bs=1M iflag=direct status=none
	dd if=/dev/urandom of=/dev/mapper/disk bs=64k count=700 oflag=direct status=none || :
	blkdiscard -o $((40 * MIB)) -l $((8 * MIB)) /dev/mapper/disk || :
	dmsetup message disk 0 compact start pretrimmed || :
	sync /dev/mapper/disk || :
	sleep 1
	dmsetup status disk
	dmsetup suspend disk
	dmsetup resume disk || :
	dmsetup remove --force --retry disk
	rm -f "$1"
}

# What a cut file has lost is no hole: its blocks keep their entries, and when the
# file has its length again nothing else has changed.
cut_and_compacted() { # IMAGE
	local bytes before options=()

	[ "${1##*.}" = vhd ] || options=(--block-size=1M)
	create "$1" $SIZE "${options[@]}"
	map "$1" disk $SIZE
	dd if=/dev/urandom of=/dev/mapper/disk bs=1M oflag=direct conv=fsync status=none || :
	dmsetup message disk 0 commit
	dump /dev/mapper/disk /dev/shm/before
	before=$(dmsetup status disk | awk '{ print $7 }')
	[ "$before" -ge 32 ]
	bytes=$(stat -c %s "$1")
	cp --sparse=always "$1" "$1.whole"
	truncate -s 20M "$1"
	dmsetup message disk 0 compact start pretrimmed
	until dmsetup message disk 0 compact status | grep -v '^running'; do sleep 0.1; done
	[ "$(dmsetup status disk | awk '{ print $7 }')" = "$before" ]
	dmsetup remove --retry disk
	dd if="$1.whole" of="$1" bs=1M skip=20 seek=20 conv=notrunc status=none
	[ "$(stat -c %s "$1")" = "$bytes" ]
	map "$1" disk $SIZE
	cmp /dev/mapper/disk /dev/shm/before
	intact "$1"
	rm -f "$1" "$1.whole" /dev/shm/before
}

# ---- all of it ------------------------------------------------------------------

for pair in ext4:vhdx ext4:vhd:discard xfs:vhdx xfs:vhd; do
	IFS=: read -r fs kind option <<<"$pair"
	check "a host that fills up, $kind on $fs${option:+, $option}" \
		full "$fs" "$H/disk.$kind" "$option"
	full_down
done
for pair in ext4:vhdx xfs:vhd; do
	fs=${pair%:*} kind=${pair#*:} image=$H/disk.${pair#*:}
	host_fs "$fs"
	create "$image" $SIZE
	check "a $kind on a frozen $fs" frozen "$image"
	check "a $kind suspended on a frozen $fs" frozen_suspend "$image"
	check "a $kind on $fs, unlinked" replaced "$image" unlinked
	create "$image" $SIZE
	check "a $kind on $fs, renamed over" replaced "$image" renamed
	for bytes in 20971520 65536 0; do
		create "$image" $SIZE
		check "a $kind on $fs, cut to $bytes bytes" truncated "$image" "$bytes"
	done
	check "a $kind on $fs, cut and compacted" cut_and_compacted "$image"
done
tap_done

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The host's disk fails in places, is full, or has other sectors than the image.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=$((64 * MIB))
DISK=$((256 * MIB))
IMAGE=/dev/shm/troubles

# ---- a disk of the host, "host", of which a part may fail --------------------

parts() { # FROM-BYTES BYTES
	local end=$(($1 + $2))

	[ "$1" = 0 ] || echo "0 $(($1 / 512)) linear /dev/vda 0"
	[ "$2" = 0 ] || echo "$(($1 / 512)) $(($2 / 512)) error"
	echo "$((end / 512)) $(((DISK - end) / 512)) linear /dev/vda $((end / 512))"
}

host_up() {
	! mountpoint -q $H || umount $H
	parts 0 0 | dmsetup create host
}

# host_fails FROM-BYTES BYTES: this part from now on; host_fails 0 0: none
host_fails() {
	dmsetup suspend --nolockfs --noflush host
	parts "$1" "$2" | dmsetup load host
	dmsetup resume host
}

host_down() {
	dmsetup remove --retry host
}

# on_host NAME [OPTION...]: a new image of that kind right on the host's disk
on_host() {
	create "$IMAGE.${1##*.}" $SIZE "${@:2}"
	dd if="$IMAGE.${1##*.}" of=/dev/mapper/host bs=1M conv=fsync status=none
}

random() { # DD-ARGUMENT...
	dd if=/dev/urandom of=/dev/mapper/disk bs=1M status=none "$@"
}

trouble() { # NAME CMD...
	local name

	tap_check "$@"
	! mountpoint -q $G || umount $G
	for name in $(maps_of vhdx) $(maps_of linear); do
		dmsetup remove --force --retry "$name"
	done
	rm -f $IMAGE*
}

# ---- errors ------------------------------------------------------------------

# The host tells a write with FUA that metadata written earlier are lost, and
# will not tell anybody again.
fua_hears_of_it() {
	local bat

	host_up
	on_host disk.vhdx --block-size=1M
	bat=$("$TOOL" dump --json $IMAGE.vhdx | jq .regions.bat.offset)
	map /dev/mapper/host disk $SIZE commit_ms 60000
	random count=1 oflag=direct conv=fsync
	dump /dev/mapper/disk $IMAGE.dump
	host_fails "$bat" $MIB
	sync
	fails random bs=4k count=1 oflag=direct,dsync
	host_fails 0 0
	mode_is ro
	fails random seek=2 count=1 oflag=direct conv=fsync
	unmap disk
	map /dev/mapper/host disk $SIZE
	cmp --ignore-initial=4096 /dev/mapper/disk $IMAGE.dump
	unmap disk
	"$TOOL" check /dev/mapper/host || [ $? = 7 ]
	host_down
}

# Metadata that could not be written are still in the cache of the host, which
# thinks it has done its part.
cache_lies() {
	host_up
	on_host disk.vhd
	exec 9</dev/mapper/host # so that the cache stays
	map /dev/mapper/host disk $SIZE
	random count=1 conv=fsync
	host_fails 0 4096
	fails random seek=8 count=1 conv=fsync
	mode_is ro
	unmap disk
	host_fails 0 0
	map /dev/mapper/host disk $SIZE
	random seek=8 count=1 conv=fsync
	dump /dev/mapper/disk $IMAGE.dump
	unmap disk
	exec 9<&-
	host_down

	host_up
	map /dev/mapper/host disk $SIZE
	cmp /dev/mapper/disk $IMAGE.dump
	unmap disk
	"$TOOL" check /dev/mapper/host || [ $? = 7 ]
	host_down
}

# ends_with STATUS CMD...
ends_with() {
	local status=0

	"${@:2}" || status=$?
	[ "$status" = "$1" ]
}

# The guest has discarded, but what it discarded cannot be committed: that must not
# be called done, and not be waited for.
retrim_cannot_commit() {
	host_up
	on_host disk.vhdx --block-size=1M
	map /dev/mapper/host disk $SIZE commit_ms 60000
	mkfs.ext4 -q /dev/mapper/disk
	mount /dev/mapper/disk $G
	dd if=/dev/urandom of=$G/file bs=1M count=20 conv=fsync status=none
	rm $G/file
	sync -f $G
	host_fails $MIB $MIB # the log
	ends_with 1 timeout 50 "$TOOL" compact --mode=retrim disk
	mode_is ro
	host_fails 0 0
	ends_with 1 "$TOOL" compact --mode=retrim disk
	umount $G
	unmap disk
	map /dev/mapper/host disk $SIZE
	e2fsck -fp /dev/mapper/disk || [ $? = 1 ]
	unmap disk
	"$TOOL" check /dev/mapper/host || [ $? = 7 ]
	host_down
}

# What the host could not write of somebody else's before, and has told nobody yet.
earlier_error() {
	host_up
	on_host disk.vhdx
	host_fails $((128 * MIB)) $MIB
	dd if=/dev/urandom of=/dev/mapper/host bs=4k count=1 seek=$((128 * MIB / 4096)) \
		conv=notrunc status=none || :
	sync
	host_fails 0 0
	map /dev/mapper/host disk $SIZE
	random count=1 oflag=direct conv=fsync
	mode_is rw
	unmap disk
	host_down
}

# Without stable pages its checksums would not be those of what it wrote.
btrfs_is_buffered() {
	create $H/disk.vhdx $SIZE --block-size=1M
	map $H/disk.vhdx disk $SIZE
	dmsetup status disk | grep ' buffered '
	random count=20 conv=fsync
	dump /dev/mapper/disk $IMAGE.dump
	unmap disk
	agree $H/disk.vhdx $IMAGE.dump
	umount $H
}

# ---- sectors and caches ------------------------------------------------------

# loop SECTOR-BYTES FILE: a disk with such sectors
loop() {
	losetup --sector-size "$1" --direct-io=on -f --show "$2"
}

# Writes of the guest fit the sectors of the host and go past its page cache,
# small reads do not: what they find in the cache must not be older.
cached_reads() {
	local device on_file=$H/disk.raw block

	host_fs ext4
	create $H/disk.vhdx 8M --block-size=1M
	fallocate -l 64M "$on_file"
	dd if=$H/disk.vhdx of="$on_file" conv=notrunc,fsync bs=1M status=none
	device=$(loop 4096 "$on_file")
	map "$device" disk $((8 * MIB))
	random count=8 oflag=direct
	fio --filename=/dev/mapper/disk --size=8M --direct=1 --time_based --runtime=5 \
		--randseed=7 --output=$H/fio \
		--name=writer --rw=randwrite --bs=4k --ioengine=libaio --iodepth=16 \
		--name=reader --rw=read --bs=512 --ioengine=psync &
	while kill -0 $! 2>/dev/null; do
		dd if="$device" of=/dev/null bs=1M status=none
	done
	wait $! || { cat $H/fio; return 1; }
	dmsetup message disk 0 stats
	dd if=/dev/mapper/disk of=$H/small bs=512 iflag=direct status=none
	dump /dev/mapper/disk $H/dump
	cmp $H/small $H/dump
	for block in 0 2 4; do
		blkdiscard -o $((block * MIB)) -l $MIB /dev/mapper/disk
	done
	"$TOOL" compact --mode=quick disk
	dump /dev/mapper/disk $H/dump.discarded
	cmp --ignore-initial=$((5 * MIB)) $H/dump $H/dump.discarded
	unmap disk
	"$TOOL" check "$device"
	losetup -d "$device"
}

# What is discarded need not fit the sectors of the host: all of them that lie
# inside are given back, and the rest keeps its data.
odd_discards() { # KIND
	local device on_file=$H/disk.raw

	host_fs ext4
	create "$H/disk.$1" $SIZE
	fallocate -l $DISK "$on_file"
	dd if="$H/disk.$1" of="$on_file" conv=notrunc,fsync bs=1M status=none
	device=$(loop 4096 "$on_file")
	map "$device" disk $SIZE
	random count=4 oflag=direct
	dump /dev/mapper/disk $H/dump
	blkdiscard -o 512 -l 65536 /dev/mapper/disk
	blkdiscard -o $((MIB - 2048)) -l 3072 /dev/mapper/disk
	blkdiscard -z -o $((2 * MIB + 512)) -l 9216 /dev/mapper/disk
	dd if=/dev/zero of=$H/dump bs=4096 seek=1 count=15 conv=notrunc status=none
	dd if=/dev/zero of=$H/dump bs=512 seek=$((2 * MIB / 512 + 1)) count=18 conv=notrunc status=none
	dump /dev/mapper/disk $H/dump.after
	cmp $H/dump.after $H/dump
	unmap disk
	"$TOOL" check "$device"
	losetup -d "$device"
}

# A disk full of other things that can neither make holes nor zeros by itself: what
# is not written of a new block reads as zeros.
without_zeros() { # KIND
	host_fs ext4
	create "$H/disk.$1" $SIZE
	modprobe brd rd_nr=1 rd_size=$((48 * 1024))
	[ "$(cat /sys/block/ram0/queue/write_zeroes_max_bytes)" = 0 ]
	head -c $((48 * MIB)) /dev/zero | tr '\0' '\377' |
		dd of=/dev/ram0 bs=1M iflag=fullblock status=none
	dd if="$H/disk.$1" of=/dev/ram0 bs=1M conv=notrunc,fsync status=none
	[ "$1" = vhdx ] || tail -c 512 "$H/disk.$1" |
		dd of=/dev/ram0 seek=$((48 * MIB / 512 - 1)) conv=fsync status=none
	map /dev/ram0 disk $SIZE
	truncate -s $SIZE $H/dump
	random bs=4096 count=1 seek=300 oflag=direct
	dd if=/dev/mapper/disk of=$H/dump bs=4096 count=1 skip=300 seek=300 iflag=direct \
		conv=notrunc status=none
	fails cmp -s -n $SIZE $H/dump /dev/zero
	dump /dev/mapper/disk $H/dump.after
	cmp $H/dump.after $H/dump
	unmap disk
	"$TOOL" check /dev/ram0
	rmmod brd
}

# ---- space -------------------------------------------------------------------

# A block device as large as the image, all of it in use. Who needs a block gets
# one that was discarded, also while its hole is being made.
crowded() {
	local device i from to blocks

	host_fs ext4
	create $H/disk.vhdx $SIZE --block-size=1M
	truncate -s $((36 * MIB)) $H/disk.vhdx
	device=$(loop 512 $H/disk.vhdx)
	map "$device" disk $SIZE commit_ms 1
	blocks=$((32))
	random count=$blocks oflag=direct conv=fsync
	fails random seek=$blocks count=1 oflag=direct conv=fsync
	for ((i = 0; i < $(long 80 40); i++)); do
		from=$((i % 64)) to=$(((i + blocks) % 64))
		blkdiscard -o $((from * MIB)) -l $MIB /dev/mapper/disk
		[ $((i % 3)) = 0 ] || dmsetup message disk 0 commit
		[ $((i % 3)) = 1 ] || sleep 0.00$((i % 7))
		random seek=$to count=1 oflag=direct
	done
	mode_is rw
	dump /dev/mapper/disk $IMAGE.dump
	unmap disk
	losetup -d "$device"
	agree $H/disk.vhdx $IMAGE.dump
}

# small_fs: one of the host at $H that is smaller than the disk
small_fs() {
	rm -f $IMAGE.fs
	truncate -s 48M $IMAGE.fs
	! mountpoint -q $H || umount $H
	mkfs.ext4 -q -F $IMAGE.fs
	mount -o loop $IMAGE.fs $H
}

events() { dmsetup info -c --noheadings -o events disk; }

overfill() {
	random count=64 oflag=direct conv=fsync && return
	sleep 1 # so that the metadata worker can tell it
	return 1
}

# A host without space says so in the log and by an event, and that is all.
host_is_full() { # KIND
	local before

	small_fs
	create "$H/disk.$1" $SIZE
	map "$H/disk.$1" disk $SIZE
	random count=1 oflag=direct conv=fsync
	before=$(events)
	told 'no space on the host' overfill
	[ "$(events)" -gt "$before" ]
	mode_is rw
	blkdiscard -o $((32 * MIB)) -l $((32 * MIB)) /dev/mapper/disk
	dmsetup message disk 0 compact start retrim
	sleep 2
	random count=1 seek=34 oflag=direct conv=fsync
	dump /dev/mapper/disk $IMAGE.dump
	mode_is rw
	unmap disk
	agree "$H/disk.$1" $IMAGE.dump
	umount $H
}

# Log and BAT of the image are holes, and the host has no space left for them.
sparse_on_full() {
	small_fs
	create $IMAGE.vhdx $SIZE --block-size=1M
	cp --sparse=always $IMAGE.vhdx $H/disk.vhdx
	dd if=/dev/zero of=$H/filler bs=64k status=none || :
	dd if=/dev/zero of=$H/filler bs=1k oflag=append conv=notrunc status=none || :
	sync -f $H
	map $H/disk.vhdx disk $SIZE
	fails random count=1 oflag=direct conv=fsync
	mode_is rw
	rm $H/filler
	sync -f $H
	random count=3 oflag=direct conv=fsync
	mode_is rw
	dump /dev/mapper/disk $IMAGE.dump
	unmap disk
	agree $H/disk.vhdx $IMAGE.dump
	umount $H
}

# ---- files and devices -------------------------------------------------------

read_only_map() { # IMAGE NAME
	map "$1" "$2" $SIZE --readonly read_only
}

# Any number of readers, one writer.
device_is_shared() {
	host_up
	on_host disk.vhdx
	read_only_map /dev/mapper/host disk
	read_only_map /dev/mapper/host other
	cmp /dev/mapper/disk /dev/mapper/other
	fails map /dev/mapper/host third $SIZE
	unmap disk
	unmap other
	map /dev/mapper/host disk $SIZE
	fails read_only_map /dev/mapper/host other
	unmap disk
	host_down
}

# A FIFO without a writer is refused, not waited for.
fifo_is_refused() {
	rm -f $IMAGE.fifo
	mkfifo $IMAGE.fifo
	told 'neither a regular file nor a block device' timeout 20 dmsetup create \
		--readonly disk --table "0 8 vhdx $IMAGE.fifo 1 read_only"
	fails dmsetup info disk
}

# The image came as a descriptor of ours, which is where it was.
position_stays() {
	host_fs ext4
	create $H/disk.vhd $SIZE
	exec 8<>$H/disk.vhd
	dd bs=1 count=100 of=/dev/null status=none <&8
	grep '^pos:' /proc/self/fdinfo/8 >$IMAGE.before
	map fd:8 disk $SIZE
	random count=9 oflag=direct conv=fsync
	grep '^pos:' /proc/self/fdinfo/8 >$IMAGE.after
	unmap disk
	exec 8<&-
	diff $IMAGE.before $IMAGE.after
}

# Where the page cache works in units larger than a page, metadata of a VHD and
# its payload can share one: then both go through it. In a VHDX they never do.
large_blocks() {
	local kind

	for kind in vhdx:direct vhd:buffered; do
		create "$H/disk.${kind%:*}" 64M
		map "$H/disk.${kind%:*}" disk $SIZE
		dmsetup status disk | grep -q " ${kind#*:} "
		random count=20 oflag=direct conv=fsync
		dump /dev/mapper/disk $IMAGE.dump
		unmap disk
		agree "$H/disk.${kind%:*}" $IMAGE.dump
	done
}

if host_fs xfs -b size=16384 2>/dev/null; then
	trouble 'an XFS with blocks of 16 KiB' large_blocks
else
	tap_skip 'an XFS with blocks of 16 KiB' 'this kernel cannot mount it'
fi
if host_fs btrfs 2>/dev/null; then
	trouble 'a btrfs' btrfs_is_buffered
else
	tap_skip 'a btrfs' 'this kernel cannot mount it'
fi
trouble 'a block device with several readers' device_is_shared
trouble 'a FIFO' fifo_is_refused
trouble 'an open file' position_stays
trouble 'a write with FUA that fails' fua_hears_of_it
trouble 'metadata in the cache only' cache_lies
trouble 'an error of an earlier user' earlier_error
trouble 'a retrim that cannot be committed' retrim_cannot_commit
trouble 'odd discards in a vhdx on large sectors' odd_discards vhdx
trouble 'a vhdx on a disk without holes and zeros' without_zeros vhdx
trouble 'a vhdx on a full host' host_is_full vhdx
trouble 'a sparse copy on a full host' sparse_on_full
if [ "${LENGTH:-all}" = all ]; then
	trouble 'reads through the cache beside direct writes' cached_reads
	trouble 'odd discards in a vhd on large sectors' odd_discards vhd
	trouble 'a block device without space to spare' crowded
	trouble 'a vhd on a disk without holes and zeros' without_zeros vhd
	trouble 'a vhd on a full host' host_is_full vhd
fi
tap_done

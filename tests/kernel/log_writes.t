#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Workloads over an image that lies on a logged device. What the power could
# have left at any time is checked here in the short run; in the full one the
# logs stay on /dev/vdb, and log-writes.sh checks them outside, where that is ten
# times faster: $OUT/log-writes tells it where they are. A workload ends by time, or when it has done enough.
#
# The disk is logged as well: what was written to it, and acknowledged, tells
# what it may hold.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

DEVICE=$((512 * MIB))
LOG_BYTES=$((6 * GIB))
SECONDS_EACH=$(long 8 3)
# Where images and figures go.
KEPT=/dev/shm/log-writes OUTSIDE=
if [ "$LENGTH" = all ] && [ -n "${OUT:-}" ]; then
	KEPT=$OUT/log-writes OUTSIDE=yes
fi

slice() { # NAME DISK FIRST-BYTE BYTES
	dmsetup create "$1" --table "0 $(($4 / 512)) linear $2 $(($3 / 512))"
	blkdiscard "/dev/mapper/$1"
}

# logged NAME DEVICE LOG: NAME is DEVICE, with all writes kept in LOG
logged() {
	dmsetup create "$1" --table "0 $(blockdev --getsz "$2") log-writes $2 $3"
}

layers_up() { # WORKLOAD VIRTUAL-BYTES [CREATE-OPTION...]
	local folder=$KEPT/$1

	mkdir -p "$folder"
	slice data /dev/vda 0 $DEVICE
	slice data_log /dev/vdb $logs $LOG_BYTES
	slice disk_log /dev/vdb $((logs + LOG_BYTES)) $LOG_BYTES
	create "$folder/image.vhdx" "$2" --block-size=1M "${@:3}"
	dd if="$folder/image.vhdx" of=/dev/mapper/data bs=1M conv=sparse oflag=direct status=none
	logged low /dev/mapper/data /dev/mapper/data_log
	map /dev/mapper/low disk "$2" commit_ms 50
	logged top /dev/mapper/disk /dev/mapper/disk_log
}

layers_down() {
	local name

	! mountpoint -q $G || umount $G
	for name in top disk low data data_log disk_log; do
		! dmsetup info "$name" >/dev/null 2>&1 || unmap "$name"
	done
}

# Taking the logged devices down ends their logs.
end_logs() { # WORKLOAD
	unmap top
	unmap disk
	unmap low
	echo $DEVICE >"$KEPT/$1/bytes"
	echo $logs >"$KEPT/$1/low"
	echo $((logs + LOG_BYTES)) >"$KEPT/$1/top"
}

# Flushes and marks all the time, whoever else does so.
start_marker() {
	"$BUILT/load" marker /dev/mapper/top $((SECONDS_EACH + ${1:-0})) all top low &
	marker=$!
}

# ---- workloads ---------------------------------------------------------------

# fio trims through the page cache of the device, and only with trim_percentage it
# also writes when it is to verify.
mix() {
	local job=(--filename=/dev/mapper/top --size=24M --direct=1 --ioengine=libaio
		--iodepth=8 --verify=crc32c --verify_fatal=1 --output="$KEPT/fio")

	# Else most of the time goes into zeroing new blocks.
	dd if=/dev/urandom of=/dev/mapper/top bs=1M count=56 oflag=direct conv=fsync status=none
	start_marker
	fio --name=write "${job[@]}" --rw=randwrite --bsrange=512-64k --fsync=16 --randseed=1 \
		--number_ios="$(long 800 200)" \
		--name=trim "${job[@]}" --offset=32M --rw=randtrimwrite --bsrange=4k-256k \
		--trim_percentage=10 --trim_backlog=16 --trim_verify_zero=1 --end_fsync=1 \
		--randseed=2 || { cat "$KEPT/fio"; return 1; }
	wait $marker
}

# A guest that makes, removes and trims.
guest() { # TYPE
	local round

	mkfs."$1" -q /dev/mapper/top
	mount -o discard /dev/mapper/top $G
	sync -f $G
	dmsetup message top 0 mark mounted.1
	dmsetup message low 0 mark mounted.1
	start_marker 2
	for ((round = 0; SECONDS < until_then && round < 40; round++)); do
		mkdir -p $G/$round
		"$BUILT/files" make $G/$round 60 20000
		[ $((round % 3)) != 2 ] || rm -rf "${G:?}/$((round - 1))"
		[ $((round % 4)) != 3 ] || fstrim $G
		sync -f $G
	done
	umount $G
	wait $marker
	echo "$round rounds"
}

ext4() { until_then=$((SECONDS + SECONDS_EACH)); guest ext4; }
xfs() { until_then=$((SECONDS + SECONDS_EACH)); guest xfs; }

# As a data base does: appended, made durable, acknowledged.
ledger() {
	mkfs.ext4 -q /dev/mapper/top
	mount /dev/mapper/top $G
	sync -f $G
	dmsetup message top 0 mark mounted.1
	dmsetup message low 0 mark mounted.1
	"$BUILT/load" ledger $G/ledger "$SECONDS_EACH" ledger top low
	umount $G
}

# One insert after the other, each durable, journal and directory included, when it
# is acknowledged.
sqlite() {
	local number mark

	mkfs.ext4 -q /dev/mapper/top
	mount /dev/mapper/top $G
	sync -f $G
	dmsetup message top 0 mark mounted.1
	dmsetup message low 0 mark mounted.1
	{
		echo 'PRAGMA journal_mode = DELETE;'
		echo 'PRAGMA synchronous = EXTRA;'
		echo 'CREATE TABLE record (number INTEGER PRIMARY KEY, bytes TEXT);'
		for ((number = 1; number <= $(long 60 20); number++)); do
			echo "INSERT INTO record VALUES ($number," \
				"printf('%.*c', $((100 + number * 997 % 4000)), 'x'));"
			for mark in top low; do
				echo ".shell dmsetup message $mark 0 mark sqlite.$number"
			done
			[ $((number % 10)) != 0 ] ||
				echo "DELETE FROM record WHERE number % 10 = 3;"
		done
		echo 'SELECT count(*) FROM record;'
	} | sqlite3 -bail $G/database
	umount $G
}

# Blocks come, go and are moved down.
compact() {
	local pid pids=() number

	for number in 0 1; do
		"$BUILT/load" churn /dev/mapper/top $((32 * number)) 32 "$SECONDS_EACH" \
			"churn$number" $((number + 1)) top low &
		pids+=($!)
	done
	while kill -0 "${pids[0]}" 2>/dev/null; do
		dmsetup message disk 0 compact start pretrimmed || :
		sleep 0.3
		dmsetup message disk 0 compact status
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
}

# ---- all of it -----------------------------------------------------------------

workload() { # NAME VIRTUAL-BYTES [CREATE-OPTION...]
	layers_up "$@"
	"$1"
	end_logs "$1"
}

recorded() { # NAME VIRTUAL-BYTES [CREATE-OPTION...]
	tap_check "$1, logged" workload "$@"
	[ -n "$OUTSIDE" ] || tap_check "$1, the power cut at any time" "$BUILT/log-writes" \
		--random=1 --every=20 "$KEPT/$1/image.vhdx" $DEVICE \
		/dev/mapper/data_log /dev/mapper/disk_log
	layers_down
	logs=$((logs + 2 * LOG_BYTES))
}

if ! modprobe -q dm-log-writes; then
	tap_skip 'workloads, logged' 'this kernel has no dm-log-writes'
	tap_done
	exit
fi
rm -rf "$KEPT"
mkdir -p "$KEPT"
logs=0 # where on /dev/vdb the next ones go
recorded compact $((64 * MIB))
if [ "$LENGTH" = all ]; then
	recorded mix $((64 * MIB))
	recorded ext4 $((128 * MIB))
	recorded xfs $((320 * MIB))
	recorded ledger $((64 * MIB))
	recorded sqlite $((64 * MIB))
fi
tap_done

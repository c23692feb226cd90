# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Load on a mapped image of 64 MiB while its host misbehaves. Sourced after lib.sh,
# never run.

# fio_on SECONDS [OPTION...]: verified writes to half of the disk
fio_on() {
	fio --name=load --filename=/dev/mapper/disk --size=32M --direct=1 --ioengine=libaio \
		--iodepth=8 --rw=randwrite --bsrange=512-64k --fsync=16 --randseed=5 \
		--verify=crc32c --verify_fatal=1 --time_based --runtime="$1" \
		--output=/dev/shm/fio "${@:2}" || { cat /dev/shm/fio; return 1; }
}

# Discards of the other half, one after the other, until the file is gone.
trims_while() { # FILE
	local at

	while [ -e "$1" ]; do
		for at in 32 40 48 56; do
			blkdiscard -o $((at * MIB)) -l $((8 * MIB)) /dev/mapper/disk
			dd if=/dev/urandom of=/dev/mapper/disk bs=64k count=2 oflag=direct \
				seek=$((at * 16)) conv=notrunc status=none
		done
	done
}

intact() { # IMAGE
	dump /dev/mapper/disk /dev/shm/dump
	unmap disk
	agree "$1" /dev/shm/dump
	rm -f /dev/shm/dump
}

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

mode_is() {
	dmsetup status disk
	dmsetup status disk | grep -q "$1\$"
}

trouble() { # NAME CMD...
	local name

	tap_check "$@"
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
	"$TOOL" check /dev/mapper/host
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
	"$TOOL" check /dev/mapper/host
	host_down
}

trouble 'a write with FUA that fails' fua_hears_of_it
trouble 'metadata in the cache only' cache_lies
tap_done

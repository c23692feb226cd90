#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the guest frees goes back to the host at once; compaction shortens the
# file, while the guest works.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

SIZE=$(long $((4 * GIB)) $GIB $((512 * MIB)))
FILES=$(long 3000 500 150)

# Keep one file in sixteen, wherever it lies.
thin_out() {
	find $G -type f | awk -F/ '{ split($NF, part, "-"); if (part[1] % 16) print }' |
		xargs -d '\n' rm
	sync -f $G
}

# All of them are there, and hold what they held.
kept() {
	"$BUILT/files" verify $G | tee "$H/kept"
	grep -q "^$(((FILES + 15) / 16)) files, " "$H/kept"
}

# Used is what the guest file system owns, its own structures included.
used_bytes() {
	case $1 in
	ext4) stat -f -c '%b %f %S' $G | awk '{ print ($1 - $2) * $3 }' ;;
	xfs) df -B1 --output=used $G | tail -n 1 ;;
	esac
}

# Blocks of the image that hold at least one used cluster of an ext4.
used_blocks() { # DEVICE BLOCK-BYTES
	dumpe2fs "$1" 2>/dev/null | awk -v block_bytes="$2" '
		/^Block count:/ { count = $3 }
		/^Block size:/ { size = $3 }
		/^  Free blocks: / {
			sub(/^  Free blocks: /, "")
			ranges = split($0, range, ", ")
			for (i = 1; i <= ranges; i++) {
				split(range[i], edge, "-")
				first = edge[1] * size
				end = ((edge[2] == "" ? edge[1] : edge[2]) + 1) * size
				while (first < end) {
					block = int(first / block_bytes)
					stop = (block + 1) * block_bytes
					if (stop > end) stop = end
					free[block] += stop - first
					first = stop
				}
			}
		}
		END {
			for (block in free) if (free[block] == block_bytes) empty++
			print int((count * size + block_bytes - 1) / block_bytes) - empty
		}'
}

at_most() { # WHAT VALUE LIMIT
	echo "$1: $2, limit $3"
	[ "$2" -le "$3" ]
}

trimmed() { # IMAGE GUEST-FS
	local used allocated

	mkfs."$2" -q /dev/mapper/disk
	mount -o "$([ "$2" != ext4 ] || echo minixdf)" /dev/mapper/disk $G
	"$BUILT/files" make $G "$FILES" 200000
	sync -f $G
	echo "before: $(allocated_bytes "$1")"
	thin_out
	fstrim $G
	dmsetup message disk 0 commit
	sync "$1"
	used=$(used_bytes "$2")
	allocated=$(allocated_bytes "$1")
	at_most allocated "$allocated" $((used + used / 50 + 8 * MIB))
}

# Writes go on, and are verified, while the image is compacted again and again.
compacted() { # IMAGE BLOCK-BYTES FRESH-BYTES
	local writer blocks bitmap=0

	fio --name=busy --directory=$G --size="$(long 24M 12M 8M)" --loops="$(long 6 2)" --direct=1 \
		--ioengine=libaio --iodepth=4 --rw=randwrite --bsrange=4k-64k \
		--verify=crc32c --verify_fatal=1 --output="$H/busy" &
	writer=$!
	while kill -0 $writer 2>/dev/null; do
		timeout "$(patience 200)" "$TOOL" compact --mode=quick disk
		sleep 1
	done
	wait $writer || { cat "$H/busy"; return 1; }
	kept
	rm -f $G/busy*
	timeout "$(patience 200)" "$TOOL" compact --mode=quick disk
	kept
	umount $G
	e2fsck -fn /dev/mapper/disk
	blocks=$(used_blocks /dev/mapper/disk "$2")
	# A VHD has a bitmap before each block, and each block on a page.
	case $1 in *.vhd) bitmap=4096 ;; esac
	at_most length "$(file_bytes "$1")" \
		$(($3 + blocks * ($2 + bitmap) + 2 * MIB))
	dump /dev/mapper/disk "$H/dump"
	unmap disk
	agree "$1" "$H/dump"
}

# In the tool, nothing mapped: what was trimmed goes, the rest stays.
detached() { # IMAGE
	map "$1" disk "$SIZE"
	mkfs.ext4 -q /dev/mapper/disk
	mount /dev/mapper/disk $G
	"$BUILT/files" make $G $((FILES / 4)) 200000
	thin_out
	fstrim $G
	umount $G
	dump /dev/mapper/disk "$H/dump"
	unmap disk
	"$TOOL" compact --mode=pretrimmed "$1"
	agree "$1" "$H/dump"
}

# A fixed image gives its holes back and keeps its length.
fixed() { # IMAGE BYTES
	local length

	length=$(file_bytes "$1")
	map "$1" disk "$2"
	dd if=/dev/urandom of=/dev/mapper/disk bs=1M count=$(($2 / MIB)) oflag=direct status=none
	[ "$(allocated_bytes "$1")" -ge "$2" ]
	blkdiscard /dev/mapper/disk
	sync "$1"
	dump /dev/mapper/disk "$H/dump"
	unmap disk
	at_most allocated "$(allocated_bytes "$1")" $((8 * MIB))
	[ "$(file_bytes "$1")" = "$length" ]
	others_read "$1" "$H/dump"
}

# Zeroed by one who wants the space kept it stays, else it goes.
zeroed() { # IMAGE
	local before

	map "$1" disk $((64 * MIB))
	dd if=/dev/urandom of=/dev/mapper/disk bs=1M count=40 oflag=direct status=none
	dmsetup message disk 0 commit
	sync "$1"
	before=$(allocated_bytes "$1")
	blkdiscard --zeroout -l $((40 * MIB)) /dev/mapper/disk
	cmp -n $((40 * MIB)) /dev/mapper/disk /dev/zero
	dmsetup message disk 0 commit
	sync "$1"
	at_most kept "$before" "$(allocated_bytes "$1")"
	dd if=/dev/urandom of=/dev/mapper/disk bs=1M count=40 oflag=direct status=none
	fallocate --punch-hole -l $((40 * MIB)) /dev/mapper/disk
	cmp -n $((40 * MIB)) /dev/mapper/disk /dev/zero
	dmsetup message disk 0 commit
	sync "$1"
	at_most left "$(allocated_bytes "$1")" $((before - 40 * MIB))
	dump /dev/mapper/disk "$H/dump"
	unmap disk
	agree "$1" "$H/dump"
}

host_fs ext4
for image in $H/disk.vhdx $(long $H/disk.vhd ''); do
	create "$image" 64M
	check "write-zeroes in a ${image##*.}" zeroed "$image"
done
for block in $(long '1 2 32' 32); do
	create $H/disk.vhdx "$SIZE" --block-size="${block}M"
	fresh=$(file_bytes $H/disk.vhdx)
	map $H/disk.vhdx disk "$SIZE"
	tap_check "fstrim of a vhdx with blocks of $block MiB" trimmed $H/disk.vhdx ext4
	tap_check "compaction of it, mounted and busy" compacted $H/disk.vhdx $((block * MIB)) "$fresh"
	take_guest_down
done
create $H/disk.vhd "$SIZE"
fresh=$(file_bytes $H/disk.vhd)
map $H/disk.vhd disk "$SIZE"
tap_check 'fstrim of a vhd' trimmed $H/disk.vhd ext4
tap_check 'compaction of it, mounted and busy' compacted $H/disk.vhd $((2 * MIB)) "$fresh"
take_guest_down

create $H/disk.vhdx "$SIZE"
map $H/disk.vhdx disk "$SIZE"
tap_check 'fstrim of a vhdx with an xfs guest' trimmed $H/disk.vhdx xfs
take_guest_down

for image in $H/disk.vhdx $H/disk.vhd; do
	create "$image" "$SIZE"
	[ "$LENGTH" != all ] ||
		tap_check "compaction of a detached ${image##*.}" detached "$image"
	create "$image" 64M --type=fixed
	tap_check "discards in a fixed ${image##*.}" fixed "$image" $((64 * MIB))
done
tap_done

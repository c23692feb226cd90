# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests in a guest share. Sourced, never run. A test may use /dev/vda
# as it likes; whatever it leaves mapped or mounted is taken down at its end.

[ "${IN_VM:-}" = 1 ] || { echo "this runs in tests/vm/vm.sh only" >&2; exit 2; }

TOP=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
TOOL=$TOP/userspace/vhdxsetup
BUILT=$TOP/build/tests
H=/mnt/host	# the host file system, where images live
G=/mnt/guest	# the file system inside an image
S=/mnt/server	# what NFS shows at $H
. "$TOP/tests/tap.sh"
mkdir -p $H $G $S

export BUILT

MIB=$((1024 * 1024))
GIB=$((1024 * MIB))
export GIB

# long VALUE SHORT [LEAST]: VALUE in the full run, SHORT in the short one, LEAST on
# the debug kernel, where all is slow
long() {
	case ${LENGTH:-all} in
	all) echo "$1" ;;
	least) echo "${3-$2}" ;;
	*) echo "$2" ;;
	esac
}

# dealt ITEM...: every other one, the first on 6.1, the second on newer kernels, where
# all of them on each would take too long
dealt() {
	[[ $(uname -r) = 6.1.* ]] || shift
	while [ $# -gt 0 ]; do
		echo "$1"
		shift $(($# > 1 ? 2 : 1))
	done
}

# patience SECONDS: a time limit, ten times as long on the debug kernel
patience() {
	if [ -e /sys/kernel/debug/kmemleak ]; then
		echo $((10 * $1))
	else
		echo "$1"
	fi
}

# ---- the host's file system ------------------------------------------------

# make_fs TYPE DEVICE [MKFS-OPTION...]
make_fs() {
	case $1 in
	ext4) mkfs.ext4 -q -F "${@:3}" "$2" ;;
	xfs) mkfs.xfs -q -f "${@:3}" "$2" ;;
	btrfs) mkfs.btrfs -q -f "${@:3}" "$2" ;;
	f2fs) mkfs.f2fs -q -f "${@:3}" "$2" ;;
	ocfs2) mkfs.ocfs2 -q -x -F -M local --fs-features=sparse,unwritten "${@:3}" "$2" ;;
	esac
}

# host_fs TYPE [MKFS-OPTION...]: an empty one at $H
host_fs() {
	host_fs_down
	case $1 in
	tmpfs) mount -t tmpfs -o size=1500m tmpfs $H ;;
	nfs)
		make_fs ext4 /dev/vda "${@:2}"
		mount /dev/vda $S
		serve_nfs $S $H
		;;
	*)
		make_fs "$1" /dev/vda "${@:2}"
		mount /dev/vda $H
		;;
	esac
}

host_fs_down() {
	! mountpoint -q $H || umount $H
	mountpoint -q $S || return 0
	stop_nfs
	umount $S
}

# serve_nfs FROM TO: a folder of this guest to itself
serve_nfs() {
	mkdir -p /var/lib/nfs/v4recovery
	touch /var/lib/nfs/{e,rm}tab
	modprobe -a nfsd nfsv4
	mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
	exportfs -i -o rw,no_root_squash,fsid=0,no_subtree_check "127.0.0.1:$1"
	rpc.mountd -N 3
	rpc.nfsd -N 3 -V 4.2 4
	mount -t nfs4 -o vers=4.2 127.0.0.1:/ "$2"
}

stop_nfs() {
	rpc.nfsd 0
	pkill rpc.mountd
	exportfs -ua
	exportfs -f
}

# What tests/vm/guest-packages.sh has fetched: there are ocfs2, f2fs and nfs from now on.
unpack_packages() {
	local package

	# None are there where all has been installed.
	for package in "$PACKAGES"/*.deb; do
		[ ! -f "$package" ] ||
			dpkg-deb --fsys-tarfile "$package" | tar -x -C / --keep-directory-symlink
	done
}

file_bytes() { stat -c %s "$1"; }
allocated_bytes() { echo $((512 * $(stat -c %b "$1"))); }

# ---- images and mappings ---------------------------------------------------

# create IMAGE SIZE [OPTION...]: a new one, VHDX or VHD as its name says
create() {
	rm -f "$1"
	"$TOOL" create --format="${1##*.}" --size="$2" "${@:3}" "$1"
}

# map IMAGE NAME BYTES [--readonly] [ARG...]: the plain device-mapper way
map() {
	local image=$1 name=$2 sectors=$(($3 / 512)) options=()
	shift 3
	if [ "${1:-}" = --readonly ]; then
		options=("$1")
		shift
	fi
	dmsetup create "${options[@]}" "$name" --table "0 $sectors vhdx $image $#${*:+ $*}"
}

# Somebody may still look at the device for a moment.
unmap() {
	dmsetup remove --retry "$1"
}

# mode_is rw|ro|fail: of the mapping "disk"
mode_is() {
	local status

	status=$(dmsetup status disk)
	echo "$status"
	[ "${status##* }" = "$1" ]
}

# dump DEVICE FILE: what the device shows, as a sparse file
dump() {
	dd if="$1" of="$2" bs=4M iflag=direct conv=sparse status=none
	truncate -s "$(blockdev --getsize64 "$1")" "$2"
}

# sound IMAGE: our own check finds nothing wrong and nothing untidy
sound() {
	"$TOOL" check "$1"
}

# others_read IMAGE RAW: what other programs read is what RAW holds
others_read() {
	case $1 in
	*.vhdx)
		qemu-img check -q -f vhdx "$1"
		qemu-img compare -q -f vhdx -F raw "$1" "$2"
		;;
	*.vhd)
		qemu-img compare -q -f vpc -F raw "$1" "$2"
		vhdiinfo "$1" >/dev/null
		;;
	esac
}

# agree IMAGE DUMP: an unmapped image is sound, and holds what the device showed
agree() {
	sound "$1"
	others_read "$1" "$2"
}

# fails CMD...: CMD fails. (After a bare ! bash does not heed set -e.)
fails() {
	! "$@"
}

# fails_with TEXT CMD...: CMD fails, and says TEXT in exactly one line
fails_with() {
	local text=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	echo "$output"
	[ "$status" != 0 ]
	grep -qF -- "$text" <<<"$output"
	[ "$(wc -l <<<"$output")" = 1 ]
}

# told TEXT CMD...: CMD fails, and the kernel log says TEXT
told() {
	local text=$1
	shift
	dmesg -C
	fails "$@"
	dmesg
	dmesg | grep -F vhdx | grep -qF -- "$text"
}

# queue_limit DEVICE-NAME LIMIT: from /sys/block
queue_limit() {
	cat "/sys/dev/block/$(dmsetup info -c --noheadings --separator : -o major,minor "$1")/queue/$2"
}

# check NAME CMD...: a test, after which nothing stays mapped
check() {
	tap_check "$@"
	take_guest_down
}

# ---- the end ---------------------------------------------------------------

take_guest_down() {
	local name

	! mountpoint -q $G || umount $G || umount -l $G
	for name in $(maps_of linear) $(maps_of vhdx); do
		dmsetup remove --force --retry "$name"
	done
}

maps_of() { # TARGET
	dmsetup ls --target "$1" | awk '/^No devices/ { next } { print $1 }'
}

take_down() {
	take_guest_down
	losetup -D
	host_fs_down
}

# A test that leaves something behind which cannot be taken down has failed.
trap take_down EXIT

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# deps.sh - install the Debian packages that building and testing need
#
# Does nothing, and needs no root, when all of them are there.
set -euo pipefail

. "$(dirname "$0")/cache.sh"

packages=(
	# building
	gcc libc6-dev make pahole pkg-config libelf1 xz-utils zstd
	libdevmapper-dev libblkid-dev libmount-dev uuid-dev libjson-c-dev libisal-dev
	libext2fs-dev
	# checking
	libcmocka-dev sparse shellcheck perl jq python3 mandoc
	# fuzzing
	clang libclang-rt-14-dev
	# the debug kernel
	bc bison flex libelf-dev
	# virtual machines
	binutils busybox-static cpio kmod qemu-system-x86
	# what runs inside them
	btrfs-progs dmsetup e2fsprogs fdisk fio fuse-overlayfs iproute2 kpartx sqlite3
	util-linux xfsprogs
	libvhdi-utils qemu-utils udev
)

missing() {
	local package
	for package in "${packages[@]}"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
			grep -qx installed || echo "$package"
	done
}

install() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" >"$log" 2>&1
}

mapfile -t wanted < <(missing)
[ ${#wanted[@]} -gt 0 ] || exit 0

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "installing ${wanted[*]}" >&2
if ! with_apt_lists install "${wanted[@]}"; then
	cat "$log" >&2
	echo "deps.sh: cannot install ${wanted[*]}" >&2
	exit 1
fi

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels.sh - unpack Debian's own kernels into the cache
#
#   kernels.sh SERIES...      SERIES is 6.1 or 6.12, or debug: see debug-kernel.sh
#
# Prints, for each series, the folder of its kernel:
#
#   release                   what uname -r says
#   boot/vmlinuz-RELEASE      the kernel
#   lib/modules/RELEASE/      its modules, ready for modprobe -d FOLDER
#   build                     the build tree, for make module KDIR=FOLDER/build
#
# The first use downloads the newest one; later uses need no network. Nothing is
# installed: the host's /boot, /lib and /usr stay as they are.
set -euo pipefail

. "$(dirname "$0")/cache.sh"
store=$CACHE/kernels

die() { echo "kernels.sh: $*" >&2; exit 1; }

# The newest release of a series whose image and headers are both on offer.
newest() {
	local releases release

	case $1 in
	6.1) releases='6\.1\.0-[0-9]+-amd64' ;;
	6.12) releases='6\.12\.[0-9]+\+deb12-amd64' ;;
	*) die "no series $1: 6.1 or 6.12" ;;
	esac
	while read -r release; do
		if apt-cache show "linux-headers-$release" >/dev/null 2>&1; then
			echo "$release"
			return 0
		fi
	done < <(apt-cache pkgnames linux-image-"${1%.*}" |
		grep -xE "linux-image-$releases" | sed 's/^linux-image-//' | sort -rV)
	return 1
}

# The packages of a release: image, headers, and what the headers stand on.
packages_of() {
	local headers=linux-headers-$1

	echo "linux-image-$1"
	echo "$headers"
	apt-cache depends "$headers" |
		sed -nE 's/^ *Depends: ((linux-headers|linux-kbuild)-.*)/\1/p' | sort -u
}

download() {
	local release packages

	release=$(newest "$1") || return 1
	mapfile -t packages < <(packages_of "$release")
	echo "downloading Debian's kernel $release" >&2
	rm -f ./*.deb
	apt-get -qq download "${packages[@]}" 2>apt.log || { cat apt.log >&2; return 1; }
	echo "$release" >release
}

# The packages believe that they live in /: make them live in the current folder.
relocate() {
	local release=$1 modules=lib/modules/$1

	echo "include $2/usr/src/linux-headers-${release%-amd64}-common/Makefile" \
		>"usr/src/linux-headers-$release/Makefile"
	ln -sfn "usr/src/linux-headers-$release" build
	ln -sfn "../../../usr/src/linux-headers-$release" "$modules/build"
	ln -sfn "../../../usr/src/linux-headers-${release%-amd64}-common" "$modules/source"
	PATH=$PATH:/sbin:/usr/sbin depmod -b . "$release"
}

unpack() (
	umask 022
	mkdir -p "$store"
	tmp=$(mktemp -d "$store/.unpack.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	chmod 755 "$tmp"
	cd "$tmp"
	with_apt_lists download "$1" || die "cannot download a kernel $1"
	for package in *.deb; do
		dpkg-deb -x "$package" .
	done
	rm -f ./*.deb apt.log
	rm -rf usr/share
	release=$(<release)
	relocate "$release" "$store/$release"
	mv -T "$tmp" "$store/$release" 2>/dev/null || [ -d "$store/$release" ]
	ln -sfn "$release" "$store/$1"
)

[ $# -gt 0 ] || die "which series? 6.1, 6.12 or debug"
for series in "$@"; do
	if [ "$series" = debug ]; then
		"$(dirname "$0")/debug-kernel.sh"
		continue
	fi
	[ -s "$store/$series/release" ] || unpack "$series"
	realpath "$store/$series"
done

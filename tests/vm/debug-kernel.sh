#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# debug-kernel.sh - build a kernel that finds mistakes, from Debian's source
#
#   debug-kernel.sh [--newest]
#
# Prints the folder of the kernel, which is laid out as kernels.sh does it. Two
# files are more:
#
#   config                    its configuration
#   strict                    arguments that vm.sh boots it with
#
# What is in it says debug.config. It is kept by version of the source,
# configuration and compiler; later uses need no network, unless --newest asks
# whether Debian has a newer source. The first use takes ten minutes on two
# cores and 4 GB in the cache, and can be interrupted and started again.
set -euo pipefail

here=$(realpath "$(dirname "$0")")
. "$here/cache.sh"
store=$CACHE/kernels
package=linux-source-6.12

die() { echo "debug-kernel.sh: $*" >&2; exit 1; }

key() {
	{ cat "$here/debug.config"; gcc --version; } | sha256sum | cut -c1-12
}

newest_source() {
	apt-cache madison "$package" | awk -F' *[|] *' '{ print $2 }' | sort -rV | head -n 1
}

fetch_source() { # VERSION
	rm -rf source.new deb
	mkdir deb
	(cd deb && apt-get -qq download "$package=$1" 2>apt.log) ||
		{ cat deb/apt.log >&2; return 1; }
	dpkg-deb -x deb/*.deb deb
	mkdir source.new
	tar -xJf "deb/usr/src/$package.tar.xz" -C source.new --strip-components=1
	rm -rf deb source
	mv source.new source
}

# A wish that Kconfig did not grant is dropped without a word: look.
check_config() { # WISHES CONFIG
	local line name missing=0

	while read -r line; do
		case $line in
		CONFIG_*) grep -qxF -- "$line" "$2" && continue ;;
		'# CONFIG_'*' is not set')
			name=${line#\# }
			grep -q "^${name%% *}=" "$2" || continue
			;;
		*) continue ;;
		esac
		echo "debug-kernel.sh: not granted: $line" >&2
		missing=1
	done <"$1"
	return $missing
}

configure() {
	make -s tinyconfig >/dev/null
	scripts/kconfig/merge_config.sh -m .config "$here/debug.config" >/dev/null
	make -s olddefconfig
	check_config "$here/debug.config" .config
}

# What a module is built with, out of the tree of a kernel that has been built.
copy_headers() { # TREE
	mkdir -p "$1/arch/x86" "$1/tools/objtool"
	cp -a .config Makefile Module.symvers include scripts "$1"
	cp -a arch/x86/Makefile* arch/x86/include "$1/arch/x86"
	[ ! -x tools/objtool/objtool ] || cp tools/objtool/objtool "$1/tools/objtool"
	find "$1" -name '*.cmd' -delete
}

# The current folder becomes what kernels.sh promises.
lay_out() { # SOURCE RELEASE
	local modules=lib/modules/$2 tree=$PWD/build

	mkdir -p boot "$modules" "$tree"
	strip -o "boot/vmlinuz-$2" "$1/vmlinux"
	cp "$1"/modules.{order,builtin,builtin.modinfo} "$modules"
	cp "$1/.config" config
	ln -sfn ../../../build "$modules/build"
	(cd "$1" && copy_headers "$tree")
	PATH=$PATH:/sbin:/usr/sbin depmod -b . "$2"
	# KASAN knows more of each object than slub_debug would.
	cat >strict <<-'END'
		page_poison=1 init_on_alloc=0 hung_task_panic=1 panic_on_warn=1 oops=panic panic=-1
	END
	echo "$2" >release
}

build() { # VERSION FOLDER
	local work=$CACHE/debug-kernel tmp release

	mkdir -p "$work"
	cd "$work"
	exec 9>lock
	flock 9
	[ ! -s "$2/release" ] || return 0 # somebody else has done it
	if [ "$(cat version 2>/dev/null)" != "$1" ]; then
		echo "unpacking Debian's $package $1" >&2
		with_apt_lists fetch_source "$1" || die "cannot download $package $1"
		echo "$1" >version
	fi
	cd source
	configure || die "the configuration is not what debug.config wants"
	echo "building the debug kernel" >&2
	make -s "-j$(nproc)" vmlinux modules >&2
	release=$(make -s kernelrelease)
	tmp=$(mktemp -d "$store/.debug.XXXXXX")
	chmod 755 "$tmp"
	(cd "$tmp" && lay_out "$work/source" "$release")
	mv -T "$tmp" "$2"
	rm -rf "$work/source" "$work/version"
}

mkdir -p "$store"
# The last one that was built with this configuration and this compiler.
built=$(find "$store" -maxdepth 1 -name "debug-*-$(key)" | sort -V | tail -n 1)
if [ -z "$built" ] || [ "${1:-}" = --newest ]; then
	version=$(newest_source)
	if [ -z "$version" ]; then
		as_root apt-get -qq update >&2 || :
		version=$(newest_source)
	fi
	[ -n "$version" ] || [ -n "$built" ] || die "Debian offers no $package"
	if [ -n "$version" ] && [ ! -s "$store/debug-$version-$(key)/release" ]; then
		"$here/deps.sh"
		(build "$version" "$store/debug-$version-$(key)")
	fi
	[ -z "$version" ] || built=$store/debug-$version-$(key)
fi
ln -sfn "$(basename "$built")" "$store/debug"
realpath "$built"

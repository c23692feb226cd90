#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vm.sh - run a script as root in a throw-away virtual machine
#
#   vm.sh [-k 6.1|6.12|debug] [options] SCRIPT [ARGS...]
#
# The guest runs one of Debian's own kernels (see kernels.sh), or one that finds
# more mistakes (debug-kernel.sh), on this machine's root file system, shared
# read-only under a tmpfs overlay: every path and tool is there, and nothing the
# guest writes comes back but what it writes to $OUT.
# SCRIPT's output streams here and its exit status is ours.
#
#   -k KERNEL   series, or a folder as kernels.sh makes it        [6.12]
#   -d SIZE[=FILE]  add an empty scratch disk: /dev/vda, /dev/vdb, ...; left in FILE
#   -w BYTES    scratch disks write no more than that in a second
#   -s DIR      where scratch disks live                          [/var/tmp]
#   -o DIR      folder that the guest sees read-write as $OUT
#   -m SIZE     memory [2G]      -n N      processors [2]
#   -t SECONDS  time limit [600]
#   -l FILE     keep the kernel log there
#   -a ARGS     more kernel arguments
#
# Status: SCRIPT's; 2 usage; 99 the kernel complained although SCRIPT was
# content; 124 time limit; 125 the guest died.
set -euo pipefail

here=$(realpath "$(dirname "$0")")
. "$here/cache.sh"
. "$here/machine.sh"

die() { echo "vm.sh: $*" >&2; exit 2; }

kernel=6.12 disks=() scratch=/var/tmp out='' memory=2G processors=2
limit=600 log='' extra='' slow=''
while getopts k:d:w:s:o:m:n:t:l:a: option; do
	case $option in
	k) kernel=$OPTARG ;;
	d) disks+=("$OPTARG") ;;
	w) slow=,throttling.bps-write=$OPTARG ;;
	s) scratch=$OPTARG ;;
	o) mkdir -p "$OPTARG"; out=$(realpath "$OPTARG") ;;
	m) memory=$OPTARG ;;
	n) processors=$OPTARG ;;
	t) limit=$OPTARG ;;
	l) log=$(realpath "$OPTARG") ;;
	a) extra=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 1 ] || die "no script given"
[ -f "$1" ] || die "no such script: $1"
script=$(realpath "$1")
shift
[ -d "$kernel" ] || kernel=$("$here/kernels.sh" "$kernel")
kernel=$(realpath "$kernel")
release=$(<"$kernel/release")
[ ! -f "$kernel/strict" ] || strict=$(<"$kernel/strict")

# boot/KEY in the cache: the kernel's ELF and an initramfs of busybox and modules.
build_boot() {
	local tmp root

	mkdir -p "$CACHE/boot"
	tmp=$(mktemp -d "$boot.XXXXXX")
	root=$tmp/root
	unpack_kernel "$kernel/boot/vmlinuz-$release" "$tmp/kernel" ||
		cp "$kernel/boot/vmlinuz-$release" "$tmp/kernel"
	mkdir -p "$root"/{bin,mods,proc,sys,dev,lower,upper,new}
	cp "$(command -v busybox)" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	add_modules "$root/mods" virtio_pci virtio_blk virtio_rng 9pnet_virtio 9p overlay
	install -m 755 "$here/init" "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$tmp/initrd"
	rm -r "$root"
	mv -T "$tmp" "$boot" 2>/dev/null || rm -r "$tmp" # somebody else was faster
}

key=$(cat "$here/vm.sh" "$here/machine.sh" "$here/init" "$kernel/boot/vmlinuz-$release" |
	sha256sum | cut -c1-16)
boot=$CACHE/boot/$key
[ -d "$boot" ] || build_boot

# The guest's part after init.
run=$(mktemp -d "$scratch/vm.XXXXXX")
trap 'rm -rf "$run"' EXIT
mkdir "$run/control"
{
	echo 'echo >/run/vm/started'
	echo 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
	echo 'export HOME=/root LC_ALL=C.UTF-8 TERM=dumb IN_VM=1 OUT=/run/out'
	echo 'export DM_DISABLE_UDEV=1 # none runs here: libdevmapper makes its own nodes'
	echo 'mkdir -p /lib/modules' # a container has none
	printf 'mount --bind %q/lib/modules /lib/modules\n' "$kernel"
	echo 'ip link set lo up; stty -F /dev/ttyS1 raw'
	printf 'cd %q\nbash %q' "$PWD" "$script"
	[ $# -eq 0 ] || printf ' %q' "$@"
	echo ' </dev/null >/dev/ttyS1 2>&1'
	echo 'echo $? >/run/vm/status; sync; busybox poweroff -f'
} >"$run/control/main"

machine=(qemu-system-x86_64 -smp "$processors" -m "$memory"
	-M "q35,usb=off,smbus=off,sata=off,vmport=off" -nodefaults -no-user-config
	-display none -no-reboot -kernel "$boot/kernel" -initrd "$boot/initrd")
choose_accelerator

share() { # TAG PATH [readonly]
	machine+=(-fsdev "local,id=$1,path=$2,security_model=none,multidevs=remap${3:+,readonly=on}"
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}
share root / readonly
share control "$run/control"
[ -z "$out" ] || share out "$out"
for i in "${!disks[@]}"; do
	file=$run/disk$i
	case ${disks[i]} in *=*) file=${disks[i]#*=} ;; esac
	rm -f "$file"
	truncate -s "${disks[i]%%=*}" "$file"
	machine+=(-object "iothread,id=io$i"
		-drive "if=none,id=disk$i,file=$file,format=raw,cache=unsafe,discard=unmap$slow"
		-device "virtio-blk-pci,drive=disk$i,iothread=io$i")
done
append="$steady $strict ${out:+vm.out=1} $extra"

boot_guest() {
	local guest

	status=0
	timeout -k 5 "$limit" "${machine[@]}" -device virtio-rng-pci \
		-serial "file:$run/console" -serial stdio \
		-append "${append//[[:space:]]/ }" </dev/null &
	guest=$!
	trap 'kill $guest; exit 143' TERM
	trap 'kill $guest; exit 130' INT
	wait $guest || status=$?
	trap - TERM INT
}

# An emulated kernel sometimes dies of an int3 while it patches its own code at
# boot. Nothing of ours has run by then.
for attempt in 1 2 3; do
	boot_guest
	if [ -e "$run/control/started" ] || [ "$status" = 124 ] || [ "$attempt" = 3 ]; then break; fi
	echo "vm.sh: the guest did not boot, once more; its kernel log ends:" >&2
	tail -n 40 "$run/console" >&2 || :
done
[ -z "$log" ] || cp "$run/console" "$log"

if [ -s "$run/control/status" ]; then
	status=$(<"$run/control/status")
else
	[ "$status" = 124 ] || status=125
	echo "vm.sh: the guest ended without a status ($status); its kernel log ends:" >&2
	tail -n 40 "$run/console" >&2 || :
fi
if grep -Eq "$complaint" "$run/console"; then
	echo "vm.sh: the kernel complained:" >&2
	grep -E -m3 -A30 "$complaint" "$run/console" >&2
	[ "$status" != 0 ] || status=99
fi
exit "$status"

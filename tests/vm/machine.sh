# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # shared with whoever sources this
#
# What everybody needs who boots a kernel under QEMU. Sourced, after cache.sh, by
# scripts that set $kernel, a folder as kernels.sh makes it, $release, what is in
# its file of that name, and the array $machine, the command line of QEMU so far.

PATH=$PATH:/usr/sbin:/sbin

# What makes the kernel strict. Uninitialised memory must not look like zeros,
# and the first warning ends the run.
strict='slub_debug=FZPU,vhdx*,dm_vhdx*,dm-vhdx* page_poison=1 init_on_alloc=0
	hung_task_panic=1 panic_on_warn=1 oops=panic panic=-1 kfence.sample_interval=10'
# What makes a guest boot soon and run steadily where it is emulated.
steady='console=ttyS0 nokaslr mitigations=off tsc=reliable no_timer_check audit=0
	random.trust_cpu=on nowatchdog rcupdate.rcu_cpu_stall_timeout=120 ignore_loglevel'
# What a sound kernel never says.
complaint='BUG[: ]|WARNING:|Oops|general protection|KASAN|KFENCE|UBSAN|\bINFO: task'
complaint+='|blocked for more than|rcu:.*(stall|self-detected)|list_(add|del) corruption'
complaint+='|refcount_t:|possible (circular|recursive) locking|inconsistent lock state'
complaint+='|unreferenced object|scheduling while atomic|sleeping function called'
complaint+='|page allocation failure|Kernel panic|Bad page|slab.*(overwritten|Poison)'
complaint+='|soft lockup|unable to handle|stack-protector'

# bzImage -> the ELF inside, so that an emulated guest need not unpack it.
unpack_kernel() { # BZIMAGE ELF
	local magic tool at

	if head -c4 "$1" | tail -c3 | grep -qx ELF; then # unpacked already
		cp "$1" "$2"
		return
	fi
	while read -r magic tool; do
		while read -r at; do
			tail -c+$((at + 1)) "$1" | $tool >"$2" 2>/dev/null || :
			if [ "$(head -c4 "$2" | tail -c3)" = ELF ]; then return 0; fi
		done < <(LC_ALL=C grep -aboP "$magic" "$1" | cut -d: -f1)
	done <<-'END'
		\x28\xb5\x2f\xfd zstd -dc
		\xfd7zXZ\x00 xz -dc
		\x1f\x8b\x08 gzip -dc
		\x02\x21\x4c\x18 lz4 -dc
	END
	return 1
}

# add_modules DIR MODULE...: copy modules and what they depend on into a folder of
# an initramfs; DIR/order names them in the order of loading.
add_modules() {
	local dir=$1 module file name
	shift

	: >"$dir/order"
	for module in "$@"; do
		while read -r _ file; do
			name=$(basename "$file" .xz)
			[ ! -f "$dir/$name" ] || continue
			case $file in
			*.xz) xz -dc "$file" >"$dir/$name" ;;
			*) cp "$file" "$dir/$name" ;;
			esac
			echo "$name" >>"$dir/order"
		done < <(modprobe -S "$release" -d "$kernel" -D "$module" | grep ^insmod)
	done
}

# A nested /dev/kvm may exist and boot nothing: only a trial boot tells.
accelerator() {
	local known

	known=$CACHE/accelerator-$({ uname -rm; qemu-system-x86_64 --version
		grep -m1 'model name' /proc/cpuinfo; stat -c %U:%a /dev/kvm; id -u
		} 2>&1 | sha256sum | cut -c1-16)
	if [ ! -s "$known" ]; then
		echo tcg >"$known.$$"
		if [ -w /dev/kvm ] && timeout -k 2 30 "${machine[@]}" -accel kvm -cpu host \
			-serial stdio -append 'console=ttyS0 panic=-1 vm.trial=1' \
			</dev/null 2>/dev/null | grep -q 'vm: alive'; then
			echo kvm >"$known.$$"
		fi
		mv "$known.$$" "$known"
	fi
	cat "$known"
}

# choose_accelerator: complete $machine, which boots this project's initramfs.
choose_accelerator() {
	local accel=${DM_VHDX_ACCEL:-$(accelerator)}

	case $accel in
	kvm) machine+=(-accel kvm -cpu host) ;;
	# Emulation runs rep movsb a byte at a time and ends a block at each stac and
	# clac: a kernel that does not know of them copies several times faster.
	tcg) machine+=(-accel "tcg,thread=multi" -cpu "max,-erms,-fsrm,-smap") ;;
	*) die "no accelerator $accel: kvm or tcg" ;;
	esac
}

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Memory runs out and the host's disk fails, wherever the module is on the way.
# The kernel does not complain, nothing is lost (guest.sh looks at its end), and
# the image is sound.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

faults=/sys/kernel/debug
seed=${SEED:-1}
many=1000000000
if [ ! -d $faults/failslab ]; then
	tap_skip 'allocations and I/O that fail' 'this kernel injects no faults'
	tap_done
	exit
fi

# Only where the module is among the callers. Its text starts where sysfs says.
from_module() { # KIND
	local start size

	start=$((16#$(sed 's/^0x//' /sys/module/dm_vhdx/sections/.text)))
	size=$((16#$(readelf -SW "$MODULE" | awk '$2 == ".text" || $3 == ".text" {
		for (i = 1; i <= NF; i++) if ($i == "PROGBITS") print $(i + 3) }')))
	printf '0x%x\n' "$start" >"$faults/$1/require-start"
	printf '0x%x\n' $((start + size)) >"$faults/$1/require-end"
	echo 32 >"$faults/$1/stacktrace-depth"
	echo 0 >"$faults/$1/verbose"
	echo $many >"$faults/$1/times"
	echo 0 >"$faults/$1/probability"
}

# Allocations that may wait fail too; those that must not fail never do.
set_up() {
	local kind

	for kind in failslab fail_page_alloc fail_make_request; do
		from_module $kind
	done
	echo N >$faults/failslab/ignore-gfp-wait
	echo N >$faults/fail_page_alloc/ignore-gfp-wait
	echo N >$faults/fail_page_alloc/ignore-gfp-highmem
	echo 0 >$faults/fail_page_alloc/min-order
	echo 1 >/sys/block/vda/make-it-fail
}

each() { # IMAGE SECTORS
	"$BUILT/fail-nth" "$1" "$2" faulty | tee /run/faults
	sound "$1"
}

at_random() { # KIND COUNT [--sound]
	"$BUILT/mutated" --seed "$seed" --count "$2" --faults "$1" "${@:3}" $H |
		tee /run/faults
	# Without faults the test would pass too.
	echo "$((many - $(cat $faults/"$1"/times))) faults" | tee -a /run/faults
	[ "$(cat $faults/"$1"/times)" -lt $many ]
}

figures() {
	sed 's/^#* */# /' /run/faults
}

set_up
host_fs tmpfs
create $H/disk.vhdx 16M --block-size=1M
check 'the nth allocation of each operation, VHDX' each $H/disk.vhdx 32768
figures
if [ "$LENGTH" = all ]; then
	create $H/disk.vhd 16M
	check 'the nth allocation of each operation, VHD' each $H/disk.vhd 32768
	figures
fi
for kind in failslab fail_page_alloc; do
	check "$kind at random, seed $seed" at_random $kind "$(long 200 15)" --sound
	figures
done
host_fs ext4
check "fail_make_request at random, seed $seed" at_random fail_make_request \
	"$(long 200 15)" --sound
figures
tap_done

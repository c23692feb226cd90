#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# module.sh - build the module with every warning and sparse's endian checks
#
#   module.sh SERIES...
#
# Not one line of output is allowed. The module stays in build/RELEASE, where
# the tests in the virtual machines find it.
set -euo pipefail

cd "$(dirname "$0")/../.."
. tests/tap.sh

build() {
	local kernel release

	kernel=$(tests/vm/kernels.sh "$1")
	release=$(<"$kernel/release")
	rm -rf "build/$release"
	make -s -j2 module "KDIR=$kernel/build" W=1 C=2 CF=-D__CHECK_ENDIAN__ \
		>build/module.log 2>&1 || { cat build/module.log; return 1; }
	# BTF needs a vmlinux, which Debian's headers do not have.
	! grep -v '^Skipping BTF generation' build/module.log
}

mkdir -p build
for series in "$@"; do
	tap_check "the module for $series builds without a word" build "$series"
done
tap_done

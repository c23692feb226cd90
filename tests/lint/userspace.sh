#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# userspace.sh - build the tool from nothing; not one warning is allowed
set -euo pipefail

cd "$(dirname "$0")/../.."
. tests/tap.sh

build() {
	make -s -C userspace clean
	make -s -j2 -C userspace 2>&1 | tee build/userspace.log
	test -x userspace/vhdxsetup
	test ! -s build/userspace.log
}

mkdir -p build
tap_check 'the tool builds without a word' build
tap_done

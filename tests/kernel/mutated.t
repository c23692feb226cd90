#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Images in which numbers have been changed, checksums made right: the module
# refuses them and leaves them as they are, or works with them as with any
# other. The kernel, which ends the run at the first warning, is not hurt.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

seed=${SEED:-1} from=${FROM:-0} count=${COUNT:-$(long 300 50)}

mutated() {
	"$BUILT/mutated" --seed "$seed" --from "$from" --count "$count" --jobs 2 $H |
		tee /run/mutated
}

host_fs tmpfs
tap_check "seed $seed: $count mutated images from number $from on" mutated
tail -n 1 /run/mutated | sed 's/^/# /'
tap_done

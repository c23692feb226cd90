#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutations.sh - thousands of mutated images (mutated.t) on the debug kernel
#
#   mutations.sh [--seed S] [--count N] [--chunk N] [--kernel K]
#
# More than half of them are refused; of the usual number, five thousand must really
# be mapped. A chunk is one guest. Chunks that are done are remembered in build/mutations/
# until the module or the mutator changes: what has been stopped goes on there.
set -euo pipefail

cd "$(dirname "$0")/../.."
. tests/tap.sh
seed=1 count=11250 chunk=450 kernel=debug
while [ $# -gt 1 ]; do
	case $1 in
	--seed) seed=$2 ;;
	--count) count=$2 ;;
	--chunk) chunk=$2 ;;
	--kernel) kernel=$2 ;;
	*) break ;;
	esac
	shift 2
done
[ $# = 0 ] || { echo "usage: mutations.sh [--seed S] [--count N] [--chunk N] [--kernel K]" >&2; exit 2; }

key=$(cat dm-vhdx/*.[ch] dm-vhdx/core/*.[ch] tests/kernel/muta*.[cht] | sha256sum | cut -c1-16)
record=build/mutations/$key-$kernel-$seed
mkdir -p "$record"

chunk_from() { # NUMBER COUNT
	local log=$record/$1-$2

	tests/kernel/run "$kernel" "SEED=$seed" "FROM=$1" "COUNT=$2" \
		tests/kernel/mutated.t | tee "$log.now"
	grep -q "^# seed $seed, .*: $2 done," "$log.now"
	mv "$log.now" "$log"
}

logs=()
for ((from = 0; from < count; from += chunk)); do
	part=$((count - from < chunk ? count - from : chunk))
	logs+=("$record/$from-$part")
	name="seed $seed: images $from to $((from + part - 1)) on the $kernel kernel"
	if [ -f "$record/$from-$part" ]; then
		tap_check "$name, done before" true
	else
		tap_check "$name" chunk_from $from $part
	fi
done
# The numbers before a word in what all these chunks say, together.
sum() { # WORD
	cat "${logs[@]}" 2>/dev/null | awk -v word="$1" '/^# seed .* done,/ {
		for (i = 1; i < NF; i++)
			if ($(i + 1) ~ "^" word)
				sum += $i
		}
		END { print sum + 0 }'
}

echo "# $(sum "done") images: $(sum refused) refused, $(sum mapped) mapped; $(sum compactions) compactions"
[ "$count" -lt 11250 ] || tap_check 'five thousand of them were mapped' [ "$(sum mapped)" -ge 5000 ]
tap_done

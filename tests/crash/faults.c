// SPDX-License-Identifier: GPL-2.0-only
/*
 * The n-th operation on the file fails, or the n-th allocation. Whatever the
 * core makes of it: what was flushed stays, and what it shows afterwards, with
 * or without a power cut, is legal.
 */
#include <inttypes.h>
#include <stdio.h>

#include "crash.h"

static u64 allocations;
static u64 fail_allocation;

void *__real_vhdx_alloc(size_t bytes);
void *__wrap_vhdx_alloc(size_t bytes);

void *__wrap_vhdx_alloc(size_t bytes)
{
	if (++allocations == fail_allocation)
		return NULL;
	return __real_vhdx_alloc(bytes);
}

static void after_fault(struct crash *crash, struct run *run, const char *fault)
{
	struct cuts cuts = { .exhaustive = 2, .random = 2, .sparse = true,
			     .seed = crash->cuts.seed };
	struct verify v = { 0 };

	if (run->disk.misuse)
		crash_failed(crash, &run->disk, NULL, fault, NULL);
	if (!crash->failed && run->image && !verify_live(&v, run, false)) {
		crash_failed(crash, &run->disk, NULL, v.why, &v.bad);
		sim_state_destroy(&v.bad);
	}
	if (!crash->failed)
		cuts_for_each(&run->disk, &cuts, crash_cut, crash);
	if (crash->failed)
		fprintf(stderr, "with %s\n", fault);
}

/*
 * The workload goes on after a fault, as a guest does, who tries once more if
 * memory was short; what a failed write left is what counts from then on. But
 * after a failed flush the host shows from its cache what may never have reached
 * the medium, and nobody who opens the file anew can know that: no more opening
 * then.
 */
static void run_with(struct crash *crash, struct run *run)
{
	for (crash->at_step = 0; crash->at_step < crash->nr_steps;
	     crash->at_step++) {
		const struct step *step = crash->steps[crash->at_step];
		int err;

		if (run->disk.doubtful && step_opens(step))
			break;
		err = run_step(run, step);
		if (err && run->image)
			run_settle(run);
		if (err == -ENOMEM && run_step(run, step) && run->image)
			run_settle(run);
	}
}

/* Returns how many operations there were. */
static u64 try_operation(struct crash *crash, u64 nth, int err, bool for_ever)
{
	char fault[100];
	struct run run;
	u64 count = 0;

	crash_reseed(crash, 0);
	if (run_start(&run, crash->config, &crash->prelude->state,
		      &crash->prelude->oracle, crash->prelude->value)) {
		crash_failed(crash, NULL, NULL, "cannot open the prelude",
			     NULL);
		goto out;
	}
	crash->run = &run;
	run.disk.fail_at = nth;
	run.disk.fail_errno = err;
	run.disk.fail_for_ever = for_ever;
	run.disk.fail_reads = true;
	run_with(crash, &run);
	count = run.disk.operations;
	run.disk.fail_at = 0;
	snprintf(fault, sizeof(fault), "operation %" PRIu64 " failing %s: %s",
		 nth, for_ever ? "for ever" : "once", strerror(err));
	after_fault(crash, &run, fault);
	crash->faults++;
out:
	run_stop(&run);
	return count;
}

static u64 try_allocation(struct crash *crash, u64 nth)
{
	char fault[100];
	struct run run;
	u64 count;

	crash_reseed(crash, 0);
	allocations = 0;
	fail_allocation = nth;
	run_start(&run, crash->config, &crash->prelude->state,
		  &crash->prelude->oracle, crash->prelude->value);
	crash->run = &run;
	run_with(crash, &run);
	count = allocations;
	fail_allocation = 0;
	snprintf(fault, sizeof(fault), "allocation %" PRIu64 " failing", nth);
	after_fault(crash, &run, fault);
	crash->faults++;
	run_stop(&run);
	return count;
}

void crash_faults(struct crash *crash)
{
	static const struct {
		int err;
		bool for_ever;
	} kinds[] = {
		{ EIO, false }, { EIO, true },
		{ ENOSPC, false }, { ENOSPC, true },
		{ ENOMEM, false },
	};
	u64 count = try_operation(crash, 0, EIO, false), nth;
	size_t k;

	for (k = 0; k < ARRAY_SIZE(kinds); k++)
		for (nth = 1; nth <= count && !crash->failed; nth++)
			try_operation(crash, nth, kinds[k].err,
				      kinds[k].for_ever);
	count = crash->failed ? 0 : try_allocation(crash, 0);
	for (nth = 1; nth <= count && !crash->failed; nth++)
		try_allocation(crash, nth);
}

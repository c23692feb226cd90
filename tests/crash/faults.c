// SPDX-License-Identifier: GPL-2.0-only
/*
 * The n-th operation on the file fails, or the n-th allocation, once or from then
 * on. Whatever the core makes of it: what was flushed stays, and what it shows
 * afterwards, with or without a power cut, is legal.
 */
#include <inttypes.h>
#include <stdio.h>

#include "crash.h"

/* Headers, log, metadata and BAT are in front: vhdx_create() puts them there. */
#define VHDX_BLOCKS (4 << 20)

static u64 allocations;
static u64 fail_allocation;
static bool fail_allocations;	/* that one, and all behind it */

void *__real_vhdx_alloc(size_t bytes);
void *__wrap_vhdx_alloc(size_t bytes);

void *__wrap_vhdx_alloc(size_t bytes)
{
	if (++allocations == fail_allocation ||
	    (fail_allocations && fail_allocation &&
	     allocations > fail_allocation))
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
 * What a step did to an image that had not failed. After a failed flush nobody can
 * tell any more what is durable, after a failed write of metadata what is in the
 * file (R10); a full host and short memory have taken nothing, and the next try
 * may do.
 */
static const char *wrong_mode(const struct run *run, u64 failed_before)
{
	const struct sim_disk *disk = &run->disk;
	bool failed = vhdx_image_failed(run->image);

	if (disk->failed == failed_before)
		return failed && !disk->failed && fail_allocation ?
		       "failed for want of memory" : NULL;
	if (disk->failed_kind == SIM_FLUSH && disk->fail_errno == EIO)
		return failed ? NULL : "a failed flush, and it goes on";
	if (disk->failed_kind == SIM_WRITE && disk->fail_errno == EIO &&
	    run->config->options.format == VHDX_FORMAT_VHDX &&
	    disk->failed_offset < VHDX_BLOCKS)
		return failed ? NULL : "metadata not written, and it goes on";
	/* A file that has lost its end is completed before the first change. */
	if (disk->failed_growing && disk->fail_errno == ENOSPC &&
	    !disk->now.lost_bytes)
		return failed ? "failed for want of space" : NULL;
	/* A VHD's footers are read before the first change. */
	if (disk->failed_kind == SIM_READ &&
	    run->config->options.format == VHDX_FORMAT_VHDX)
		return failed ? "failed for a failed read" : NULL;
	return NULL;
}

/* What it shows, when asked without a fault, counts from now on. */
static bool settle(struct run *run)
{
	u64 operation = run->disk.fail_at, allocation = fail_allocation;
	bool legal;

	run->disk.fail_at = 0;
	fail_allocation = 0;
	legal = !run->image || !run_settle(run);
	run->disk.fail_at = operation;
	fail_allocation = allocation;
	return legal;
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
		bool sound = run->image && !vhdx_image_failed(run->image);
		u64 failed = run->disk.failed;
		const char *wrong = NULL;
		int err;

		if (run->disk.doubtful && step_opens(step))
			break;
		err = run_step(run, step);
		if (sound && !step_opens(step))
			wrong = wrong_mode(run, failed);
		if (!wrong && err && !settle(run))
			wrong = "what a failed step left is not legal";
		if (!wrong && err == -ENOMEM && run_step(run, step) &&
		    !settle(run))
			wrong = "what a step that failed twice left is not legal";
		if (!wrong)
			continue;
		crash_failed(crash, &run->disk, NULL, wrong, &run->disk.now);
		break;
	}
}

/**
 * struct fault_kind - how operations fail
 * @err: positive errno
 * @for_ever: once, or all from then on
 * @whole: a write does nothing, else it does its first half
 */
struct fault_kind {
	int err;
	bool for_ever;
	bool whole;
};

static const struct fault_kind no_fault;
static const struct fault_kind fault_kinds[] = {
	{ EIO, false, false }, { EIO, true, false }, { EIO, false, true },
	{ ENOSPC, false, false }, { ENOSPC, true, false },
	{ ENOSPC, false, true },
	{ ENOMEM, false, false }, { ENOMEM, false, true },
};

/* Returns how many operations there were. */
static u64 try_operation(struct crash *crash, u64 nth,
			 const struct fault_kind *kind)
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
	run.disk.fail_errno = kind->err;
	run.disk.fail_for_ever = kind->for_ever;
	run.disk.fail_whole = kind->whole;
	run.disk.fail_reads = true;
	run_with(crash, &run);
	count = run.disk.operations;
	run.disk.fail_at = 0;
	snprintf(fault, sizeof(fault), "operation %" PRIu64 " failing %s%s: %s",
		 nth, kind->for_ever ? "for ever" : "once",
		 kind->whole ? "" : ", by half", strerror(kind->err));
	after_fault(crash, &run, fault);
	crash->faults++;
out:
	run_stop(&run);
	return count;
}

static u64 try_allocation(struct crash *crash, u64 nth, bool for_ever)
{
	char fault[100];
	struct run run;
	u64 count;

	crash_reseed(crash, 0);
	allocations = 0;
	fail_allocation = nth;
	fail_allocations = for_ever;
	run_start(&run, crash->config, &crash->prelude->state,
		  &crash->prelude->oracle, crash->prelude->value);
	crash->run = &run;
	run_with(crash, &run);
	count = allocations;
	fail_allocation = 0;
	snprintf(fault, sizeof(fault), "allocation %" PRIu64 " failing %s", nth,
		 for_ever ? "for ever" : "once");
	after_fault(crash, &run, fault);
	crash->faults++;
	run_stop(&run);
	return count;
}

void crash_faults(struct crash *crash)
{
	u64 count = try_operation(crash, 0, &no_fault), nth;
	size_t k;

	for (k = 0; k < ARRAY_SIZE(fault_kinds); k++)
		for (nth = 1; nth <= count && !crash->failed; nth++)
			try_operation(crash, nth, &fault_kinds[k]);
	count = crash->failed ? 0 : try_allocation(crash, 0, false);
	for (nth = 1; nth <= 2 * count && !crash->failed; nth++)
		try_allocation(crash, (nth + 1) / 2, nth & 1);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest and its administrator do to a small disk, step by step, with the
 * oracle told of every step.
 */
#ifndef CRASH_WORKLOAD_H
#define CRASH_WORKLOAD_H

#include "compact.h"
#include "create.h"
#include "oracle.h"
#include "sim-disk.h"

/**
 * struct config - one kind of image
 * @name: for --only and messages
 * @options: how it is created
 * @stride: the workload's blocks are this many blocks apart; what lies between
 *	them is never touched
 * @grow_blocks: so many blocks at a time are added to the file
 * @device_bytes: it is on a block device of this size; 0: in a file
 * @no_punch: the host cannot punch
 */
struct config {
	const char *name;
	struct vhdx_create_options options;
	unsigned int stride;
	unsigned int grow_blocks;
	u64 device_bytes;
	bool no_punch;
};

extern const struct config configs[];
extern const size_t nr_configs;

/**
 * struct step - one thing that can be done
 * @name: for messages and --ops
 * @fn: does it; 0 or -errno
 * @block: first block it touches
 */
struct run;
struct step {
	const char *name;
	int (*fn)(struct run *run, const struct step *step);
	unsigned int block;
};

extern const struct step steps[];
extern const size_t nr_steps;

/**
 * struct run - a disk on which steps are done
 * @config: which kind of image
 * @disk: what is under it
 * @image: open; NULL after a failure to open it again
 * @report: of the last open
 * @oracle: what is legal now
 * @value: the last stamp given out
 * @compact: under way if @compacting
 */
struct run {
	const struct config *config;
	struct sim_disk disk;
	struct vhdx_image *image;
	struct vhdx_report report;
	struct oracle oracle;
	u32 value;
	struct vhdx_compact compact;
	bool compacting;
	u8 *buf;
};

/* Of the part of the disk that workloads use, as if it were in one piece. */
u64 config_pieces(const struct config *config);
u64 config_bytes(const struct config *config);
/* Where a part of it is on the disk; cut where it is not in one piece. */
u64 config_on_disk(const struct config *config, u64 offset, u64 *len);
/* A fresh image. Exits if it cannot be created. */
void config_create(const struct config *config, struct sim_state *state);

/* Open an image on @disk, and tell why where it fails. */
int open_image(const struct config *config, struct vhdx_container *container,
	       bool writable, bool check, struct vhdx_report *report,
	       struct vhdx_image **image);

/* Read the part of the disk that workloads use. */
int read_range(const struct config *config, struct vhdx_image *image,
	       u64 offset, void *buf, u64 len);

/* Start on a state that the oracle knows; no image is open yet on failure. */
int run_start(struct run *run, const struct config *config,
	      const struct sim_state *state, const struct oracle *oracle,
	      u32 value);
int run_step(struct run *run, const struct step *step);
/* From now on what the image shows is what was written last. */
int run_settle(struct run *run);
void run_stop(struct run *run);

/* It opens the image anew. */
bool step_opens(const struct step *step);
const struct step *find_step(const char *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One mutated image on its way through the module.
 */
#ifndef TESTS_MUTATED_H
#define TESTS_MUTATED_H

#include "core/image.h"
#include "lib/container-fd.h"
#include "lib/platform-user.h"
#include "mutate.h"

/**
 * struct tally - what a job has done
 * @number: the image it is at
 */
struct tally {
	u64 number, images, refused, mapped, steps, failed_steps, compactions;
};

/**
 * struct verdict - what the core in this process says
 * @report: of the last open
 * @fatal: what check finds
 * @read_err: @write_err: of opening
 * @geometry: if it could be opened
 */
struct verdict {
	struct vhdx_report report;
	bool fatal[VHDX_F_COUNT];
	int read_err, write_err;
	struct vhdx_geometry geometry;
};

#define PLACES 6
#define PLACE_BYTES 65536

/**
 * struct place - a range of the disk and what it holds
 * @known: false once an operation there has failed
 */
struct place {
	u64 at;
	u32 len;
	bool known;
	u8 *holds;
};

/**
 * struct subject - the image
 * @ram: as it was made
 * @path: the file
 * @name: of the mapping
 * @faults: what is to fail, a folder of debugfs; NULL for nothing
 * @keeps_data: discards may leave what was there
 * @fd: the device
 * @buf: for reading, and behind it what the places hold
 */
struct subject {
	u64 number;
	struct chance chance;
	struct tally *tally;
	struct ram *ram;
	struct verdict before;
	char path[4096];
	char name[32];
	const char *faults;
	bool read_only;
	bool keeps_data;
	int fd;
	u8 *buf;
	struct place place[PLACES];
	unsigned int places;
};

/* Says it and returns -1. */
int complain(const struct subject *s, const char *what, int err);
/* In the kernel, from now on. */
void set_faults(const struct subject *s, unsigned int percent);
/* The module's errno, negative. */
int subject_map(struct subject *s);
/* Choose places and ask the core in this process what they hold. */
void subject_learn(struct subject *s);
/* -1: it did what it must not do. Errors of single operations are none. */
int subject_use(struct subject *s);
int subject_unmap(struct subject *s);
/* Is everything still there, now that it is unmapped? */
int subject_verify(struct subject *s, struct vhdx_container *container);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open image: the format-neutral face over VHDX and VHD that the module,
 * the tool and the tests use.
 *
 * Two kinds of functions:
 *
 * lookups   vhdx_image_map(), the plan functions, the predicates: never sleep, never fail, take no
 *           lock and may run on any number of threads, provided that the caller
 *           holds the block (shared) so that nobody releases or moves it.
 * changes   everything else: one thread at a time (the metadata worker, or the
 *           tool). May sleep and do container I/O.
 *
 * A change is visible to lookups at once and durable after the next successful
 * vhdx_image_commit(). After a failed metadata write or flush the image is
 * failed (vhdx_image_failed()): lookups go on, changes return -EROFS.
 *
 * Opening never writes. A dirty log is replayed in memory; the first change
 * writes the replay to the file (and starts the session by R1a-R1c).
 */
#ifndef VHDX_IMAGE_H
#define VHDX_IMAGE_H

#include "container.h"
#include "finding.h"

struct vhdx_image;

enum vhdx_format {
	VHDX_FORMAT_VHDX,
	VHDX_FORMAT_VHD,
};

enum vhdx_type {
	VHDX_TYPE_FIXED,
	VHDX_TYPE_DYNAMIC,
	VHDX_TYPE_DIFFERENCING,
};

/**
 * struct vhdx_geometry - what never changes while an image is open
 * @format: container format
 * @type: fixed images keep every block and their length
 * @virtual_bytes: size of the disk, a multiple of @sector_bytes
 * @block_bytes: unit of allocation, a power of two. A fixed VHD has no blocks;
 *	it is treated as if it had 2 MiB ones, all present and in order
 * @blocks: number of blocks; the last one may reach past @virtual_bytes
 * @sector_bytes: logical sector, 512 or 4096
 * @physical_bytes: physical sector the image announces
 * @data_alignment: power of two that divides the file offset of the data of
 *	every block, now and in future: VHDX 1 MiB, VHD 4096 or 512
 * @id: VHDX virtual disk id or VHD unique id, as stored
 */
struct vhdx_geometry {
	enum vhdx_format format;
	enum vhdx_type type;
	u64 virtual_bytes;
	u32 block_bytes;
	u64 blocks;
	u32 sector_bytes;
	u32 physical_bytes;
	u32 data_alignment;
	u8 id[16];
};

/**
 * struct vhdx_open_options - how to open
 * @format: which format to expect; @any_format: find out (a fixed VHD is only
 *	recognised by the footer at the end of the file)
 * @name: the file's name or path, NULL if it has none. It tells only one
 *	thing: a VHD Set (.vhds), whose contents are not documented
 * @writable: changes are allowed; also refuses what is unfit for writing
 * @check: report everything, WRITE and UNTIDY findings included; the image is
 *	handed out only if nothing fatal was found
 * @grow_bytes: extend the file by at least this much at a time (0: one block)
 */
struct vhdx_open_options {
	const char *name;
	bool any_format;
	enum vhdx_format format;
	bool writable;
	bool check;
	u32 grow_bytes;
};

int vhdx_image_open(struct vhdx_container *container,
		    const struct vhdx_open_options *options,
		    struct vhdx_report *report, struct vhdx_image **image);
void vhdx_image_close(struct vhdx_image *image);

/* ---- lookups ---------------------------------------------------------- */

const struct vhdx_geometry *vhdx_image_geometry(const struct vhdx_image *image);
struct vhdx_container *vhdx_image_container(const struct vhdx_image *image);

enum vhdx_extent_kind {
	VHDX_EXTENT_ZERO,	/* reads as zeros, owns no space (or none that counts) */
	VHDX_EXTENT_DATA,	/* lives at offset_bytes in the container */
	VHDX_EXTENT_LOAD,	/* ask vhdx_image_load() first, then again */
	VHDX_EXTENT_PREPARE,	/* ask vhdx_image_prepare_write() first, then again */
};

/**
 * struct vhdx_extent - where a virtual range lives
 * @kind: see above. LOAD occurs only for reads, PREPARE only for writes
 * @offset_bytes: file offset of the first byte (DATA)
 * @len_bytes: how much of the range this answers for, > 0
 */
struct vhdx_extent {
	enum vhdx_extent_kind kind;
	u64 offset_bytes;
	u64 len_bytes;
};

void vhdx_image_map(const struct vhdx_image *image, u64 virtual_bytes,
		    u64 len_bytes, bool write, struct vhdx_extent *extent);

enum vhdx_release {
	VHDX_RELEASE_UNMAP,	/* VHDX: UNMAPPED; VHD: free */
	VHDX_RELEASE_ZERO,	/* VHDX: ZERO; VHD: free */
};

enum vhdx_plan_kind {
	VHDX_PLAN_NOTHING,	/* already reads as zeros */
	VHDX_PLAN_RELEASE,	/* vhdx_image_release(block, how) */
	VHDX_PLAN_PUNCH,	/* zero offset_bytes, len_bytes of the container */
	VHDX_PLAN_LOAD,		/* vhdx_image_load(), then plan again */
};

/**
 * struct vhdx_plan - what a discard or write-zeroes inside one block needs
 * @kind: see above
 * @how: for RELEASE
 * @offset_bytes: for PUNCH: file offset. A discard may leave what the host
 *	cannot punch, write-zeroes must then write zeros
 * @len_bytes: for PUNCH: the whole range asked for
 */
struct vhdx_plan {
	enum vhdx_plan_kind kind;
	enum vhdx_release how;
	u64 offset_bytes;
	u64 len_bytes;
};

/* The range lies within one block; the caller holds the block exclusively. */
void vhdx_image_plan_discard(const struct vhdx_image *image, u64 virtual_bytes,
			     u64 len_bytes, struct vhdx_plan *plan);
void vhdx_image_plan_zero(const struct vhdx_image *image, u64 virtual_bytes,
			  u64 len_bytes, bool keep_space,
			  struct vhdx_plan *plan);

/* Space of a block in the container, whatever its state; false if it has none. */
bool vhdx_image_block_space(const struct vhdx_image *image, u64 block,
			    u64 *offset_bytes, u64 *len_bytes);
/* Metadata changes wait for a commit (or a commit is under way). */
bool vhdx_image_is_dirty(const struct vhdx_image *image);
/* A guest-visible change needs no vhdx_image_begin_data_change() any more. */
bool vhdx_image_data_change_begun(const struct vhdx_image *image);
bool vhdx_image_failed(const struct vhdx_image *image);
bool vhdx_image_needs_replay(const struct vhdx_image *image);

/**
 * struct vhdx_usage - counters for status, kept up to date
 * @blocks_present: blocks that own space in the file
 * @free_bytes: space inside the file that no block owns and that may be reused
 * @pending_bytes: released, not yet durable or waiting for its punch
 * @commits: commits that reached the disk since open
 */
struct vhdx_usage {
	u64 blocks_present;
	u64 free_bytes;
	u64 pending_bytes;
	u64 commits;
};

void vhdx_image_usage(const struct vhdx_image *image, struct vhdx_usage *usage);

/* ---- changes ---------------------------------------------------------- */

int vhdx_image_begin_data_change(struct vhdx_image *image);
int vhdx_image_load(struct vhdx_image *image, u64 block);
int vhdx_image_prepare_write(struct vhdx_image *image, u64 block);
int vhdx_image_release(struct vhdx_image *image, u64 block,
		       enum vhdx_release how);
int vhdx_image_commit(struct vhdx_image *image);
int vhdx_image_finish(struct vhdx_image *image);
void vhdx_image_fail(struct vhdx_image *image);

/**
 * struct vhdx_range - bytes of the container
 */
struct vhdx_range {
	u64 offset_bytes;
	u64 len_bytes;
};

/*
 * Released space whose release is durable waits here to be punched. A range
 * handed out belongs to the caller until vhdx_image_punched(): nobody
 * allocates it meanwhile (R7).
 */
bool vhdx_image_next_punch(struct vhdx_image *image, struct vhdx_range *range);
void vhdx_image_punched(struct vhdx_image *image,
			const struct vhdx_range *range);
/* Punch all that wait, here and now; for those without a thread for it. */
int vhdx_image_punch_all(struct vhdx_image *image);

/* ---- changes that only compaction makes -------------------------------- */

/*
 * R8: reserve() takes space for the block's copy below its present place (or
 * -ERANGE: there is none); the caller copies while it holds the block
 * exclusively; move() switches the entry and frees the old place, or
 * unreserve() gives the new one back. The copy becomes durable in the flush
 * that every commit begins with, so before the switch does.
 */
int vhdx_image_reserve_below(struct vhdx_image *image, u64 block,
			     struct vhdx_range *from, struct vhdx_range *to);
int vhdx_image_move(struct vhdx_image *image, u64 block,
		    const struct vhdx_range *to);
void vhdx_image_unreserve(struct vhdx_image *image,
			  const struct vhdx_range *to);
/* Drop a soft anchor or the useless offset of an entry without space. */
int vhdx_image_tidy_entry(struct vhdx_image *image, u64 block);
/* R11: cut off the unused end of the file. Durable on return. */
int vhdx_image_truncate(struct vhdx_image *image);

/* ---- synchronous data path: the tool, the simulator, the fuzzers ------- */

int vhdx_image_read(struct vhdx_image *image, u64 virtual_bytes, void *buf,
		    size_t len_bytes);
int vhdx_image_write(struct vhdx_image *image, u64 virtual_bytes,
		     const void *buf, size_t len_bytes);
int vhdx_image_discard(struct vhdx_image *image, u64 virtual_bytes,
		       u64 len_bytes);
int vhdx_image_write_zeroes(struct vhdx_image *image, u64 virtual_bytes,
			    u64 len_bytes, bool keep_space);

#endif

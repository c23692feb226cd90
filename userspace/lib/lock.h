/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One writer, or any number of readers, of an image: open file description
 * locks on the bytes that QEMU uses for it, so that QEMU, the module and this
 * tool see each other. They go when the last copy of the descriptor is closed;
 * the module holds one as long as the image is mapped.
 */
#ifndef VHDX_LIB_LOCK_H
#define VHDX_LIB_LOCK_H

#include "core/platform.h"

enum vhdx_lock_conflict {
	VHDX_LOCK_NONE,
	VHDX_LOCK_HAS_WRITER,	/* somebody else may write */
	VHDX_LOCK_HAS_READER,	/* somebody else relies on what is there */
};

/**
 * vhdx_lock_image() - become the writer or one of the readers
 * @fd: open for reading at least
 * @write: become the writer
 * @conflict: what is in the way, set with -EBUSY
 *
 * Return: 0, -EBUSY, or what fcntl() said (a file system without locks).
 */
int vhdx_lock_image(int fd, bool write, enum vhdx_lock_conflict *conflict);

#endif

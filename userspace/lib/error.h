/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One error: a sentence for a person, a number for programs. The library
 * fills it in, the tool prints it; the library itself never prints.
 */
#ifndef VHDX_LIB_ERROR_H
#define VHDX_LIB_ERROR_H

#include "core/platform.h"

/* X(name, number, exit code): the numbers of CompactVirtualHardDisk */
#define VHDX_RETURNS(X) \
	X(COMPLETED, 0, 0, "completed") \
	X(JOB_STARTED, 4096, 0, "job started") \
	X(FAILED, 32768, 1, "failed") \
	X(ACCESS_DENIED, 32769, 2, "access denied") \
	X(NOT_SUPPORTED, 32770, 4, "not supported") \
	X(STATUS_UNKNOWN, 32771, 1, "status unknown") \
	X(TIMEOUT, 32772, 1, "timeout") \
	X(INVALID_PARAMETER, 32773, 1, "invalid parameter") \
	X(IN_USE, 32774, 5, "in use") \
	X(INVALID_STATE, 32775, 1, "invalid state") \
	X(INCORRECT_DATA_TYPE, 32776, 4, "incorrect data type") \
	X(NOT_AVAILABLE, 32777, 4, "not available") \
	X(OUT_OF_MEMORY, 32778, 3, "out of memory") \
	X(FILE_NOT_FOUND, 32779, 4, "file not found")

enum vhdx_return {
#define VHDX_RETURN_ENUM(name, number, exit_code, text) \
	VHDX_RETURN_##name = number,
	VHDX_RETURNS(VHDX_RETURN_ENUM)
#undef VHDX_RETURN_ENUM
};

/* Exit codes of the tool. */
enum vhdx_exit {
	VHDX_EXIT_OK = 0,
	VHDX_EXIT_FAILED = 1,
	VHDX_EXIT_PERMISSION = 2,
	VHDX_EXIT_MEMORY = 3,
	VHDX_EXIT_WRONG_DEVICE = 4,
	VHDX_EXIT_BUSY = 5,
	VHDX_EXIT_CORRUPT = 6,
	VHDX_EXIT_UNTIDY = 7,
};

/**
 * struct vhdx_error - what went wrong
 * @err: errno, 0 if nothing did. EBADFD: the state of the image forbids it
 * @text: one line: what, and what to do about it
 */
struct vhdx_error {
	int err;
	char text[768];
};

/* Returns -@err, so that callers can write return vhdx_error_set(...). */
__attribute__((format(printf, 3, 4)))
int vhdx_error_set(struct vhdx_error *error, int err, const char *format, ...);

enum vhdx_return vhdx_return_of_errno(int err);
const char *vhdx_return_name(enum vhdx_return value);
int vhdx_return_exit_code(enum vhdx_return value);
/* As vhdx_return_exit_code(), but a corrupt image is a wrong one. */
int vhdx_errno_exit_code(int err);

#endif

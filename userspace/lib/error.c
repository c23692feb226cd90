// SPDX-License-Identifier: GPL-2.0-only
/* Errors, return values and exit codes. */
#include <stdarg.h>
#include <stdio.h>

#include "error.h"

int vhdx_error_set(struct vhdx_error *error, int err, const char *format, ...)
{
	va_list arguments;

	error->err = err;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return -err;
}

enum vhdx_return vhdx_return_of_errno(int err)
{
	switch (err) {
	case 0:
		return VHDX_RETURN_COMPLETED;
	case EACCES:
	case EPERM:
	case EROFS:
		return VHDX_RETURN_ACCESS_DENIED;
	case EOPNOTSUPP:
		return VHDX_RETURN_NOT_SUPPORTED;
	case ETIMEDOUT:
		return VHDX_RETURN_TIMEOUT;
	case EINVAL:
		return VHDX_RETURN_INVALID_PARAMETER;
	case EBUSY:
	case ETXTBSY:
	case EEXIST:
		return VHDX_RETURN_IN_USE;
	case EBADFD:
		return VHDX_RETURN_INVALID_STATE;
	case EMEDIUMTYPE:
	case EISDIR:
		return VHDX_RETURN_INCORRECT_DATA_TYPE;
	case ENODEV:
	case ENXIO:
		return VHDX_RETURN_NOT_AVAILABLE;
	case ENOMEM:
		return VHDX_RETURN_OUT_OF_MEMORY;
	case ENOENT:
	case ENOTDIR:
		return VHDX_RETURN_FILE_NOT_FOUND;
	default:
		return VHDX_RETURN_FAILED;
	}
}

struct return_entry {
	enum vhdx_return value;
	int exit_code;
	const char *name;
};

static const struct return_entry returns[] = {
#define RETURN_ENTRY(name, number, exit_code, text) \
	{ number, exit_code, text },
	VHDX_RETURNS(RETURN_ENTRY)
#undef RETURN_ENTRY
};

static const struct return_entry *find_return(enum vhdx_return value)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(returns); i++)
		if (returns[i].value == value)
			return &returns[i];
	return find_return(VHDX_RETURN_FAILED);
}

const char *vhdx_return_name(enum vhdx_return value)
{
	return find_return(value)->name;
}

int vhdx_return_exit_code(enum vhdx_return value)
{
	return find_return(value)->exit_code;
}

int vhdx_errno_exit_code(int err)
{
	if (err == EUCLEAN || err == EBADMSG)
		return VHDX_EXIT_WRONG_DEVICE;
	return vhdx_return_exit_code(vhdx_return_of_errno(err));
}

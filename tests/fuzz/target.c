// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entry of every fuzz target.
 */
#include "door.h"
#include "platform-user.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
const char *__asan_default_options(void);

/* A long quarantine takes memory and time, and finds no more here. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4:thread_local_quarantine_size_kb=64";
}

/* The same input, the same run; but not the GUIDs of what input it is made of. */
static u64 seed_of(const u8 *data, size_t size)
{
	return (u64)vhdx_crc32c(0, data, size) << 8 | 1;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct picture picture;

	vhdx_platform_seed(seed_of(data, size));
	if (!picture_load(&picture, data, size))
		return 0;
	door(&picture);
	picture_destroy(&picture);
	return 0;
}

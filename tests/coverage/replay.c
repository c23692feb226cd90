// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzz target without a fuzzer: it is given the files named, and the folders'.
 */
#include <dirent.h>
#include <stdio.h>

#include "platform.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static int replay(const char *path)
{
	static u8 input[1 << 20];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		return 1;
	}
	size = fread(input, 1, sizeof(input), file);
	fclose(file);
	return LLVMFuzzerTestOneInput(input, size);
}

static int replay_folder(const char *path)
{
	char name[4096];
	DIR *folder = opendir(path);
	struct dirent *entry;
	int failed = 0;

	if (!folder)
		return replay(path);
	while (!failed && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		failed = replay(name);
	}
	closedir(folder);
	return failed;
}

int main(int argc, char **argv)
{
	int i, failed = 0;

	for (i = 1; i < argc && !failed; i++)
		failed = replay_folder(argv[i]);
	return failed;
}

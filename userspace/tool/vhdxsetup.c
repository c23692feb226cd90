// SPDX-License-Identifier: GPL-2.0-only
/* vhdxsetup: the command line, and which verb it means. */
#include <getopt.h>
#include <signal.h>

#include "tool/vhdxsetup.h"

struct verb_entry {
	const char *name;
	int (*function)(const struct invocation *run);
	int least;
	int most;
	const char *arguments;
	const char *help;
};

static const struct verb_entry verbs[VERB_COUNT] = {
#define VERB_ENTRY(verb, least, most, arguments, help) \
	[VERB_##verb] = { #verb, verb_##verb, least, most, arguments, help },
	VERBS(VERB_ENTRY)
#undef VERB_ENTRY
};

struct option_entry {
	const char *name;
	char letter;
	const char *value;
	unsigned int verbs;
	const char *help;
};

static const struct option_entry options[OPTION_COUNT] = {
#define OPTION_ENTRY(id, name, letter, value, verbs, help) \
	[OPTION_##id] = { name, letter, value, verbs, help },
	OPTIONS(OPTION_ENTRY)
#undef OPTION_ENTRY
};

static void print_option(const struct option_entry *option)
{
	char text[64], letter[8] = "    ";

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	snprintf(text, sizeof(text), "%s--%s%s%s", letter, option->name,
		 option->value ? "=" : "", option->value ? option->value : "");
	printf("  %-32s %s\n", text, option->help);
}

static void print_verb(const struct verb_entry *verb)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %s", verb->name, verb->arguments);
	printf("  %-32s %s\n", text, verb->help);
}

/* Help on all, or on one verb. */
static int print_help(const struct verb_entry *verb)
{
	size_t i;

	printf("Usage: vhdxsetup %s [OPTION]...%s%s\n\n",
	       verb ? verb->name : "VERB", verb && !verb->most ? "" : " ",
	       verb ? verb->arguments : "[ARGUMENT]...");
	if (!verb)
		puts("VHD and VHDX images as block devices.\n\nVerbs:");
	for (i = 0; i < VERB_COUNT; i++)
		if (!verb || verb == &verbs[i])
			print_verb(&verbs[i]);
	puts("\nOptions:");
	for (i = 0; i < OPTION_COUNT; i++)
		if (!verb || options[i].verbs & 1U << (verb - verbs))
			print_option(&options[i]);
	puts("\nSizes take K, M, G, T (powers of 1024) or KB, MB, GB, TB.");
	puts("Exit codes: 0 ok, 1 usage or failed, 2 permission, 3 memory, 4 wrong image or\n"
	     "device, 5 exists or busy; check adds 6 corrupt, 7 sound but untidy.");
	return VHDX_EXIT_OK;
}

static const struct verb_entry *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < VERB_COUNT; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* getopt's tables, made of ours; the value of a long option is 256 + its id. */
static void make_tables(struct option *table, char *letters)
{
	size_t i;

	*letters++ = ':';
	for (i = 0; i < OPTION_COUNT; i++) {
		table[i] = (struct option) {
			.name = options[i].name,
			.has_arg = options[i].value ? required_argument :
						      no_argument,
			.val = 256 + i,
		};
		if (!options[i].letter)
			continue;
		*letters++ = options[i].letter;
		if (options[i].value)
			*letters++ = ':';
	}
}

static size_t option_of(int found)
{
	size_t i;

	if (found >= 256)
		return found - 256;
	for (i = 0; i < OPTION_COUNT; i++)
		if (options[i].letter == found)
			break;
	return i;
}

static int parse(int argc, char **argv, struct invocation *run)
{
	struct option table[OPTION_COUNT + 1] = { 0 };
	char letters[2 * OPTION_COUNT + 2] = "";
	size_t i;
	int found;

	make_tables(table, letters);
	opterr = 0;
	while ((found = getopt_long(argc, argv, letters, table, NULL)) != -1) {
		const char *word = argv[optind - 1];

		if (found == ':')
			return usage_error("%s: this option needs a value",
					   word);
		if (found == '?')
			return usage_error("%s: there is no such option, or it takes no value",
					   word);
		i = option_of(found);
		run->value[i] = optarg ? optarg : "";
	}
	run->argument = argv + optind;
	run->arguments = argc - optind;
	return VHDX_EXIT_OK;
}

static int check_usage(const struct verb_entry *verb,
		       const struct invocation *run)
{
	size_t i;

	for (i = 0; i < OPTION_COUNT; i++)
		if (run->value[i] &&
		    !(options[i].verbs & 1U << (verb - verbs)))
			return usage_error("--%s: this option is not for %s",
					   options[i].name, verb->name);
	if (run->arguments < verb->least || run->arguments > verb->most)
		return usage_error("usage: vhdxsetup %s [OPTION]...%s%s",
				   verb->name, verb->most ? " " : "",
				   verb->arguments);
	return VHDX_EXIT_OK;
}

static int dispatch(struct invocation *run)
{
	const struct verb_entry *verb = NULL;
	int ret;

	if (given(run, OPTION_VERSION)) {
		puts("vhdxsetup " VHDX_VERSION);
		return VHDX_EXIT_OK;
	}
	if (run->arguments) {
		verb = find_verb(run->argument[0]);
		if (!verb)
			return usage_error("%s: there is no such verb",
					   run->argument[0]);
		run->verb = verb->name;
		run->argument++;
		run->arguments--;
	}
	if (given(run, OPTION_HELP))
		return print_help(verb);
	if (!verb)
		return usage_error("the verb is missing");
	ret = check_usage(verb, run);
	return ret ? ret : verb->function(run);
}

int main(int argc, char **argv)
{
	struct invocation run = { 0 };
	int ret;

	/* A file size limit is an error of the write, not the end of us. */
	signal(SIGXFSZ, SIG_IGN);

	ret = parse(argc, argv, &run);
	if (!ret)
		ret = dispatch(&run);
	if ((fflush(stdout) || ferror(stdout)) && !ret) {
		complain("standard output: %s", strerror(errno));
		ret = VHDX_EXIT_FAILED;
	}
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-only
/* What the verbs say: text, JSON and complaints. */
#include <ctype.h>
#include <stdarg.h>

#include "tool/vhdxsetup.h"

__attribute__((format(printf, 1, 0)))
static void complain_list(const char *format, va_list arguments)
{
	char text[1024];
	char *c;

	vsnprintf(text, sizeof(text), format, arguments);
	for (c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	fflush(stdout);
	fprintf(stderr, "vhdxsetup: %s\n", text);
}

void complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain_list(format, arguments);
	va_end(arguments);
}

int fail(const struct vhdx_error *error)
{
	complain("%s", error->text);
	return vhdx_errno_exit_code(error->err);
}

int usage_error(const char *format, ...)
{
	va_list arguments;
	char text[512];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	complain("%s; try 'vhdxsetup --help'", text);
	return VHDX_EXIT_FAILED;
}

/* ---- numbers -------------------------------------------------------------- */

/* Factor for "", "K", "KiB", "KB" and so on; 0 for anything else. */
static u64 unit_factor(const char *unit)
{
	static const char letters[] = "KMGTPE";
	const char *letter;
	u64 base, factor = 1;

	if (!*unit || !strcmp(unit, "B"))
		return 1;
	letter = strchr(letters, toupper((unsigned char)*unit));
	if (!letter)
		return 0;
	if (!unit[1] || !strcmp(unit + 1, "iB"))
		base = 1024;
	else if (!strcmp(unit + 1, "B"))
		base = 1000;
	else
		return 0;
	for (; letter >= letters; letter--)
		factor *= base;
	return factor;
}

static int parse_number(const char *text, bool units, u64 *number)
{
	unsigned long long value;
	u64 factor;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	factor = units ? unit_factor(end) : !*end;
	if (errno || !factor || check_mul_overflow(value, factor, number))
		return -EINVAL;
	return 0;
}

static int option_value(const struct invocation *run, enum option_id option,
			bool units, u64 *number, struct vhdx_error *error)
{
	const char *text = run->value[option];

	if (!text || !parse_number(text, units, number))
		return 0;
	return vhdx_error_set(error, EINVAL,
			      "%s: not a %s; try 'vhdxsetup --help'", text,
			      units ? "size" : "number");
}

int option_size(const struct invocation *run, enum option_id option,
		u64 *number, struct vhdx_error *error)
{
	return option_value(run, option, true, number, error);
}

int option_number(const struct invocation *run, enum option_id option,
		  u64 *number, struct vhdx_error *error)
{
	return option_value(run, option, false, number, error);
}

const char *size_text(u64 bytes, char text[SIZE_TEXT_BYTES])
{
	static const char *const units[] = {
		"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"
	};
	double value = bytes / 1024.0;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(text, SIZE_TEXT_BYTES, "%llu bytes",
			 (unsigned long long)bytes);
		return text;
	}
	while (value >= 1024 && i + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		i++;
	}
	snprintf(text, SIZE_TEXT_BYTES, "%.*f %s (%llu bytes)",
		 value == (u64)value ? 0 : 1, value, units[i],
		 (unsigned long long)bytes);
	return text;
}

/* ---- JSON ----------------------------------------------------------------- */

struct json_object *json_document(void)
{
	struct json_object *object = json_object_new_object();

	json_set_number(object, "schema", 1);
	return object;
}

/* Length of the UTF-8 character that begins here, 0 if there is none. */
static size_t utf8_bytes(const unsigned char *c)
{
	static const u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t i, n = *c < 0x80 ? 1 : *c < 0xE0 ? 2 : *c < 0xF0 ? 3 : 4;
	u32 value = *c & 0xFF >> (n + 1);

	if (n == 1)
		return 1;
	if (*c < 0xC0 || *c > 0xF4)
		return 0;
	for (i = 1; i < n; i++) {
		if ((c[i] & 0xC0) != 0x80)
			return 0;
		value = value << 6 | (c[i] & 0x3F);
	}
	return value < least[n] || value > 0x10FFFF ||
	       (value >= 0xD800 && value < 0xE000) ? 0 : n;
}

/* A file may be called anything, JSON is UTF-8: U+FFFD for what is not. */
static struct json_object *json_text(const char *text)
{
	CLEANUP_FREE char *clean = malloc(3 * strlen(text) + 1);
	char *end = clean;
	size_t n;

	if (!clean)
		return NULL;
	for (; *text; text += n ? n : 1) {
		n = utf8_bytes((const unsigned char *)text);
		memcpy(end, n ? text : "\xEF\xBF\xBD", n ? n : 3);
		end += n ? n : 3;
	}
	return json_object_new_string_len(clean, end - clean);
}

void json_set_text(struct json_object *object, const char *key,
		   const char *text)
{
	json_object_object_add(object, key, text ? json_text(text) : NULL);
}

void json_set_number(struct json_object *object, const char *key, u64 number)
{
	json_object_object_add(object, key, json_object_new_uint64(number));
}

void json_set_flag(struct json_object *object, const char *key, bool flag)
{
	json_object_object_add(object, key, json_object_new_boolean(flag));
}

void json_set_counter(struct json_object *object, const char *key, u64 number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	json_set_text(object, key, text);
}

void json_finish(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object,
					    JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

static void print_object(struct json_object *object, int depth);

static void print_value(const char *key, struct json_object *value, int depth)
{
	size_t i, key_bytes = strlen(key), count;
	char name[64], text[SIZE_TEXT_BYTES];
	bool is_size = false;

	if (key_bytes > 6 && !strcmp(key + key_bytes - 6, "_bytes")) {
		is_size = true;
		key_bytes -= 6;
	}
	snprintf(name, sizeof(name), "%.*s:", (int)key_bytes, key);
	for (i = 0; name[i]; i++)
		if (name[i] == '_')
			name[i] = ' ';

	printf("%*s", 2 * depth, "");
	if (json_object_is_type(value, json_type_object)) {
		puts(name);
		print_object(value, depth + 1);
	} else if (json_object_is_type(value, json_type_array)) {
		puts(name);
		count = json_object_array_length(value);
		for (i = 0; i < count; i++)
			print_object(json_object_array_get_idx(value, i),
				     depth + 1);
	} else {
		printf("%-*s %s\n", 24 - 2 * depth, name,
		       is_size ? size_text(json_object_get_uint64(value), text) :
		       value ? json_object_get_string(value) : "-");
	}
}

static void print_object(struct json_object *object, int depth)
{
	json_object_object_foreach(object, key, value)
		if (depth || strcmp(key, "schema"))
			print_value(key, value, depth);
}

void print_document(const struct invocation *run, struct json_object *object)
{
	if (given(run, OPTION_JSON)) {
		json_finish(object);
		return;
	}
	print_object(object, 0);
	json_object_put(object);
}

/* ---- words ----------------------------------------------------------------- */

const char *format_name(enum vhdx_format format)
{
	return format == VHDX_FORMAT_VHD ? "vhd" : "vhdx";
}

const char *type_name(enum vhdx_type type)
{
	switch (type) {
	case VHDX_TYPE_FIXED:
		return "fixed";
	case VHDX_TYPE_DYNAMIC:
		return "dynamic";
	default:
		return "differencing";
	}
}

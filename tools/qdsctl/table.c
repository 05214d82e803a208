// SPDX-License-Identifier: GPL-2.0
/*
 * table create, info, insert, lookup, remove; table stats is in stats.c, table walk
 * and seal in table_walk.c
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "name.h"
#include "parse.h"
#include "qdsctl.h"

/* Entries given to the kernel at once. */
#define BATCH 1024

enum operation { INSERT, LOOKUP, REMOVE };

/**
 * struct work - entries on their way through a command
 * @call: the command
 * @operation: what is done with the entries
 * @object: the table
 * @entries: a batch of them
 * @keys: its keys
 * @values: its values
 * @results: its results
 * @lines: the lines of the file that they are from; 0 if from none
 * @key_lens: length of each key, if @varlen
 * @value_lens: length of each value, if @varlen
 * @key_size: bytes of a key, or of the longest
 * @value_size: bytes of a value, or of the longest
 * @varlen: have keys and values lengths of their own?
 * @yes: entries inserted, found or removed
 * @no: entries that were there already, or were not
 * @list: the JSON that is being written
 */
struct work {
	struct call *call;
	enum operation operation;
	struct object object;
	struct qds_entries entries;
	unsigned char *keys;
	unsigned char *values;
	int32_t results[BATCH];
	unsigned int lines[BATCH];
	uint32_t key_lens[BATCH];
	uint32_t value_lens[BATCH];
	uint32_t key_size;
	uint32_t value_size;
	bool varlen;
	uint64_t yes;
	uint64_t no;
	struct json_list list;
};

static unsigned char *key_at(const struct work *work, uint32_t i)
{
	return work->keys + (size_t)i * work->key_size;
}

static unsigned char *value_at(const struct work *work, uint32_t i)
{
	return work->values + (size_t)i * work->value_size;
}

/* As the user wants it, unless it has a length that cannot be written so. */
static char *write_key(const struct work *work, uint32_t i)
{
	uint32_t size = work->varlen ? work->key_lens[i] : work->key_size;

	return format_write_some(work->object.key_format, key_at(work, i), size);
}

static char *write_value(const struct work *work, uint32_t i)
{
	uint32_t size = work->varlen ? work->value_lens[i] : work->value_size;

	return format_write_some(work->object.value_format, value_at(work, i),
				 size);
}

/* Values go in with INSERT and come out with LOOKUP. */
static bool has_values(const struct work *work)
{
	return work->value_size && work->operation != REMOVE;
}

static int issue(const struct work *work, struct qds_entries *entries)
{
	switch (work->operation) {
	case INSERT:
		return qds_table_insert(work->object.fd, entries);
	case LOOKUP:
		return qds_table_lookup(work->object.fd, entries);
	default:
		return qds_table_remove(work->object.fd, entries);
	}
}

static void print_json(struct work *work, const char *key, const char *value,
		       bool found)
{
	struct json_object *json = json_object_new_object();

	json_text(json, "key", key);
	json_object_object_add(json, "found", json_object_new_boolean(found));
	if (found && has_values(work))
		json_text(json, "value", value);
	json_list_add(&work->list, json);
}

/* One key looked up. */
static enum status print_found(struct work *work, uint32_t i)
{
	bool found = !work->results[i];
	char *key, *value;
	enum status status = STATUS_OK;

	if (work->call->raw) {
		if (found) {
			fwrite(key_at(work, i), work->key_size, 1, stdout);
			fwrite(value_at(work, i), work->value_size, 1, stdout);
		}
		return STATUS_OK;
	}
	key = write_key(work, i);
	value = write_value(work, i);
	if (!key || !value)
		status = fail_errno(work->call, -ENOMEM, "%s",
				    work->object.name);
	else if (work->call->json)
		print_json(work, key, value, found);
	else if (found)
		printf("%s%s%s\n", key, *value ? " " : "", value);
	free(key);
	free(value);
	return status;
}

static enum status report_error(struct work *work, uint32_t i)
{
	char *key = write_key(work, i);
	enum status status;

	status = fail_errno(work->call, work->results[i], "key %s",
			    key ? key : "?");
	free(key);
	return status;
}

/* A key that was there already, or was not; where there are many, only the sum. */
static void report_no(struct work *work, uint32_t i)
{
	char *key;

	work->no++;
	if (work->call->file || work->call->quiet ||
	    (work->operation == LOOKUP && work->call->json))
		return;
	key = write_key(work, i);
	fail(work->call, STATUS_NO, "key %s %s", key ? key : "?",
	     work->operation == INSERT ? "is there already" :
					 "is not in the table");
	free(key);
}

static enum status report(struct work *work)
{
	enum status status = STATUS_OK;
	uint32_t i;

	for (i = 0; i < work->entries.nr; i++) {
		work->call->line = work->lines[i];
		if (!work->results[i]) {
			work->yes++;
		} else if (work->results[i] == -EEXIST ||
			   work->results[i] == -ENOENT) {
			report_no(work, i);
			status = worst(status, STATUS_NO);
		} else {
			/* Others fail alike, as where the table is full. */
			if (status <= STATUS_NO)
				status = report_error(work, i);
			continue;
		}
		if (work->operation == LOOKUP)
			status = worst(status, print_found(work, i));
	}
	return status;
}

/* Gives the batch to the kernel and begins a new one. */
static enum status flush(struct work *work)
{
	unsigned int line = work->call->line;
	enum status status;
	int err;

	if (!work->entries.nr)
		return STATUS_OK;
	work->call->line = 0;
	work->entries.keys = work->keys;
	work->entries.values = has_values(work) ? work->values : NULL;
	work->entries.results = work->results;
	work->entries.key_size = work->key_size;
	work->entries.value_size = has_values(work) ? work->value_size : 0;
	work->entries.key_lens = work->varlen ? work->key_lens : NULL;
	work->entries.value_lens = work->varlen && has_values(work) ?
				   work->value_lens : NULL;
	err = issue(work, &work->entries);
	if (err)
		status = fail_errno(work->call, err, "%s", work->object.name);
	else
		status = report(work);
	work->call->line = line;
	work->entries.nr = 0;
	return status;
}

static enum status read_error(struct work *work, const char *what, int err,
			      const char *text, enum format format, size_t size)
{
	if (err == -EMSGSIZE && work->varlen)
		return fail(work->call, STATUS_USAGE,
			    "%s '%s' has not 1 to %zu bytes, written as %s",
			    what, text, size, format_name(format));
	if (err == -EMSGSIZE)
		return fail(work->call, STATUS_USAGE,
			    "%s '%s' is not of the table's %zu bytes, written as %s: say how with %s",
			    what, text, size, format_name(format),
			    strcmp(what, "key") ? "-V" : "-K");
	return fail(work->call, STATUS_USAGE, "%s '%s' %s %s", what, text,
		    err == -ERANGE ? "is too large for" : "is not written as",
		    format_name(format));
}

static int read_key(struct work *work, uint32_t i, const char *text)
{
	size_t size;
	int err;

	if (!work->varlen)
		return format_read(work->object.key_format, text,
				   key_at(work, i), work->key_size);
	err = format_read_some(work->object.key_format, text, key_at(work, i),
			       work->key_size, &size);
	work->key_lens[i] = size;
	return err || size ? err : -EMSGSIZE;
}

static int read_value(struct work *work, uint32_t i, const char *text)
{
	size_t size;
	int err;

	if (!work->varlen)
		return format_read(work->object.value_format, text,
				   value_at(work, i), work->value_size);
	err = format_read_some(work->object.value_format, text,
			       value_at(work, i), work->value_size, &size);
	work->value_lens[i] = size;
	return err;
}

/* Adds an entry as the user wrote it to the batch. */
static enum status add(struct work *work, const char *key, const char *value)
{
	uint32_t i = work->entries.nr;
	int err;

	err = read_key(work, i, key);
	if (err)
		return read_error(work, "key", err, key,
				  work->object.key_format, work->key_size);
	if (value) {
		err = read_value(work, i, value);
		if (err)
			return read_error(work, "value", err, value,
					  work->object.value_format,
					  work->value_size);
	}
	work->lines[i] = work->call->line;
	work->entries.nr++;
	return work->entries.nr == BATCH ? flush(work) : STATUS_OK;
}

/* Entries as words: KEY VALUE for INSERT into a table with values, else KEY. */
static enum status from_words(struct work *work, char **words, size_t nr)
{
	size_t step = work->operation == INSERT && work->value_size ? 2 : 1;
	enum status status = STATUS_OK;
	size_t i;

	if (nr % step)
		return fail(work->call, STATUS_USAGE,
			    "key '%s' has no value behind it", words[nr - 1]);
	for (i = 0; i < nr && status <= STATUS_NO; i += step)
		status = worst(status, add(work, words[i],
					   step == 2 ? words[i + 1] : NULL));
	return status;
}

static enum status from_text(struct work *work, FILE *file)
{
	enum status status = STATUS_OK;
	struct words words;
	size_t room = 0;
	char *line = NULL;

	while (status <= STATUS_NO && getline(&line, &room, file) >= 0) {
		int err = words_split(line, &words);

		work->call->line++;
		if (err) {
			status = split_error(work->call, err);
			break;
		}
		status = worst(status, from_words(work, words.word, words.nr));
		words_free(&words);
	}
	free(line);
	work->call->line = 0;
	return status;
}

/* Records: a key, for INSERT with its value behind it. */
static enum status from_raw(struct work *work, FILE *file)
{
	enum status status = STATUS_OK;
	size_t key, value;

	while (status <= STATUS_NO) {
		uint32_t i = work->entries.nr;

		key = fread(key_at(work, i), 1, work->key_size, file);
		if (!key)
			return status;
		value = work->operation != INSERT ? work->value_size :
			fread(value_at(work, i), 1, work->value_size, file);
		if (key < work->key_size || value < work->value_size)
			return fail(work->call, STATUS_USAGE,
				    "%s ends within a record", work->call->file);
		work->entries.nr++;
		if (work->entries.nr == BATCH)
			status = worst(status, flush(work));
	}
	return status;
}

static void print_sums(const struct work *work)
{
	static const char *const yes[] = { "inserted", "found", "removed" };
	struct json_object *json;

	if (work->call->json && work->operation != LOOKUP) {
		json = json_object_new_object();
		json_number(json, yes[work->operation], work->yes);
		json_number(json, work->operation == INSERT ? "existing" :
							      "missing",
			    work->no);
		json_put_line(json);
	}
	if (work->call->quiet || !work->call->file)
		return;
	fflush(stdout);
	fprintf(stderr, "%" PRIu64 " %s, %" PRIu64 " %s\n", work->yes,
		yes[work->operation], work->no,
		work->operation == INSERT ? "there already" : "not found");
}

static enum status from_file(struct work *work)
{
	struct call *call = work->call;
	enum status status;
	FILE *file = input_open(call, call->file);

	if (!file)
		return STATUS_ERROR;
	status = call->raw ? from_raw(work, file) : from_text(work, file);
	return worst(status, input_close(call, file, call->file));
}

static enum status check_format(const struct call *call, const char *what,
				enum format format, uint32_t size)
{
	if (!format_fits(format, size) || call->varlen)
		return STATUS_OK;
	return fail(call, STATUS_USAGE, "%s of %u bytes cannot be written as %s",
		    what, size, format_name(format));
}

static enum status choose_formats(struct work *work)
{
	struct object *object = &work->object;
	enum status status;

	if (work->call->key_format)
		object->key_format = work->call->key_format;
	if (work->call->value_format)
		object->value_format = work->call->value_format;
	if (work->varlen)
		return STATUS_OK;
	status = check_format(work->call, "keys", object->key_format,
			      work->key_size);
	if (!status && has_values(work))
		status = check_format(work->call, "values",
				      object->value_format, work->value_size);
	return status;
}

static enum status prepare(struct work *work)
{
	struct call *call = work->call;
	struct qds_table_info info;
	enum status status;
	int err;

	if (call->raw && !call->file)
		call->file = "-";
	status = check_source(call, "keys");
	if (status)
		return status;
	status = object_find(call, call->args[0], QDS_KIND_TABLE, &work->object);
	if (status)
		return status;
	err = qds_table_get_info(work->object.fd, &info);
	if (err)
		return fail_errno(call, err, "%s", work->object.name);
	work->key_size = info.key_size;
	work->value_size = info.value_size;
	work->varlen = info.create_flags & QDS_TABLE_VARLEN;
	if (work->varlen && call->raw)
		return fail(call, STATUS_USAGE,
			    "--raw is for entries that are all of one size, and those of %s are not",
			    work->object.name);
	status = choose_formats(work);
	if (status)
		return status;
	work->keys = malloc((size_t)BATCH * work->key_size);
	work->values = malloc((size_t)BATCH * work->value_size + 1);
	if (!work->keys || !work->values)
		return fail_errno(call, -ENOMEM, "%s", work->object.name);
	return STATUS_OK;
}

static enum status run_entries(struct call *call, enum operation operation)
{
	struct work *work = calloc(1, sizeof(*work));
	bool json = operation == LOOKUP && call->json && !call->raw;
	enum status status;

	if (!work)
		return fail_errno(call, -ENOMEM, "%s", call->args[0]);
	work->call = call;
	work->operation = operation;
	status = prepare(work);
	if (status)
		goto out;
	if (json)
		json_list_begin(&work->list);
	if (call->file)
		status = from_file(work);
	else
		status = from_words(work, call->args + 1, call->nr - 1);
	/* What came before a wrong word is done, as with a file. */
	status = worst(status, flush(work));
	if (json)
		json_list_end(&work->list);
	print_sums(work);
out:
	free(work->keys);
	free(work->values);
	free(work);
	return status;
}

static enum status run_insert(struct call *call)
{
	return run_entries(call, INSERT);
}

static enum status run_lookup(struct call *call)
{
	return run_entries(call, LOOKUP);
}

static enum status run_remove(struct call *call)
{
	return run_entries(call, REMOVE);
}

static enum status check_create(const struct call *call)
{
	enum status status = names_check(call, call->args[0]);

	if (status)
		return status;
	if (!call->key_size)
		return fail(call, STATUS_USAGE, "--key-size is needed");
	status = check_format(call, "keys", call->key_format, call->key_size);
	if (!status)
		status = check_format(call, "values", call->value_format,
				      call->value_size);
	return status;
}

static enum status run_create(struct call *call)
{
	enum status status = check_create(call);
	struct object *object = NULL;
	int dev, fd;

	if (status)
		return status;
	dev = device_open(call);
	if (dev < 0)
		return STATUS_ERROR;
	fd = (call->varlen ? qds_create_varlen_table : qds_create_table)(dev,
		call->key_size, call->value_size, call->max_entries,
		call->size_hint);
	close(dev);
	if (fd < 0)
		return fail_errno(call, fd, "keys of %u bytes, values of %u",
				  call->key_size, call->value_size);
	status = names_give(call, call->args[0], fd, &object);
	if (object && call->key_format)
		object->key_format = call->key_format;
	if (object && call->value_format)
		object->value_format = call->value_format;
	return status;
}

static enum status run_info(struct call *call)
{
	return info_run(call, QDS_KIND_TABLE);
}

static const char format_details[] =
	"FORMAT is bytes (the word itself, of the exact size), text (the same,\n"
	"filled up with zero bytes), hex, u32 or u64 (both little-endian).\n"
	"What table create is told is kept with the name; else it is bytes.\n"
	"Where lengths vary, bytes and text are the word as it is.";

static const struct argp_option create_options[] = {
	{ "key-size", 'k', "BYTES", 0, "Size of a key", 0 },
	{ "value-size", 'v', "BYTES", 0, "Size of a value; 0 if not given", 0 },
	{ "varlen", OPT_VARLEN, NULL, 0,
	  "Keys and values have lengths of their own, up to these", 0 },
	{ "max-entries", OPT_MAX_ENTRIES, "N", 0, "Refuse to hold more", 0 },
	{ "size-hint", OPT_SIZE_HINT, "N", 0, "Entries expected", 0 },
	{ "key-format", 'K', "FORMAT", 0, "How keys are written", 1 },
	{ "value-format", 'V', "FORMAT", 0, "How values are written", 1 },
	NAME_OPTION,
	MODE_OPTION,
	{ 0 }
};

static const struct argp_option entry_options[] = {
	{ "file", 'f', "FILE", 0,
	  "Read lines of the same words from FILE; - is standard input", 0 },
	{ "raw", OPT_RAW, NULL, 0,
	  "Read and write binary records: a key, or a key and its value", 0 },
	{ "key-format", 'K', "FORMAT", 0, "How keys are written", 1 },
	{ "value-format", 'V', "FORMAT", 0, "How values are written", 1 },
	{ 0 }
};

static const struct argp_option walk_options[] = {
	{ "key-format", 'K', "FORMAT", 0, "How keys are written", 1 },
	{ "value-format", 'V', "FORMAT", 0, "How values are written", 1 },
	{ 0 }
};

static const struct argp_option stats_options[] = {
	{ "ascii", OPT_ASCII, NULL, 0, "Use no characters but ASCII", 0 },
	{ "width", 'w', "COLUMNS", 0, "Instead of the terminal's", 0 },
	{ 0 }
};

static enum status run_table_wait(struct call *call)
{
	uint64_t entries = 1;
	struct object object;
	enum status status;
	int err;

	if (call->args[1]) {
		err = parse_u64(call->args[1], &entries);
		if (err || !entries)
			return fail(call, STATUS_USAGE,
				    "entries: '%s' is not a number above 0",
				    call->args[1]);
	}
	status = object_find(call, call->args[0], QDS_KIND_TABLE, &object);
	if (status)
		return status;
	err = qds_watch_poll(object.fd, entries);
	if (!err)
		err = wait_for(call, object.fd);
	if (err < 0)
		return fail_errno(call, err, "%s", object.name);
	return err ? STATUS_OK : STATUS_NO;
}

static const struct argp_option table_wait_options[] = {
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0, "Wait no longer", 0 },
	{ 0 }
};

const struct command table_commands[] = {
	{
		.name = "table create", .args = "[NAME]", .run = run_create,
		.options = create_options, .max = 1,
		.help = "Make an empty table", .details = format_details,
	}, {
		.name = "table insert", .args = "TABLE [KEY VALUE]...",
		.options = entry_options, .min = 1, .max = -1,
		.run = run_insert,
		.help = "Add entries; 1 if a key is there already",
		.details = format_details,
	}, {
		.name = "table lookup", .args = "TABLE [KEY]...",
		.options = entry_options, .min = 1, .max = -1,
		.run = run_lookup,
		.help = "Print the entries of keys; 1 if one is missing",
		.details = format_details,
	}, {
		.name = "table remove", .args = "TABLE [KEY]...",
		.options = entry_options, .min = 1, .max = -1,
		.run = run_remove,
		.help = "Take entries out; 1 if one is missing",
		.details = format_details,
	}, {
		.name = "table info", .args = "TABLE", .run = run_info,
		.min = 1, .max = 1,
		.help = "Sizes, entries and buckets of a table",
	}, {
		.name = "table stats", .args = "TABLE", .run = stats_run,
		.options = stats_options, .min = 1, .max = 1,
		.help = "How a table is filled: its chains, as a histogram",
	}, {
		.name = "table walk", .args = "TABLE", .run = run_walk,
		.options = walk_options, .min = 1, .max = 1,
		.help = "Print all entries, in no order",
		.details = format_details,
	}, {
		.name = "table seal", .args = "TABLE", .run = run_table_seal,
		.min = 1, .max = 1,
		.help = "Let no entry come or go any more",
	}, {
		.name = "table wait", .args = "TABLE [ENTRIES]", .run = run_table_wait,
		.options = table_wait_options, .min = 1, .max = 2,
		.help = "Wait until there are so many entries, or any",
	},
	{ 0 }
};

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * qdsctl - what its files share
 *
 * session: what lives as long as the process: the device, named objects
 * command: one command's name, arguments and options
 * call: one use of a command, with its options read
 */
#ifndef QDSCTL_H
#define QDSCTL_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "format.h"
#include "libqds.h"
#include "util.h"

/* Exit status; the worst that has happened where a script goes on. */
enum status {
	STATUS_OK = 0,
	STATUS_NO = 1,		/* a negative answer: not found, clean */
	STATUS_USAGE = 2,
	STATUS_ERROR = 3,	/* from the kernel or a file */
};

/* What a bitmap is imported from or exported to. */
enum container {
	CONTAINER_RAW,
	CONTAINER_QCOW2,
	CONTAINER_NBD,
};

/**
 * struct object - an object that has been given a name
 * @next: in the session
 * @name: its name
 * @fd: its descriptor
 * @key_format: how the keys of a table are written
 * @value_format: how its values are
 */
struct object {
	struct object *next;
	char *name;
	int fd;
	enum format key_format;
	enum format value_format;
};

/**
 * struct opened - an object that a command has opened by its name
 * @next: in the session
 * @fd: its descriptor
 */
struct opened {
	struct opened *next;
	int fd;
};

/**
 * struct session - what lives as long as the process
 * @device: path of the device
 * @objects: the named objects
 * @opened: those that are open until the command ends
 * @script: the script that is run, for messages; NULL on the command line
 * @line: its line
 * @stdin_taken: is the script itself read from standard input?
 * @ended: has exit been run?
 * @json: write JSON
 * @quiet: write no messages but errors
 */
struct session {
	const char *device;
	struct object *objects;
	struct opened *opened;
	const char *script;
	unsigned int line;
	bool stdin_taken;
	bool ended;
	bool json;
	bool quiet;
};

/* Options without a letter of their own. */
enum {
	OPT_JSON = 0x100,
	OPT_MAX_ENTRIES,
	OPT_SIZE_HINT,
	OPT_RAW,
	OPT_ALL,
	OPT_DIRTY,
	OPT_CLEAN,
	OPT_ASCII,
	OPT_ROWS,
	OPT_CHUNK,
	OPT_ZEROES,
	OPT_ONES,
	OPT_NO_FINISH,
	OPT_CREATE,
	OPT_DISABLED,
	OPT_HOW,
	OPT_TIMEOUT,
	OPT_VARLEN,
	OPT_NAME,
	OPT_MODE,
	OPT_RESERVE,
	OPT_NAMES,
	OPT_SOCKET,
	OPT_SINCE,
	OPT_MARKS_FIRST,
	OPT_USAGE,
	OPT_VERSION,
};

/**
 * struct call - one use of a command
 * @session: whose
 * @command: the command
 * @nr: number of arguments
 * @args: the arguments, followed by NULL
 *
 * @help: was help asked for, and given?
 * @reported: has an error of an option been printed?
 * @line: the line of @file that is worked on, for messages; 0 if none
 * @json: write JSON
 * @quiet: write no messages but errors
 * @raw: entries are binary records
 * @all: test: only what is all dirty is a success; name unlink: all names
 * @ascii: draw without UTF-8
 * @no_finish: deserialize: more will follow
 * @keep_going: script: do not stop at an error
 * @read_only: reopen: without writing
 * @create: import: make the bitmap
 * @disabled: export: QEMU shall not record into it
 * @varlen: table create: lengths vary
 * @reserve: name link: nobody can open the name yet
 * @name: the name that a new object is linked to; NULL if not given
 * @mode: who may open the name that is linked, if @mode_given
 * @mode_given: has it been given?
 * @names: save: published names, not objects of this process
 * @file: file to read or write; NULL if not given
 * @socket: fdstore import, export: path of a UNIX socket; NULL if not given
 * @container: import, export: what the file is
 * @bitmap: import, export: the bitmap's name there; NULL if not given
 * @context: import: the server's metadata context; NULL if not given
 * @kinds: bits QDS_EXTENT_*
 * @fill: bits QDS_CHUNK_*
 * @key_size: bytes of a key
 * @value_size: bytes of a value
 * @granularity: of a bitmap
 * @granularity_given: has it been given?
 * @width: columns of a map; 0 if not given
 * @rows: rows of a map; 0 if not given
 * @how: merge: QDS_MERGE_*
 * @since: take, history: a point of the bitmap; NULL if not given
 * @marks_first: attach: the writer marks before it changes
 * @timeout: wait: seconds, if @timeout_given
 * @timeout_given: has it been given?
 * @chunk: bytes to serialize at once; 0 if not given
 * @max_entries: bound of a table
 * @size_hint: entries expected
 * @key_format: how keys are written
 * @value_format: how values are written
 *
 * From @json on they are the options: one has the same meaning in every command
 * that takes it.
 */
struct call {
	struct session *session;
	const struct command *command;
	int nr;
	char **args;
	bool help;
	bool reported;
	unsigned int line;
	bool json;
	bool quiet;
	bool raw;
	bool all;
	bool ascii;
	bool no_finish;
	bool keep_going;
	bool read_only;
	bool create;
	bool disabled;
	bool varlen;
	bool reserve;
	const char *name;
	uint32_t mode;
	bool mode_given;
	bool names;
	const char *file;
	const char *socket;
	enum container container;
	const char *bitmap;
	const char *context;
	uint32_t kinds;
	uint32_t fill;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t granularity;
	bool granularity_given;
	uint32_t width;
	uint32_t rows;
	uint32_t how;
	const char *since;
	bool marks_first;
	uint32_t timeout;
	bool timeout_given;
	uint64_t chunk;
	uint64_t max_entries;
	uint64_t size_hint;
	enum format key_format;
	enum format value_format;
};

/**
 * struct command - one command
 * @name: its words, as "bitmap set"
 * @args: its arguments, for the help
 * @help: what it does, in a line
 * @details: more, in lines that fit a terminal; NULL if there is no more
 * @options: those that it takes besides the common ones
 * @min: fewest arguments
 * @max: most arguments; -1 if any number
 * @run: does it
 * @in_order: options end at the first argument
 */
struct command {
	const char *name;
	const char *args;
	const char *help;
	const char *details;
	const struct argp_option *options;
	int min;
	int max;
	enum status (*run)(struct call *call);
	bool in_order;
};

extern const struct command device_commands[];
extern const struct command name_commands[];
extern const struct command save_commands[];
extern const struct command restore_commands[];
extern const struct command table_commands[];
extern const struct command bitmap_commands[];
extern const struct command fdstore_commands[];
extern const struct command script_commands[];

/* main.c */
const struct command *command_find(char **words);
enum status command_run(struct session *session, int nr, char **words);
enum status command_list(struct session *session, char **words);
bool print_commands(const char *group);
enum status unknown_command(const struct call *call, char **words);

/* session.c */
enum status fail(const struct call *call, enum status status,
		 const char *format, ...) __printf(3, 4);
enum status fail_errno(const struct call *call, int err, const char *format,
		       ...) __printf(3, 4);
enum status worst(enum status a, enum status b);
int device_open(const struct call *call);
bool name_ok(const struct call *call, const char *name);
struct object *object_named(struct session *session, const char *name);
struct object *object_add(const struct call *call, const char *name, int fd);
enum status object_find(const struct call *call, const char *text, uint32_t kind,
			struct object *object);
enum status object_keep(const struct call *call, const struct object *object);
void opened_close(struct session *session);
void session_close(struct session *session);
const char *kind_name(uint32_t kind);

/* device.c */
enum status info_run(struct call *call, uint32_t kind);

/* stats.c */
enum status stats_run(struct call *call);

/* table_walk.c */
enum status run_walk(struct call *call);
enum status run_table_seal(struct call *call);
int wait_for(const struct call *call, int fd);

/* files.c */
const char *input_name(const char *path);
FILE *input_open(const struct call *call, const char *path);
enum status input_close(const struct call *call, FILE *file, const char *path);
FILE *output_open(const struct call *call, const char *path);
enum status output_close(const struct call *call, FILE *file, const char *path);
enum status check_source(const struct call *call, const char *what);
enum status split_error(const struct call *call, int err);

#endif /* QDSCTL_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * qdsctl - hash tables and dirty bitmaps of the qds module from the shell
 *
 * Finds commands, reads their options, runs them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "qdsctl.h"
#include "util.h"

static const struct command *const groups[] = {
	device_commands, name_commands, save_commands, restore_commands, table_commands,
	bitmap_commands, fdstore_commands, script_commands,
};

/* How many of @words the command's name takes up, 0 if it is not this one. */
static int name_words(const struct command *command, char **words)
{
	size_t first = strlen(words[0]);

	if (strncmp(command->name, words[0], first))
		return 0;
	if (!command->name[first])
		return 1;
	if (command->name[first] != ' ' || !words[1])
		return 0;
	return strcmp(command->name + first + 1, words[1]) ? 0 : 2;
}

/**
 * command_find() - the command that words begin with
 * @words: at least one, followed by NULL
 *
 * Return: the command or NULL.
 */
const struct command *command_find(char **words)
{
	const struct command *command;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		for (command = groups[i]; command->name; command++)
			if (name_words(command, words))
				return command;
	return NULL;
}

/* Is the command one of a group, as "bitmap"? */
static bool in_group(const struct command *command, const char *group)
{
	size_t length = strlen(group);

	return !strncmp(command->name, group, length) &&
	       command->name[length] == ' ';
}

/**
 * print_commands() - commands, a line each
 * @group: of the group of this name, NULL for all
 *
 * Return: are there any?
 */
bool print_commands(const char *group)
{
	const struct command *command;
	bool any = false;
	char left[80];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		for (command = groups[i]; command->name; command++) {
			if (group && !in_group(command, group))
				continue;
			any = true;
			snprintf(left, sizeof(left), "%s %s", command->name,
				 command->args);
			printf("  %-40s %s\n", left, command->help);
		}
	}
	return any;
}

/**
 * unknown_command() - print that words are no command
 * @call: for which command
 * @words: at least one, followed by NULL
 *
 * Return: STATUS_USAGE.
 */
enum status unknown_command(const struct call *call, char **words)
{
	const struct command *command;
	size_t length = strlen(words[0]);
	char names[400] = "";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		for (command = groups[i]; command->name; command++) {
			if (!in_group(command, words[0]))
				continue;
			if (*names)
				strcat(names, ", ");
			strncat(names, command->name + length + 1,
				sizeof(names) - strlen(names) - 3);
		}
	}
	if (!*names)
		return fail(call, STATUS_USAGE,
			    "no command '%s': see qdsctl --help", words[0]);
	return fail(call, STATUS_USAGE, "%s what? One of: %s", words[0], names);
}

static error_t number_error(struct call *call, const char *what,
			    const char *arg, int err)
{
	call->reported = true;
	fail(call, STATUS_USAGE, "%s: '%s' %s", what, arg,
	     err == -ERANGE ? "is too large" : "is not a number");
	return -EINVAL;
}

static error_t option_u32(struct call *call, const char *what,
			  const char *arg, uint32_t *value)
{
	int err = parse_u32(arg, value);

	return err ? number_error(call, what, arg, err) : 0;
}

static error_t option_u64(struct call *call, const char *what,
			  const char *arg, uint64_t *value)
{
	int err = parse_u64(arg, value);

	return err ? number_error(call, what, arg, err) : 0;
}

/* Columns or rows. */
static error_t option_side(struct call *call, const char *what,
			   const char *arg, uint32_t *value)
{
	error_t err = option_u32(call, what, arg, value);

	if (err || *value)
		return err;
	call->reported = true;
	fail(call, STATUS_USAGE, "%s is at least 1", what);
	return -EINVAL;
}

static error_t option_format(struct call *call, const char *arg,
			     enum format *format)
{
	if (!format_parse(arg, format))
		return 0;
	call->reported = true;
	fail(call, STATUS_USAGE,
	     "'%s' is no format: use bytes, text, hex, u32 or u64", arg);
	return -EINVAL;
}

/* As chmod has it; there is nothing to execute. */
static error_t option_mode(struct call *call, const char *arg)
{
	char *end;
	unsigned long mode = strtoul(arg, &end, 8);

	if (*arg >= '0' && *arg <= '7' && !*end && !(mode & ~0666UL)) {
		call->mode = mode;
		call->mode_given = true;
		return 0;
	}
	call->reported = true;
	fail(call, STATUS_USAGE,
	     "'%s' is no mode: use octal digits, to read and to write, as 640", arg);
	return -EINVAL;
}

static error_t option_container(struct call *call, const char *arg)
{
	static const char *const names[] = {
		[CONTAINER_RAW] = "raw",
		[CONTAINER_QCOW2] = "qcow2",
		[CONTAINER_NBD] = "nbd",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(arg, names[i]))
			continue;
		call->container = i;
		return 0;
	}
	call->reported = true;
	fail(call, STATUS_USAGE, "'%s' is no format: use raw, qcow2 or nbd",
	     arg);
	return -EINVAL;
}

static error_t option_how(struct call *call, const char *arg)
{
	static const char *const names[] = {
		[QDS_MERGE_OR] = "or",
		[QDS_MERGE_AND] = "and",
		[QDS_MERGE_ANDNOT] = "andnot",
		[QDS_MERGE_XOR] = "xor",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(arg, names[i]))
			continue;
		call->how = i;
		return 0;
	}
	call->reported = true;
	fail(call, STATUS_USAGE,
	     "'%s' is no way to merge: use or, and, andnot or xor", arg);
	return -EINVAL;
}

static error_t option_timeout(struct call *call, const char *arg)
{
	int err = parse_u32(arg, &call->timeout);

	call->timeout_given = true;
	if (!err || err == -ERANGE)
		return err ? number_error(call, "--timeout", arg, err) : 0;
	call->reported = true;
	fail(call, STATUS_USAGE, "--timeout: '%s' is not a whole number of seconds", arg);
	return -EINVAL;
}

/* Options with a number or another argument that may be wrong. */
static error_t parse_valued(int key, char *arg, struct call *call)
{
	switch (key) {
	case 'k':
		/* Without an argument it is --keep-going, as make has it. */
		call->keep_going = !arg;
		return !arg ? 0 : option_u32(call, "--key-size", arg, &call->key_size);
	case 'v':
		return option_u32(call, "--value-size", arg, &call->value_size);
	case 'g':
		call->granularity_given = true;
		return option_u32(call, "--granularity", arg,
				  &call->granularity);
	case 'F':
		return option_container(call, arg);
	case 'w':
		return option_side(call, "--width", arg, &call->width);
	case OPT_ROWS:
		return option_side(call, "--rows", arg, &call->rows);
	case OPT_HOW:
		return option_how(call, arg);
	case OPT_MODE:
		return option_mode(call, arg);
	case OPT_TIMEOUT:
		return option_timeout(call, arg);
	case OPT_CHUNK:
		return option_u64(call, "--chunk", arg, &call->chunk);
	case OPT_MAX_ENTRIES:
		return option_u64(call, "--max-entries", arg,
				  &call->max_entries);
	case OPT_SIZE_HINT:
		return option_u64(call, "--size-hint", arg, &call->size_hint);
	case 'K':
		return option_format(call, arg, &call->key_format);
	case 'V':
		return option_format(call, arg, &call->value_format);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Return: an error, for nothing to be done after the help. */
static error_t give_help(struct argp_state *state, unsigned int flags)
{
	struct call *call = state->input;

	call->help = true;
	state->flags &= ~ARGP_NO_ERRS;
	argp_state_help(state, stdout, flags);
	return -ECANCELED;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct call *call = state->input;

	switch (key) {
	case ARGP_KEY_ARGS:
		call->args = state->argv + state->next;
		call->nr = state->argc - state->next;
		return 0;
	case 'h':
		return give_help(state, ARGP_HELP_STD_HELP);
	case OPT_USAGE:
		return give_help(state, ARGP_HELP_USAGE);
	case OPT_JSON:
		call->json = true;
		return 0;
	case 'q':
		call->quiet = true;
		return 0;
	case 'f':
	case 'o':
		call->file = arg;
		return 0;
	case OPT_SOCKET:
		call->socket = arg;
		return 0;
	case 'B':
		call->bitmap = arg;
		return 0;
	case 'x':
		call->context = arg;
		return 0;
	case OPT_CREATE:
		call->create = true;
		return 0;
	case OPT_DISABLED:
		call->disabled = true;
		return 0;
	case OPT_VARLEN:
		call->varlen = true;
		return 0;
	case OPT_NAME:
		call->name = arg;
		return 0;
	case OPT_RESERVE:
		call->reserve = true;
		return 0;
	case OPT_NAMES:
		call->names = true;
		return 0;
	case OPT_SINCE:
		call->since = arg;
		return 0;
	case OPT_MARKS_FIRST:
		call->marks_first = true;
		return 0;
	case 'r':
		call->read_only = true;
		return 0;
	case OPT_RAW:
		call->raw = true;
		return 0;
	case OPT_ALL:
		call->all = true;
		return 0;
	case OPT_ASCII:
		call->ascii = true;
		return 0;
	case OPT_NO_FINISH:
		call->no_finish = true;
		return 0;
	case OPT_DIRTY:
		call->kinds |= QDS_EXTENT_DIRTY;
		return 0;
	case OPT_CLEAN:
		call->kinds |= QDS_EXTENT_CLEAN;
		return 0;
	case OPT_ZEROES:
		call->fill |= QDS_CHUNK_ZEROES;
		return 0;
	case OPT_ONES:
		call->fill |= QDS_CHUNK_ONES;
		return 0;
	default:
		return parse_valued(key, arg, call);
	}
}

static const struct argp_option common_options[] = {
	{ "json", OPT_JSON, NULL, 0, "Write JSON", -1 },
	{ "quiet", 'q', NULL, 0, "Write no messages but errors", -1 },
	{ "help", 'h', NULL, 0, "Give this help", -1 },
	{ "usage", OPT_USAGE, NULL, 0, "Give a short one", -1 },
	{ 0 }
};

static const struct argp_option *option_in(const struct argp_option *option,
					   const char *name, size_t length)
{
	for (; option && option->name; option++)
		if (length ? !strncmp(option->name, name, length) :
			     option->key == *name)
			return option;
	return NULL;
}

/* The option of a name's beginning; of the letter *@name if @length is 0. */
static const struct argp_option *option_find(const struct call *call,
					     const char *name, size_t length)
{
	const struct argp_option *own = option_in(call->command->options, name,
						  length);

	return own ? own : option_in(common_options, name, length);
}

/* What is wrong with --NAME or --NAME=ARGUMENT; NULL if nothing is. */
static const char *long_fault(const struct call *call, const char *name)
{
	size_t length = strcspn(name, "=");
	const struct argp_option *option = option_find(call, name, length);

	if (!length || !option)
		return length ? "is unknown" : NULL;
	if (name[length])
		return option->arg ? NULL : "takes no argument";
	return option->arg ? "needs an argument" : NULL;
}

/* What is wrong with letters behind a dash; NULL if nothing is. */
static const char *short_fault(const struct call *call, const char *letters)
{
	for (; *letters; letters++) {
		const struct argp_option *option = option_find(call, letters, 0);

		if (!option)
			return "is unknown";
		if (option->arg)
			return letters[1] ? NULL : "needs an argument";
	}
	return NULL;
}

static const char *option_fault(const struct call *call, const char *word)
{
	if (!word || word[0] != '-')
		return NULL;
	return word[1] == '-' ? long_fault(call, word + 2) :
				short_fault(call, word + 1);
}

/* Within letters behind one dash, getopt has not gone to the next word yet. */
static void option_error(const struct call *call,
			 const struct argp_state *state)
{
	const char *word = state->argv[state->next - 1];
	const char *fault = state->next > 1 ? option_fault(call, word) : NULL;

	if (!fault && state->next < state->argc &&
	    option_fault(call, state->argv[state->next])) {
		word = state->argv[state->next];
		fault = option_fault(call, word);
	}
	fail(call, STATUS_USAGE, "option '%s' %s: see qdsctl %s --help", word,
	     fault ? fault : "is not clear", call->command->name);
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct call *call = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = call;
		return 0;
	case ARGP_KEY_ERROR:
		/* Errors of getopt would not say where in a script they are. */
		if (!call->help && !call->reported)
			option_error(call, state);
		return 0;
	default:
		return parse_option(key, arg, state);
	}
}

static error_t parse_call(struct call *call, int argc, char **argv)
{
	const struct command *command = call->command;
	const struct argp own = {
		.options = command->options,
		.parser = parse_option,
	};
	const struct argp_child children[] = { { .argp = &own }, { 0 } };
	char doc[1000];
	const struct argp argp = {
		.options = common_options,
		.parser = parse_common,
		.args_doc = command->args,
		.doc = doc,
		.children = children,
	};
	unsigned int flags = ARGP_NO_HELP | ARGP_NO_EXIT | ARGP_NO_ERRS |
			     (command->in_order ? ARGP_IN_ORDER : 0);

	snprintf(doc, sizeof(doc), "%s\v%s", command->help,
		 command->details ? command->details : "");
	return argp_parse(&argp, argc, argv, flags, NULL, call);
}

static enum status check_count(const struct call *call)
{
	const struct command *command = call->command;

	if (call->nr >= command->min &&
	    (command->max < 0 || call->nr <= command->max))
		return STATUS_OK;
	return fail(call, STATUS_USAGE, "too %s arguments; it is: %s %s",
		    call->nr < command->min ? "few" : "many", command->name,
		    command->args);
}

static enum status run_call(struct call *call, int argc, char **argv)
{
	error_t err = parse_call(call, argc, argv);
	enum status status;

	if (call->help)
		return STATUS_OK;
	if (err)
		return STATUS_USAGE;
	status = check_count(call);
	if (!status)
		status = call->command->run(call);
	if (fflush(stdout) || ferror(stdout)) {
		clearerr(stdout);
		status = worst(status, fail(call, STATUS_ERROR,
					    "cannot write the output: %s",
					    strerror(errno)));
	}
	return status;
}

static bool is_help(const char *word)
{
	return word && (!strcmp(word, "--help") || !strcmp(word, "-h") ||
			!strcmp(word, "--usage"));
}

/**
 * command_run() - run one command
 * @session: the session
 * @nr: number of words
 * @words: its words
 *
 * Return: its status.
 */
enum status command_run(struct session *session, int nr, char **words)
{
	struct call call = {
		.session = session,
		.command = command_find(words),
		.json = session->json,
		.quiet = session->quiet,
	};
	enum status status;
	char name[64];
	char **argv;
	int skip;

	if (!call.command && is_help(words[1]) && print_commands(words[0]))
		return STATUS_OK;
	if (!call.command)
		return unknown_command(&call, words);
	/* argp reorders its vector, and takes [0] for the program's name. */
	argv = calloc(nr + 1, sizeof(*argv));
	if (!argv)
		return fail_errno(&call, -ENOMEM, "arguments");
	skip = name_words(call.command, words) - 1;
	memcpy(argv, words + skip, (nr - skip) * sizeof(*argv));
	/* argp does not tell of arguments where there are none. */
	call.args = argv + nr - skip;
	snprintf(name, sizeof(name), "qdsctl %s", call.command->name);
	argv[0] = name;
	status = run_call(&call, nr - skip, argv);
	opened_close(session);
	free(argv);
	return status;
}

/**
 * command_list() - run commands separated by "+"
 * @session: the session
 * @words: the words of all of them, followed by NULL
 *
 * Return: the status of the first that fails, or STATUS_OK.
 */
enum status command_list(struct session *session, char **words)
{
	const struct call call = { .session = session };
	enum status status = STATUS_OK;
	char **end;

	while (*words && !status && !session->ended) {
		for (end = words; *end && strcmp(*end, "+"); end++)
			;
		if (end == words || (*end && !end[1]))
			return fail(&call, STATUS_USAGE,
				    "a command is missing beside '+'");
		status = command_run(session, end - words, words);
		words = *end ? end + 1 : end;
	}
	return status;
}

static error_t parse_main(int key, char *arg, struct argp_state *state)
{
	struct session *session = state->input;

	switch (key) {
	case 'd':
		session->device = arg;
		return 0;
	case OPT_JSON:
		session->json = true;
		return 0;
	case 'q':
		session->quiet = true;
		return 0;
	case OPT_VERSION:
		puts("qdsctl " VERSION);
		exit(STATUS_OK);
	case OPT_USAGE:
		argp_state_help(state, stdout,
				ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
		return 0;
	case 'h':
		argp_state_help(state, stdout,
				ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK);
		puts("\nObjects have names and live until qdsctl ends, but those linked by name\n"
		     "link or create --name: other processes find these by that name.");
		printf("\nCommands (qdsctl COMMAND --help says more):\n");
		print_commands(NULL);
		puts("\nExit status: 0 success; 1 a negative answer; 2 wrong usage; 3 an error.");
		exit(STATUS_OK);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "device", 'd', "PATH", 0, "The device, " QDS_DEVICE, 0 },
		{ "json", OPT_JSON, NULL, 0, "Write JSON", 0 },
		{ "quiet", 'q', NULL, 0, "Write no messages but errors", 0 },
		{ "help", 'h', NULL, 0, "Give this help", -1 },
		{ "usage", OPT_USAGE, NULL, 0, "Give a short one", -1 },
		{ "version", OPT_VERSION, NULL, 0, "Print the version", -1 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_main,
		.args_doc = "COMMAND [ARG...] [+ COMMAND [ARG...]]...",
		.doc = "Make and use hash tables and dirty bitmaps of the qds module.",
	};
	struct session session = { 0 };
	const struct call call = { .session = &session };
	enum status status;
	int first = argc;

	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
	argp_err_exit_status = STATUS_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_HELP, &first,
		   &session);
	if (first >= argc)
		return fail(&call, STATUS_USAGE,
			    "no command: see qdsctl --help");
	status = command_list(&session, argv + first);
	session_close(&session);
	return status;
}

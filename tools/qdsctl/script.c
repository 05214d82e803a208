// SPDX-License-Identifier: GPL-2.0
/* script, exec: commands from a file, and programs that share the objects */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parse.h"
#include "qdsctl.h"

/* Highest descriptor number that exec gives to a program. */
#define MAX_FD 1000

/*
 * Appends the next line of @file to *@text, and those that it is continued on
 * by a backslash at its end. Return: number of lines read.
 */
static unsigned int read_line(FILE *file, char **text, size_t *room)
{
	unsigned int lines = 0;
	size_t length = 0, size;
	char *line = NULL;
	size_t line_room = 0;
	ssize_t got;

	for (;;) {
		got = getline(&line, &line_room, file);
		if (got < 0)
			break;
		lines++;
		size = length + got + 1;
		if (size > *room) {
			char *more = realloc(*text, size);

			if (!more)
				break;
			*text = more;
			*room = size;
		}
		memcpy(*text + length, line, got + 1);
		length += got;
		if (length < 2 || strcmp(*text + length - 2, "\\\n"))
			break;
		length -= 2;
		(*text)[length] = 0;
	}
	free(line);
	return lines;
}

static enum status run_line(struct call *call, const char *line)
{
	const struct call place = { .session = call->session };
	enum status status;
	struct words words;
	int err;

	err = words_split(line, &words);
	if (err)
		return split_error(&place, err);
	status = command_list(call->session, words.word);
	words_free(&words);
	return status;
}

static enum status run_file(struct call *call, FILE *file)
{
	struct session *session = call->session;
	bool prompt = file == stdin && isatty(STDIN_FILENO);
	enum status status = STATUS_OK, last;
	unsigned int lines, line = 1;
	char *text = NULL;
	size_t room = 0;

	if (prompt)
		puts("qdsctl " VERSION ": help lists the commands, exit ends");
	while (!session->ended) {
		if (prompt) {
			fputs("qds> ", stdout);
			fflush(stdout);
		}
		lines = read_line(file, &text, &room);
		if (!lines)
			break;
		session->line = line;
		line += lines;
		last = run_line(call, text);
		/* A person has seen the error and goes on. */
		if (prompt)
			continue;
		status = worst(status, last);
		if (last && !call->keep_going)
			break;
	}
	if (prompt && !session->ended)
		putchar('\n');
	free(text);
	return status;
}

static enum status run_script(struct call *call)
{
	struct session *session = call->session;
	const char *path = call->args[0];
	enum status status;
	FILE *file;

	if (session->script)
		return fail(call, STATUS_USAGE, "a script cannot run another");
	file = input_open(call, path);
	if (!file)
		return STATUS_ERROR;
	session->stdin_taken = file == stdin;
	session->script = file == stdin ? "stdin" : path;
	status = run_file(call, file);
	session->script = NULL;
	session->stdin_taken = false;
	return worst(status, input_close(call, file, path));
}

/**
 * struct share - a descriptor for a program
 * @from: the object's
 * @to: the number that the program knows it by
 */
struct share {
	int from;
	int to;
};

/* Reads NAME=FD. */
static enum status parse_share(const struct call *call, const char *text,
			       struct share *share)
{
	const char *equals = strchr(text, '=');
	struct object object;
	enum status status;
	uint32_t number;
	char *name;

	if (parse_u32(equals + 1, &number) || number < 3 || number > MAX_FD)
		return fail(call, STATUS_USAGE,
			    "'%s': a descriptor is a number from 3 to %d", text,
			    MAX_FD);
	name = strndup(text, equals - text);
	if (!name)
		return fail_errno(call, -ENOMEM, "%s", text);
	status = object_find(call, name, 0, &object);
	free(name);
	share->from = object.fd;
	share->to = number;
	return status;
}

/*
 * In the child. All are moved out of the way of all numbers first, or one could
 * be closed by another's dup2().
 */
static int install(struct share *shares, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		shares[i].from = fcntl(shares[i].from, F_DUPFD_CLOEXEC,
				       MAX_FD + 1);
		if (shares[i].from < 0)
			return -errno;
	}
	for (i = 0; i < nr; i++)
		if (dup2(shares[i].from, shares[i].to) < 0)
			return -errno;
	return 0;
}

/* Return: the program's exit status, 128 and the number of a signal. */
static int run_program(struct call *call, char **program, struct share *shares,
		       int nr)
{
	int err, status;
	pid_t pid = fork();

	if (pid < 0)
		return fail_errno(call, -errno, "%s", program[0]);
	if (!pid) {
		err = install(shares, nr);
		if (!err) {
			execvp(program[0], program);
			err = -errno;
		}
		fail(call, STATUS_ERROR, "cannot run %s: %s", program[0],
		     strerror(-err));
		_exit(STATUS_ERROR);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail_errno(call, -errno, "%s", program[0]);
	if (WIFSIGNALED(status)) {
		fail(call, STATUS_ERROR, "%s was ended by signal %d (%s)",
		     program[0], WTERMSIG(status), strsignal(WTERMSIG(status)));
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}

static enum status run_exec(struct call *call)
{
	struct share *shares = calloc(call->nr, sizeof(*shares));
	enum status status = STATUS_OK;
	int nr = 0;

	if (!shares)
		return fail_errno(call, -ENOMEM, "exec");
	while (!status && nr < call->nr && strchr(call->args[nr], '=')) {
		status = parse_share(call, call->args[nr], &shares[nr]);
		nr++;
	}
	if (!status) {
		char **program = call->args + nr;

		if (*program && !strcmp(*program, "--"))
			program++;
		if (*program)
			status = run_program(call, program, shares, nr);
		else
			status = fail(call, STATUS_USAGE,
				      "no program behind the descriptors");
	}
	free(shares);
	return status;
}

static enum status run_exit(struct call *call)
{
	call->session->ended = true;
	return STATUS_OK;
}

static enum status run_help(struct call *call)
{
	char option[] = "--help";
	char *words[4] = { 0 };
	int nr = call->nr;

	if (!nr) {
		print_commands(NULL);
		return STATUS_OK;
	}
	if (nr == 1 && print_commands(call->args[0]))
		return STATUS_OK;
	memcpy(words, call->args, nr * sizeof(*words));
	if (!command_find(words))
		return unknown_command(call, words);
	words[nr] = option;
	return command_run(call->session, nr + 1, words);
}

static const struct argp_option script_options[] = {
	{ "keep-going", 'k', NULL, 0, "Do not stop at an error", 0 },
	{ 0 }
};

const struct command script_commands[] = {
	{
		.name = "exec", .args = "[NAME=FD]... [--] PROGRAM [ARG]...",
		.min = 1, .max = -1, .run = run_exec, .in_order = true,
		.help = "Run a program that inherits objects",
		.details = "An object becomes descriptor FD in the program; a\n"
			   "qdsctl there knows it as fd:FD. The exit status is\n"
			   "the program's. A + ends its arguments: give it one\n"
			   "that is for itself by sh -c '...'.",
	}, {
		.name = "script", .args = "FILE",
		.options = script_options, .min = 1, .max = 1,
		.run = run_script,
		.help = "Run commands from a file, one a line; - is stdin",
		.details = "Words are quoted as in a shell, # begins a comment,\n"
			   "a backslash at its end continues a line. An error\n"
			   "ends the script. On a terminal it prompts, and goes\n"
			   "on after errors.",
	}, {
		.name = "exit", .args = "", .run = run_exit,
		.help = "End the script, or qdsctl; so does quit",
	}, {
		.name = "quit", .args = "", .run = run_exit,
		.help = "The same as exit",
	}, {
		.name = "help", .args = "[COMMAND]", .max = 2, .run = run_help,
		.help = "List the commands, or explain one",
		.details = "Of a group, which are table, bitmap, name and fdstore, all\n"
			   "commands are listed.",
	},
	{ 0 }
};

// SPDX-License-Identifier: GPL-2.0
/* The program: options, the modules' own init and exit, and how it may end. */
#define TWIN_HOST
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kunit/test.h>
#include <linux/ktime.h>
#include "kunit.h"
#include "internal.h"

/* Called by the module's init and exit in a kernel. */
__weak int qht_module_init(void);
__weak void qht_module_exit(void);
__weak int hbitmap_module_init(void);
__weak void hbitmap_module_exit(void);

/* The defaults of the sanitizers' runtimes; the environment overrides them. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__tsan_default_options(void);
void __tsan_on_report(void *report);
__weak void __sanitizer_set_death_callback(void (*callback)(void));

const char *__asan_default_options(void)
{
	return "detect_stack_use_after_return=1:strict_string_checks=1";
}

const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1:abort_on_error=1";
}

const char *__tsan_default_options(void)
{
	return "history_size=4:exitcode=1:atexit_sleep_ms=0";
}

void __tsan_on_report(void *report)
{
	twin_mark_failed();
	_printk("ThreadSanitizer has found a bug: see its report\n");
}

static void on_death(void)
{
	twin_last_words("stopped by a sanitizer");
}

static void on_signal(int sig)
{
	twin_last_words("crash");
	signal(sig, SIG_DFL);
	raise(sig);
}

/* A sanitizer handles these signals itself, and tells on_death(). */
static void prepare_for_death(void)
{
	static const int signals[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT,
	};
	size_t i;

	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(on_death);
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction old;

		if (sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler == SIG_DFL)
			signal(signals[i], on_signal);
	}
}

bool twin_chosen(const struct kunit_suite *suite,
		 const struct kunit_case *test_case,
		 const struct twin_options *options)
{
	char name[512];

	if (suite->twin_hidden != options->hidden)
		return false;
	if (!options->filter)
		return true;
	snprintf(name, sizeof(name), "%s.%s", suite->name, test_case->name);
	return !fnmatch(options->filter, name, 0) ||
	       !fnmatch(options->filter, suite->name, 0);
}

static unsigned int count(const struct twin_options *options, bool list)
{
	struct kunit_suite *suite;
	struct kunit_case *test_case;
	unsigned int n = 0;

	for (suite = twin_suites(); suite; suite = suite->twin_next) {
		for (test_case = suite->test_cases; test_case->run_case;
		     test_case++) {
			if (!twin_chosen(suite, test_case, options))
				continue;
			n++;
			if (list)
				printf("%s.%s\n", suite->name, test_case->name);
		}
	}
	return n;
}

static int init_modules(void)
{
	int err = qht_module_init ? qht_module_init() : 0;

	if (!err && hbitmap_module_init)
		err = hbitmap_module_init();
	return err;
}

static void exit_modules(void)
{
	if (hbitmap_module_exit)
		hbitmap_module_exit();
	if (qht_module_exit)
		qht_module_exit();
}

static unsigned int run_all(const struct twin_options *options)
{
	struct kunit_suite *suite;
	unsigned int i, failures = 0;

	for (i = 0; i < options->repeat; i++)
		for (suite = twin_suites(); suite; suite = suite->twin_next)
			failures += twin_run_suite(suite, options);
	return failures;
}

static int run(const struct twin_options *options, u64 seed)
{
	unsigned int n = count(options, false), failures;
	long left;

	if (!n) {
		fprintf(stderr, "twin: no test matches '%s'; try --list\n",
			options->filter ? options->filter : "*");
		return 2;
	}
	printf("TAP version 13\n1..%u\n", n * options->repeat);
	_printk("random seed: %llu\n", seed);
	twin_seed(seed);
	if (init_modules()) {
		printf("Bail out! module init failed\n");
		return 1;
	}
	failures = run_all(options);
	exit_modules();
	twin_rcu_drain();
	left = twin_nr_allocated();
	if (left) {
		_printk("%ld objects are not freed by the modules' exit\n", left);
		twin_alloc_list(0);
		failures++;
	}
	return failures ? 1 : 0;
}

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: twin [OPTION]...\n"
		"Run the KUnit suites of qds in userspace and print TAP.\n"
		"\n"
		"  -f, --filter GLOB    only what matches: suite.case, or a whole suite\n"
		"  -l, --list           print the names of the tests and exit\n"
		"  -p, --param M.P=V    set parameter P of module M, as on a kernel's\n"
		"                       command line, for example qht_torture.runtime=60\n"
		"  -r, --repeat N       run everything N times (1)\n"
		"  -s, --seed N         seed of get_random_u32() and its like (by the clock)\n"
		"  -t, --timeout SECS   a test that takes longer has failed (60)\n"
		"      --times          print how long each test took\n"
		"      --planted        the planted bugs instead, each of which must fail\n"
		"  -h, --help           print this and exit\n"
		"\n"
		"Exits with 0 if all tests passed, 1 if one failed, 2 on wrong usage.\n");
}

static unsigned long number(const char *arg, const char *option,
			    unsigned long at_least)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 0);

	if (end == arg || *end || n < at_least) {
		fprintf(stderr, "twin: %s wants a number from %lu on, not '%s'\n",
			option, at_least, arg);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "filter", required_argument, NULL, 'f' },
		{ "list", no_argument, NULL, 'l' },
		{ "param", required_argument, NULL, 'p' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ "times", no_argument, NULL, 'T' },
		{ "planted", no_argument, NULL, 'P' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct twin_options options = { .repeat = 1, .timeout = 60 };
	u64 seed = ktime_get_ns();
	bool list = false;
	int c;

	while ((c = getopt_long(argc, argv, "f:lp:r:s:t:h", long_options, NULL)) >= 0) {
		switch (c) {
		case 'f':
			options.filter = optarg;
			break;
		case 'l':
			list = true;
			break;
		case 'p':
			if (!twin_set_initial(optarg))
				return 2;
			break;
		case 'r':
			options.repeat = number(optarg, "--repeat", 1);
			break;
		case 's':
			seed = number(optarg, "--seed", 0);
			break;
		case 't':
			options.timeout = number(optarg, "--timeout", 1);
			break;
		case 'T':
			options.times = true;
			break;
		case 'P':
			options.hidden = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "twin: '%s' is too much; try --help\n", argv[optind]);
		return 2;
	}
	if (list)
		return count(&options, true) ? 0 : 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare_for_death();
	twin_host_thread_enter("twin");
	c = run(&options, seed);
	twin_host_thread_exit();
	return c;
}

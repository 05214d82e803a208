// SPDX-License-Identifier: GPL-2.0
/* Options, threads and clocks of the benchmarks. What they print: report.c. */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness.h"
#include "report.h"

enum { WARM_UP, MEASURE, STOP };

struct bench_options bench_options = { .runs = 7, .seconds = 0.15, .seed = 1 };
struct bench_hooks bench_hooks;

static const char *program;
static unsigned int n_wanted;

void bench_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void bench_die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void usage(FILE *to, const char *about)
{
	fprintf(to,
		"Usage: %s [OPTION]...\n"
		"%s\n"
		"\n"
		"Prints on standard output, and tells on standard error how it goes:\n"
		"  figure <structure>/<workload>/<size>/<n>/<subject> <value> <unit>\n"
		"  ratio  <structure>/<workload>/<size>/<n>/<peer> <value>\n"
		"A ratio above 1 says that qds is better. Each is the median of its runs.\n"
		"\n"
		"  -f, --filter GLOB    only points whose name begins so: '*/95-5/64k'\n"
		"  -j, --json FILE      write all results to FILE as JSON\n"
		"  -r, --runs N         runs of each subject at each point (7; 1 to %d)\n"
		"  -t, --seconds S      how long a run lasts at least (0.15)\n"
		"  -s, --seed N         seed of all random numbers (1)\n"
		"      --short          see whether all works: small sizes, short runs\n"
		"  -h, --help           print this and exit\n"
		"\n"
		"Exit status: 0; 1 when something does not work; 2 when called wrongly.\n",
		program, about, BENCH_MAX_RUNS);
}

static void misused(const char *what, const char *value)
{
	fprintf(stderr, "%s: %s: %s; see --help\n", program, what, value);
	exit(2);
}

static double parse_number(const char *text, double min, double max)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (errno || end == text || *end || !(value >= min && value <= max))
		misused("a number out of place or out of range", text);
	return value;
}

static void make_short(void)
{
	bench_options.is_short = true;
	bench_options.runs = 2;
	bench_options.seconds = 0.01;
}

static void take_option(int c, const char *about)
{
	switch (c) {
	case 'f':
		bench_options.filter = optarg;
		break;
	case 'j':
		bench_options.json = optarg;
		break;
	case 'r':
		bench_options.runs = parse_number(optarg, 1, BENCH_MAX_RUNS);
		break;
	case 't':
		bench_options.seconds = parse_number(optarg, 0.001, 60);
		break;
	case 's':
		bench_options.seed = parse_number(optarg, 0, 1e15);
		break;
	case 'S':
		make_short();
		break;
	case 'h':
		usage(stdout, about);
		exit(0);
	default:
		fprintf(stderr, "see %s --help\n", program);
		exit(2);
	}
}

/**
 * bench_begin() - read the command line
 * @argc: of main()
 * @argv: of main()
 * @name: of the program
 * @about: what it measures, a sentence for --help
 */
void bench_begin(int argc, char **argv, const char *name, const char *about)
{
	static const struct option options[] = {
		{ "filter", required_argument, NULL, 'f' },
		{ "json", required_argument, NULL, 'j' },
		{ "runs", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ "short", no_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	program = name;
	while ((c = getopt_long(argc, argv, "f:j:r:t:s:h", options, NULL)) != -1)
		take_option(c, about);
	if (optind < argc)
		misused("an argument too many", argv[optind]);
	bench_report_begin(program);
}

void bench_end(void)
{
	if (!n_wanted)
		misused("no point is named like that", bench_options.filter);
	bench_report_end();
}

bool bench_wanted(const char *format, ...)
{
	char pattern[256], name[256];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	if (bench_options.filter) {
		snprintf(pattern, sizeof(pattern), "%s*", bench_options.filter);
		if (fnmatch(pattern, name, 0))
			return false;
	}
	n_wanted++;
	return true;
}

/* --- clocks --- */

static double seconds_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

double bench_thread_seconds(void)
{
	return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double bench_seconds(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

void bench_sleep(double seconds)
{
	struct timespec ts = { .tv_sec = seconds };

	ts.tv_nsec = (seconds - ts.tv_sec) * 1e9;
	nanosleep(&ts, NULL);
}

/* --- threads --- */

/* The CPUs that the program was started on; those of its threads do not count. */
static const cpu_set_t *all_cpus(void)
{
	static cpu_set_t set;

	if (!CPU_COUNT(&set) && sched_getaffinity(0, sizeof(set), &set))
		bench_die("cannot tell the CPUs: %s", strerror(errno));
	return &set;
}

unsigned int bench_cpus(void)
{
	return CPU_COUNT(all_cpus());
}

/* The calling thread to the CPU number @index of those that there are. */
void bench_pin(unsigned int index)
{
	unsigned int left = index % bench_cpus(), cpu;
	cpu_set_t set;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, all_cpus()) && !left--)
			break;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		bench_die("cannot pin a thread to CPU %u", cpu);
}

static void *thread_main(void *arg)
{
	struct bench_thread *thread = arg;

	bench_pin(thread->index);
	if (bench_hooks.enter)
		bench_hooks.enter();
	thread->body(thread);
	if (bench_hooks.exit)
		bench_hooks.exit();
	return NULL;
}

static void start_threads(struct bench_thread *threads, unsigned int n,
			  bench_body body, void *arg, struct bench_clock *clock)
{
	static uint64_t runs;
	unsigned int i;

	if (n > BENCH_MAX_THREADS)
		bench_die("more than %d threads", BENCH_MAX_THREADS);
	all_cpus();
	runs++;
	for (i = 0; i < n; i++) {
		threads[i] = (struct bench_thread){
			.index = i, .arg = arg, .body = body, .clock = clock,
			.random = bench_mix(bench_options.seed + (runs << 8) + i),
			.phase = WARM_UP,
		};
		if (pthread_create(&threads[i].pthread, NULL, thread_main,
				   &threads[i]))
			bench_die("cannot create a thread");
	}
}

/* Operations per second of all, each thread by its own CPU time. */
static void join_threads(struct bench_thread *threads, unsigned int n,
			 double *rates)
{
	unsigned int i, kind;

	memset(rates, 0, BENCH_RATES * sizeof(*rates));
	for (i = 0; i < n; i++) {
		pthread_join(threads[i].pthread, NULL);
		for (kind = 0; kind < BENCH_RATES; kind++)
			if (threads[i].seconds[kind] > 0)
				rates[kind] += threads[i].ops[kind] /
					       threads[i].seconds[kind];
	}
}

/**
 * bench_parallel() - run threads that count and time themselves
 * @n: how many
 * @body: of each; sets thread->ops and thread->seconds
 * @arg: thread->arg
 * @rates: set to operations per second of all together, of each kind
 */
void bench_parallel(unsigned int n, bench_body body, void *arg, double *rates)
{
	struct bench_thread threads[BENCH_MAX_THREADS];

	start_threads(threads, n, body, arg, NULL);
	join_threads(threads, n, rates);
}

/* The slow side of bench_more(): the main thread has stored another phase. */
bool bench_next_phase(struct bench_thread *thread, unsigned int phase)
{
	double now = bench_thread_seconds();

	__atomic_store_n(&thread->phase, phase, __ATOMIC_RELAXED);
	if (phase == MEASURE) {
		thread->ops[0] = 0;
		thread->begun = now;
		return true;
	}
	thread->seconds[0] = now - thread->begun;
	return false;
}

static double seconds_of_thread(const struct bench_thread *thread)
{
	clockid_t id;

	return pthread_getcpuclockid(thread->pthread, &id) ? 0 : seconds_of(id);
}

/* Every thread gets into the measurement, however busy the machine is. */
static void wait_for_phase(const struct bench_thread *threads, unsigned int n,
			   unsigned int phase)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		while (__atomic_load_n(&threads[i].phase, __ATOMIC_RELAXED) !=
		       phase)
			bench_sleep(0.0001);
}

/* And gets as much CPU time as was asked for, or what there is within limits. */
static void wait_for_cpu_time(const struct bench_thread *threads, unsigned int n)
{
	double begun[BENCH_MAX_THREADS], end = bench_seconds();
	unsigned int i;

	for (i = 0; i < n; i++)
		begun[i] = seconds_of_thread(&threads[i]);
	end += 20 * bench_options.seconds;
	bench_sleep(bench_options.seconds);
	for (i = 0; i < n; i++)
		while (seconds_of_thread(&threads[i]) - begun[i] <
		       bench_options.seconds * 0.7 && bench_seconds() < end)
			bench_sleep(bench_options.seconds / 10);
}

/**
 * bench_timed() - run threads for bench_options.seconds, after a warm-up
 * @n: how many
 * @body: of each; does work for as long as bench_more() is true
 * @arg: thread->arg
 *
 * A rate is by CPU time, so that others on the machine are not counted, and all
 * threads end at the same moment, so that they do disturb each other.
 *
 * Return: operations per second of all together.
 */
double bench_timed(unsigned int n, bench_body body, void *arg)
{
	struct bench_thread threads[BENCH_MAX_THREADS];
	struct bench_clock clock = { .phase = WARM_UP };
	double rates[BENCH_RATES];

	start_threads(threads, n, body, arg, &clock);
	bench_sleep(bench_options.seconds / 4);
	__atomic_store_n(&clock.phase, MEASURE, __ATOMIC_RELAXED);
	wait_for_phase(threads, n, MEASURE);
	wait_for_cpu_time(threads, n);
	__atomic_store_n(&clock.phase, STOP, __ATOMIC_RELAXED);
	join_threads(threads, n, rates);
	return rates[0];
}

// SPDX-License-Identifier: GPL-2.0
/* Figures and ratios: as lines at once, as JSON at the end. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "latency.h"
#include "report.h"

static FILE *json;
static struct json_object *root, *figures, *ratios, *histograms;

void bench_report_begin(const char *program)
{
	/* Now, not after ten minutes of work. */
	if (bench_options.json) {
		json = fopen(bench_options.json, "we");
		if (!json)
			bench_die("cannot write %s: %s", bench_options.json,
				  strerror(errno));
	}
	root = json_object_new_object();
	figures = json_object_new_array();
	ratios = json_object_new_array();
	histograms = json_object_new_array();
	json_object_object_add(root, "program", json_object_new_string(program));
	json_object_object_add(root, "seed",
			       json_object_new_int64(bench_options.seed));
	json_object_object_add(root, "runs",
			       json_object_new_int64(bench_options.runs));
	json_object_object_add(root, "cpus", json_object_new_int64(bench_cpus()));
	json_object_object_add(root, "figures", figures);
	json_object_object_add(root, "ratios", ratios);
	json_object_object_add(root, "histograms", histograms);
}

static void write_json(void)
{
	int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE;

	fprintf(json, "%s\n", json_object_to_json_string_ext(root, flags));
	if (ferror(json) | fclose(json))
		bench_die("cannot write all of %s", bench_options.json);
}

void bench_report_end(void)
{
	if (fflush(stdout) || ferror(stdout))
		bench_die("cannot write all results to standard output");
	if (json)
		write_json();
	json_object_put(root);
}

void bench_add(struct bench_series *series, double value)
{
	if (series->n < BENCH_MAX_RUNS)
		series->value[series->n++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static struct bench_series sorted(const struct bench_series *series)
{
	struct bench_series s = *series;

	qsort(s.value, s.n, sizeof(s.value[0]), compare);
	return s;
}

double bench_median(const struct bench_series *series)
{
	struct bench_series s = sorted(series);

	return s.n ? (s.value[(s.n - 1) / 2] + s.value[s.n / 2]) / 2 : 0;
}

static struct json_object *describe(const char *name,
				    const struct bench_series *series)
{
	struct json_object *object = json_object_new_object();
	struct json_object *values = json_object_new_array();
	struct bench_series s = sorted(series);
	unsigned int i;

	for (i = 0; i < series->n; i++)
		json_object_array_add(values,
				      json_object_new_double(series->value[i]));
	json_object_object_add(object, "name", json_object_new_string(name));
	json_object_object_add(object, "value",
			       json_object_new_double(bench_median(series)));
	json_object_object_add(object, "low", json_object_new_double(s.value[0]));
	json_object_object_add(object, "high",
			       json_object_new_double(s.value[s.n - 1]));
	json_object_object_add(object, "values", values);
	return object;
}

/* Four digits, whatever the magnitude; three of what is below 1. */
static const char *digits(char *buf, size_t size, double value)
{
	int decimals = value < 10 ? 3 : value < 100 ? 2 : value < 1000 ? 1 : 0;
	double least;

	for (least = 0.1; value > 0 && value < least && decimals < 12; least /= 10)
		decimals++;
	snprintf(buf, size, "%.*f", decimals, value);
	return buf;
}

static void tell(const char *kind, const char *name,
		 const struct bench_series *series, const char *unit)
{
	struct bench_series s = sorted(series);
	char value[32], low[32], high[32];

	digits(value, sizeof(value), bench_median(series));
	printf("%s %s %s%s%s\n", kind, name, value, *unit ? " " : "", unit);
	fflush(stdout);
	bench_say("  %-6s %-44s %8s  (%s to %s)%s%s", kind, name, value,
		  digits(low, sizeof(low), s.value[0]),
		  digits(high, sizeof(high), s.value[s.n - 1]),
		  *unit ? " " : "", unit);
}

void bench_figure(const char *name, const struct bench_series *series,
		  const char *unit)
{
	struct json_object *object;

	if (!series->n)
		return;
	object = describe(name, series);
	json_object_object_add(object, "unit", json_object_new_string(unit));
	json_object_array_add(figures, object);
	tell("figure", name, series, unit);
}

/**
 * bench_ratio() - how much better ours is than a peer's
 * @name: of the point, and the peer's
 * @ours: a value for each round
 * @peer: likewise
 * @less_is_better: the values are times or sizes, not rates
 */
void bench_ratio(const char *name, const struct bench_series *ours,
		 const struct bench_series *peer, bool less_is_better)
{
	struct bench_series ratio = { .n = 0 };
	unsigned int i;

	for (i = 0; i < ours->n && i < peer->n; i++) {
		double a = ours->value[i], b = peer->value[i];

		/* Of a run that did nothing, on a machine that is too busy. */
		if (a > 0 && b > 0)
			bench_add(&ratio, less_is_better ? b / a : a / b);
	}
	if (!ratio.n)
		return;
	json_object_array_add(ratios, describe(name, &ratio));
	tell("ratio", name, &ratio, "");
}

/* The time that so many of the operations did not exceed, in us. */
static double quantile(const struct latency *latency, double part)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < LATENCY_BUCKETS - 1; i++) {
		n += latency->histogram[i];
		if (n >= part * latency->n)
			break;
	}
	return latency_bucket_from(i + 1) / 1e3;
}

/**
 * bench_histogram() - how long operations took
 * @name: of the point and the subject
 * @latency: of one or more runs
 */
void bench_histogram(const char *name, const struct latency *latency)
{
	struct json_object *object = json_object_new_object();
	struct json_object *buckets = json_object_new_array();
	unsigned int i;

	json_object_object_add(object, "name", json_object_new_string(name));
	json_object_object_add(object, "operations",
			       json_object_new_int64(latency->n));
	json_object_object_add(object, "worst_ns",
			       json_object_new_int64(latency->worst));
	for (i = 0; i < LATENCY_BUCKETS; i++) {
		struct json_object *bucket;

		if (!latency->histogram[i])
			continue;
		bucket = json_object_new_object();
		json_object_object_add(bucket, "from_ns",
				       json_object_new_int64(latency_bucket_from(i)));
		json_object_object_add(bucket, "operations",
				       json_object_new_int64(latency->histogram[i]));
		json_object_array_add(buckets, bucket);
	}
	json_object_object_add(object, "buckets", buckets);
	json_object_array_add(histograms, object);
	bench_say("  times  %-44s  half below %.3f, 99%% %.3f, 99.99%% %.1f, all %.1f us",
		  name, quantile(latency, 0.5), quantile(latency, 0.99),
		  quantile(latency, 0.9999), latency->worst / 1e3);
}

const char *bench_size_name(uint64_t n)
{
	static char names[4][24];
	static unsigned int next;
	char *name = names[next++ % 4];

	if (n >= 1 << 20 && n % (1 << 20) == 0)
		snprintf(name, sizeof(names[0]), "%lluM",
			 (unsigned long long)n >> 20);
	else if (n >= 1 << 10 && n % (1 << 10) == 0)
		snprintf(name, sizeof(names[0]), "%lluk",
			 (unsigned long long)n >> 10);
	else
		snprintf(name, sizeof(names[0]), "%llu", (unsigned long long)n);
	return name;
}

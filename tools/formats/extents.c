// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "extents.h"
#include "parse.h"

/* Runs are 16 bytes: at most 1 GiB of them. */
#define MAX_RUNS ((size_t)1 << 26)

/* Clean bits for which two runs are not restored in one piece. */
#define GAP 16384

/**
 * extents_init() - nothing is dirty
 * @extents: filled in
 * @items: number of items, at least 1
 * @granularity: a bit stands for 1 << granularity of them
 */
void extents_init(struct extents *extents, uint64_t items,
		  unsigned int granularity)
{
	*extents = (struct extents){
		.items = items,
		.granularity = granularity,
	};
}

/**
 * extents_free() - release them
 * @extents: what extents_init() has made
 */
void extents_free(struct extents *extents)
{
	free(extents->run);
}

static uint64_t nr_bits(const struct extents *extents)
{
	return ((extents->items - 1) >> extents->granularity) + 1;
}

static int add_run(struct extents *extents, uint64_t first, uint64_t end)
{
	struct run *last = extents->nr ? &extents->run[extents->nr - 1] : NULL;
	struct run *more;

	if (last && first <= last->end) {
		if (end > last->end)
			last->end = end;
		return 0;
	}
	if (extents->nr == MAX_RUNS)
		return -E2BIG;
	if (extents->nr == extents->room) {
		extents->room = extents->room ? extents->room * 2 : 64;
		more = realloc(extents->run, extents->room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		extents->run = more;
	}
	extents->run[extents->nr++] = (struct run){ first, end };
	return 0;
}

/**
 * extents_add() - make items dirty, rounded outward
 * @extents: the extents
 * @start: the first item, not before what was added last
 * @count: number of items, at least 1
 *
 * Return: 0; -EINVAL when they are out of order or none; -ERANGE when they reach
 * past the end; -E2BIG when there are too many extents; -ENOMEM.
 */
int extents_add(struct extents *extents, uint64_t start, uint64_t count)
{
	const unsigned int shift = extents->granularity;
	uint64_t first = start >> shift;

	if (!count)
		return -EINVAL;
	if (start >= extents->items || count > extents->items - start)
		return -ERANGE;
	if (extents->nr && first < extents->run[extents->nr - 1].first)
		return -EINVAL;
	return add_run(extents, first, ((start + count - 1) >> shift) + 1);
}

/* The first run that ends behind a bit. */
static size_t run_behind(const struct extents *extents, uint64_t bit)
{
	size_t low = 0, high = extents->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (extents->run[middle].end <= bit)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void set_bits(uint8_t *data, uint64_t first, uint64_t end)
{
	for (; first < end && first % 8; first++)
		data[first / 8] |= 1U << first % 8;
	if (first < end) {
		memset(data + first / 8, 0xff, (end - first) / 8);
		first += (end - first) / 8 * 8;
	}
	for (; first < end; first++)
		data[first / 8] |= 1U << first % 8;
}

/**
 * extents_fill() - the bytes of a part
 * @extents: the extents
 * @bits: the part, with room for its bytes, which are written
 */
void extents_fill(const struct extents *extents, const struct bits *bits)
{
	const uint64_t end = bits->first + bits->nr;
	size_t i = run_behind(extents, bits->first);

	memset(bits->data, 0, bits->size);
	for (; i < extents->nr && extents->run[i].first < end; i++) {
		const struct run *run = &extents->run[i];
		uint64_t from = run->first > bits->first ? run->first :
							    bits->first;
		uint64_t to = run->end < end ? run->end : end;

		set_bits(bits->data, from - bits->first, to - bits->first);
	}
}

static bool bit_is_set(const uint8_t *data, uint64_t bit)
{
	return data[bit / 8] >> bit % 8 & 1;
}

/**
 * extents_add_bits() - add what is set in a part
 * @extents: the extents
 * @bits: the part, behind what was added last
 *
 * Return: 0, -E2BIG or -ENOMEM.
 */
int extents_add_bits(struct extents *extents, const struct bits *bits)
{
	const uint8_t *data = bits->data;
	uint64_t at = 0, start;
	int err = 0;

	if (bits->kind == BITS_ZEROES)
		return 0;
	if (bits->kind == BITS_ONES)
		return add_run(extents, bits->first, bits->first + bits->nr);
	while (at < bits->nr && !err) {
		if (!(at % 8) && !data[at / 8]) {
			at += 8;
			continue;
		}
		if (!bit_is_set(data, at)) {
			at++;
			continue;
		}
		for (start = at; at < bits->nr && bit_is_set(data, at); at++)
			;
		err = add_run(extents, bits->first + start, bits->first + at);
	}
	return err;
}

/* How many bits from @first on are one piece of data. */
static uint64_t piece(const struct extents *extents, size_t i, uint64_t first,
		      uint64_t max)
{
	const uint64_t total = nr_bits(extents);
	uint64_t end;

	do {
		end = (extents->run[i].end + 63) & ~63ULL;
		i++;
	} while (end - first < max && i < extents->nr &&
		 extents->run[i].first < end + GAP);
	if (end - first > max)
		end = first + max;
	return (end < total ? end : total) - first;
}

/* The part that begins at bits->first, but its bytes. */
static void next_part(const struct extents *extents, uint64_t max,
		      struct bits *bits)
{
	const uint64_t total = nr_bits(extents);
	size_t i = run_behind(extents, bits->first);
	uint64_t start = i < extents->nr ? extents->run[i].first : total;
	uint64_t end;

	if (start > bits->first) {
		bits->kind = BITS_ZEROES;
		end = start;
	} else {
		bits->kind = BITS_ONES;
		end = extents->run[i].end;
	}
	if (end < total)
		end &= ~63ULL;
	if (end > bits->first) {
		bits->nr = end - bits->first;
		return;
	}
	bits->kind = BITS_DATA;
	bits->nr = piece(extents, i, bits->first, max);
}

/**
 * extents_walk() - the whole bitmap, part by part
 * @extents: the extents
 * @chunk: most bytes of a part that has bytes, at least 8
 * @fn: called for every part, in order
 * @opaque: for @fn
 *
 * Return: 0, -ENOMEM, or what @fn has returned.
 */
int extents_walk(const struct extents *extents, size_t chunk, bits_fn fn,
		 void *opaque)
{
	const uint64_t total = nr_bits(extents);
	const uint64_t max = chunk / 8 * 64;
	struct bits bits = { .first = 0 };
	void *data = malloc(chunk);
	int err = data ? 0 : -ENOMEM;

	for (; bits.first < total && !err; bits.first += bits.nr) {
		bits.data = NULL;
		bits.size = 0;
		next_part(extents, max, &bits);
		if (bits.kind == BITS_DATA) {
			bits.data = data;
			bits.size = qcow2_bits_bytes(bits.nr);
			extents_fill(extents, &bits);
		}
		err = fn(opaque, &bits);
	}
	free(data);
	return err;
}

static int read_size(struct extents_reader *reader, const char *line,
		     struct fault *fault)
{
	uint64_t items;

	if (strncmp(line, "# size ", 7) || parse_u64(line + 7, &items) || !items)
		return fault_set(fault, -EINVAL, "no size in its first line");
	extents_init(reader->extents, items, reader->granularity);
	reader->sized = true;
	return 0;
}

static int add_line(struct extents_reader *reader, const struct qds_range *range,
		    struct fault *fault)
{
	int err = 0;

	if (range->start < reader->end)
		err = -EINVAL;
	if (!err)
		err = extents_add(reader->extents, range->start, range->count);
	switch (err) {
	case 0:
		reader->end = range->start + range->count;
		return 0;
	case -E2BIG:
		return fault_set(fault, err,
				 "more than %zu dirty extents: use a larger granularity",
				 MAX_RUNS);
	case -ENOMEM:
		return fault_set(fault, err, "no memory");
	case -ERANGE:
		return fault_set(fault, err, "an extent reaches past the end");
	default:
		return fault_set(fault, err, "extents are empty or out of order");
	}
}

/**
 * extents_read_line() - read a line of what qds-nbd-map writes
 * @reader: what was read so far
 * @line: the line, without its end
 * @fault: filled in on failure
 *
 * Return: 0 or -errno.
 */
int extents_read_line(struct extents_reader *reader, const char *line,
		      struct fault *fault)
{
	static const char dirty[] = " dirty";
	const char *space = strchr(line, ' ');
	struct qds_range range;
	char text[64];
	size_t length;

	if (reader->ended)
		return fault_set(fault, -EINVAL, "a line behind the end");
	if (!reader->sized)
		return read_size(reader, line, fault);
	if (!strcmp(line, "# end")) {
		reader->ended = true;
		return 0;
	}
	length = space ? space - line : 0;
	if (!length || length >= sizeof(text) || strcmp(space, dirty) ||
	    !memchr(line, '+', length))
		return fault_set(fault, -EINVAL, "a line is no extent");
	memcpy(text, line, length);
	text[length] = 0;
	if (parse_range(text, reader->extents->items, &range))
		return fault_set(fault, -EINVAL, "a line is no extent");
	return add_line(reader, &range, fault);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * unpack SEEDS ARCHIVES DIR: the corpora DIR/fuzz_qcow2, DIR/fuzz_extents,
 * DIR/fuzz_cpr and DIR/fuzz_archive to begin with
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "seeds.h"
#include "util.h"

static void write_file(const char *dir, const char *fuzzer, const char *name,
		       const void *head, size_t head_size, const void *data,
		       size_t size)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, fuzzer);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%s", dir, fuzzer, name);
	file = fopen(path, "w");
	if (!file || fwrite(head, 1, head_size, file) != head_size ||
	    fwrite(data, 1, size, file) != size || fclose(file)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const char text[] =
		"# size 65536\n0+512 dirty\n4096+8192 dirty\n65535+1 dirty\n# end\n";
	/* The name, the granularity, the bits: see fuzz_qcow2.c. */
	static const uint8_t heads[][3] = {
		{ 0, 9, 0 }, { 0x80, 12, 1 }, { 2, 9, 2 },
	};
	static const uint8_t state[] = {
		'Q', 'C', 'P', 'R', 0, 0, 0, 1, 1, 0, 0, 0, 3, 'a', 'b', 0,
		0, 0, 0, 7, 0, 0, 0, 9, 0,
	};
	static const uint8_t carried[] = {
		'Q', 'C', 'P', 'R', 0, 0, 0, 1, 1, 0, 0, 0, 3, 'a', 'b', 0,
		0, 0, 0, 7, 0x20, 0,
	};
	struct seed *seeds, *seed;
	char name[64];
	size_t i;

	if (argc != 4) {
		fputs("usage: unpack SEEDS ARCHIVES DIR\n", stderr);
		return 2;
	}
	seeds = seeds_read(argv[1]);
	for (seed = seeds; seed; seed = seed->next) {
		for (i = 0; i < ARRAY_SIZE(heads); i++) {
			snprintf(name, sizeof(name), "%s-%zu", seed->name, i);
			write_file(argv[3], "fuzz_qcow2", name, heads[i],
				   sizeof(heads[i]), seed->data, seed->size);
		}
	}
	write_file(argv[3], "fuzz_extents", "bytes", "", 1, text, strlen(text));
	write_file(argv[3], "fuzz_extents", "groups", "\x0c", 1, text, strlen(text));
	write_file(argv[3], "fuzz_cpr", "numbers", "\0", 1, state, sizeof(state));
	write_file(argv[3], "fuzz_cpr", "carried", "\1", 1, carried, sizeof(carried));
	seeds_free(seeds);
	seeds = seeds_read(argv[2]);
	for (seed = seeds; seed; seed = seed->next)
		write_file(argv[3], "fuzz_archive", seed->name, "\x01", 1,
			   seed->data, seed->size);
	seeds_free(seeds);
	return 0;
}

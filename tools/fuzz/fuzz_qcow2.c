// SPDX-License-Identifier: GPL-2.0
/* Any bytes as a qcow2 image: three that choose what is stored, then the image. */
#include "check.h"
#include "fuzz.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "bm0", "fine", "new", "" };
	struct wanted wanted;

	if (size < 3)
		return 0;
	wanted = (struct wanted){
		.name = names[data[0] % ARRAY_SIZE(names)],
		.disabled = data[0] >> 7,
		.granularity = data[1],
		.seed = data[2],
	};
	check_image(data + 3, size - 3, &wanted);
	return 0;
}

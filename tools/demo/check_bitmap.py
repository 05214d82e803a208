#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check_bitmap.py FULL IMAGE BITMAP: is a bit set for each block that differs?

Shares nothing with qds but what <linux/qds.h> says of the serialized form: bit
i is bit i % 8 of byte i / 8, and zero bits fill up to a multiple of 8 bytes.
"""

import sys

BLOCK = 4096


def blocks(path):
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            yield block


def main(full, image, bitmap):
    with open(bitmap, "rb") as file:
        data = file.read()
    differ = 0
    nr = 0
    for nr, (old, new) in enumerate(zip(blocks(full), blocks(image)), 1):
        bit = data[(nr - 1) // 8] >> (nr - 1) % 8 & 1
        if bit != (old != new):
            return f"block {nr - 1}: bit {bit}, but {'un' * (old != new)}equal"
        differ += bit
    if len(data) != (nr + 63) // 64 * 8:
        return f"{len(data)} bytes for {nr} blocks"
    if int.from_bytes(data, "little") >> nr:
        return "bits are set behind the end"
    if not differ:
        return "the images do not differ"
    print(f"ok: {differ} of {nr} blocks differ, and exactly their bits are set "
          f"({len(data)} bytes)")
    return None


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        problem = main(*sys.argv[1:])
    except IndexError:
        problem = "too short"
    if problem:
        sys.exit(f"check_bitmap.py: {sys.argv[3]}: {problem}")

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check_format.py LOG: check the serialized bitmaps that qds_bitmap has printed

LOG is the output of the test run, - for standard input. For each bitmap in it
the same pattern is made here, in a Python integer, and its bytes compared with
those that the kernel has serialized. TAP on stdout; 0 when all are the same.
"""
import base64
import re
import sys

HEAD = re.compile(r"# serialized: items=(\d+) granularity=(\d+) seed=(\d+) ranges=(\d+) bytes=(\d+)")
BYTES = re.compile(r"# serialized-bytes: ([A-Za-z0-9+/=]+)")


def pattern(items, granularity, x, ranges):
    """The bitmap as an integer, bit i for the items from i << granularity on."""
    group, bits = 1 << granularity, 0

    for i in range(ranges):
        x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
        start = (x >> 11) % items
        x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
        end = min(start + 1 + (x >> 11) % (items // 100 + group), items)
        first, last = start // group, (end - 1) // group
        mask = ((1 << (last - first + 1)) - 1) << first
        bits = bits & ~mask if i % 4 == 3 else bits | mask
    return bits


def expected(items, granularity, seed, ranges):
    nbits = ((items - 1) >> granularity) + 1
    words = (nbits + 63) // 64
    return pattern(items, granularity, seed, ranges).to_bytes(8 * words, "little")


def read_log(log):
    """The numbers and the bytes of each bitmap in the log."""
    found = []
    for line in log:
        head, data = HEAD.search(line), BYTES.search(line)
        if head:
            found.append(([int(n) for n in head.groups()], bytearray()))
        elif data and found:
            found[-1][1].extend(base64.b64decode(data.group(1)))
    return found


def main():
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if "-h" in sys.argv or "--help" in sys.argv else 2
    if sys.argv[1] == "-":
        found = read_log(sys.stdin)
    else:
        with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
            found = read_log(log)

    failed = not found
    print("TAP version 13")
    print(f"1..{len(found) or 1}")
    if not found:
        print("not ok 1 the log has serialized bitmaps")
    for number, ((items, granularity, seed, ranges, size), data) in enumerate(found, 1):
        want = expected(items, granularity, seed, ranges)
        same = size == len(data) and want == data
        failed |= not same
        print(f"{'' if same else 'not '}ok {number} "
              f"{items} items, granularity {granularity}: {len(want)} serialized bytes are the same")
        if not same:
            at = next((i for i, (a, b) in enumerate(zip(want, data)) if a != b),
                      min(len(want), len(data)))
            print(f"# {len(data)} bytes, told to be {size}; the first difference is at byte {at}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

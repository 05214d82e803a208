// SPDX-License-Identifier: GPL-2.0
/* SHA-256 as FIPS 180-4 has it: short, not fast. */
#include <crypto/sha2.h>
#include <linux/bitops.h>
#include <linux/string.h>

#define BLOCK	64

static const u32 first_state[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
	0x1f83d9ab, 0x5be0cd19,
};

static const u32 constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static u32 load_be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static void store_be32(u8 *p, u32 value)
{
	p[0] = value >> 24;
	p[1] = value >> 16;
	p[2] = value >> 8;
	p[3] = value;
}

static void schedule(const u8 *block, u32 *w)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		w[i] = load_be32(block + 4 * i);
	for (; i < 64; i++) {
		u32 a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + (ror32(a, 7) ^ ror32(a, 18) ^ a >> 3) +
		       w[i - 7] + (ror32(b, 17) ^ ror32(b, 19) ^ b >> 10);
	}
}

static void transform(u32 *state, const u8 *block)
{
	u32 w[64], s[8];
	unsigned int i;

	schedule(block, w);
	memcpy(s, state, sizeof(s));
	for (i = 0; i < 64; i++) {
		u32 t = s[7] + (ror32(s[4], 6) ^ ror32(s[4], 11) ^ ror32(s[4], 25)) +
			((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[i] + w[i];
		u32 u = (ror32(s[0], 2) ^ ror32(s[0], 13) ^ ror32(s[0], 22)) +
			((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += t;
		s[0] = t + u;
	}
	for (i = 0; i < 8; i++)
		state[i] += s[i];
}

void sha256(const u8 *data, unsigned int len, u8 *out)
{
	u8 end[2 * BLOCK] = {};
	unsigned int i, rest = len % BLOCK;
	unsigned int padded = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;
	u32 state[8];

	memcpy(state, first_state, sizeof(state));
	for (i = 0; i + BLOCK <= len; i += BLOCK)
		transform(state, data + i);
	memcpy(end, data + i, rest);
	end[rest] = 0x80;
	store_be32(end + padded - 8, (u64)len * 8 >> 32);
	store_be32(end + padded - 4, len * 8);
	for (i = 0; i < padded; i += BLOCK)
		transform(state, end + i);
	for (i = 0; i < 8; i++)
		store_be32(out + 4 * i, state[i]);
}

/**
 * SHA-1 and SHA-256 (FIPS 180-4) of a few hundred bytes, for fingerprints without security value. node:crypto
 * would load OpenSSL's tables and twenty modules: 2 MB of a daemon, and a tenth of a command's start.
 */

/** The SHA-1 of the bytes in hexadecimal. */
export function sha1(bytes: Uint8Array): string {
  const state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  const words = new Uint32Array(80);
  for (const block of blocksOf(bytes)) mixSha1(state, words, block);
  return hexOf(state);
}

/** The SHA-256 of the text's UTF-8 in hexadecimal. */
export function sha256(text: string): string {
  const state = roots(2, 8);
  const words = new Uint32Array(64);
  const constants = roots(3, 64);
  for (const block of blocksOf(new TextEncoder().encode(text))) mixSha256(state, { words, constants }, block);
  return hexOf(state);
}

/** The message in blocks of 64 bytes, padded with a bit, zeros and its length. */
function blocksOf(bytes: Uint8Array): readonly DataView[] {
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);
  return Array.from({ length: padded.length / 64 }, (_, i) => new DataView(padded.buffer, i * 64, 64));
}

function mixSha1(state: Uint32Array, words: Uint32Array, block: DataView): void {
  const word = (i: number): number => words[i] ?? 0;
  for (let i = 0; i < 16; i++) words[i] = block.getUint32(i * 4);
  for (let i = 16; i < 80; i++) words[i] = left(word(i - 3) ^ word(i - 8) ^ word(i - 14) ^ word(i - 16), 1);
  let [a = 0, b = 0, c = 0, d = 0, e = 0] = state;
  for (let i = 0; i < 80; i++) {
    const next = (left(a, 5) + chosen(i, b, c, d) + e + word(i)) | 0;
    e = d;
    d = c;
    c = left(b, 30);
    b = a;
    a = next;
  }
  add(state, [a, b, c, d, e]);
}

/** Function and constant of SHA-1's round `i`. */
function chosen(i: number, b: number, c: number, d: number): number {
  if (i < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (i < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (i < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

function mixSha256(
  state: Uint32Array,
  { words, constants }: { readonly words: Uint32Array; readonly constants: Uint32Array },
  block: DataView,
): void {
  const word = (i: number): number => words[i] ?? 0;
  for (let i = 0; i < 16; i++) words[i] = block.getUint32(i * 4);
  for (let i = 16; i < 64; i++) {
    const far = word(i - 15);
    const near = word(i - 2);
    const small = left(far, 25) ^ left(far, 14) ^ (far >>> 3);
    words[i] = word(i - 16) + small + word(i - 7) + (left(near, 15) ^ left(near, 13) ^ (near >>> 10));
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < 64; i++) {
    const low = left(e, 26) ^ left(e, 21) ^ left(e, 7);
    const first = h + low + ((e & f) ^ (~e & g)) + (constants[i] ?? 0) + word(i);
    const high = left(a, 30) ^ left(a, 19) ^ left(a, 10);
    const second = high + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  add(state, [a, b, c, d, e, f, g, h]);
}

/** The first 32 fractional bits of the square (2) or cube (3) roots of the first primes. */
function roots(degree: 2 | 3, count: number): Uint32Array {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor !== 0) divisor++;
    if (divisor * divisor > n) found.push((degree === 2 ? Math.sqrt(n) : Math.cbrt(n)) % 1);
  }
  return Uint32Array.from(found, (fraction) => Math.floor(fraction * 2 ** 32));
}

function add(state: Uint32Array, more: readonly number[]): void {
  more.forEach((value, i) => {
    state[i] = (state[i] ?? 0) + value;
  });
}

function left(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function hexOf(state: Uint32Array): string {
  return Array.from(state, (value) => value.toString(16).padStart(8, '0')).join('');
}

/** IPv4 or IPv6. */
export type Family = 4 | 6;

/** Addresses with the same first `prefix` bits. `address` is canonical, and its other bits are 0. */
export type Network = { readonly family: Family; readonly address: string; readonly prefix: number };

/** Reads a dotted quad as an unsigned 32-bit number; null for leading zeros, hex and short forms. */
export function parseIp4(text: string): number | null {
  if (text.length > 15) return null;
  for (let i = 0; i < text.length; i++) QUAD[i] = text.charCodeAt(i);
  return readIp4(QUAD, 0, text.length);
}

const QUAD = new Uint16Array(16);

/** Like parseIp4(), for characters in an array. */
export function readIp4(codes: Uint8Array | Uint16Array, from: number, to: number): number | null {
  if (to - from < 7 || to - from > 15) return null;
  let value = 0;
  let part = -1;
  let dots = 0;
  for (let i = from; i < to; i++) {
    const digit = (codes[i] ?? 0) - 48;
    if (digit >= 0 && digit <= 9) {
      // A number with a leading zero is octal to some programs.
      if (part === 0) return null;
      part = part < 0 ? digit : part * 10 + digit;
      if (part > 255) return null;
    } else {
      if (digit !== -2 || part < 0 || ++dots > 3) return null;
      value = value * 256 + part;
      part = -1;
    }
  }
  return dots === 3 && part >= 0 ? value * 256 + part : null;
}

/** Formats an unsigned 32-bit number as a dotted quad. */
export function formatIp4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** Writes an unsigned 32-bit number as a dotted quad, 15 bytes at most; returns the end. */
export function writeIp4(into: Uint8Array, at: number, ip: number): number {
  let to = at;
  for (let shift = 24; shift >= 0; shift -= 8) {
    const part = (ip >>> shift) & 255;
    if (part >= 100) into[to++] = 48 + Math.floor(part / 100);
    if (part >= 10) into[to++] = 48 + (Math.floor(part / 10) % 10);
    into[to++] = 48 + (part % 10);
    if (shift > 0) into[to++] = 46;
  }
  return to;
}

/** The eight 16-bit groups of an IPv6 address, or null. No zone id, no brackets. */
export function parseIp6(text: string): number[] | null {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || !text.includes(':')) return null;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const groups = halves.map((half, i) => groupsOf(half, i === halves.length - 1));
  const [head, tail] = groups;
  if (head === undefined || head === null || tail === null) return null;
  if (tail === undefined) return head.length === 8 ? head : null;
  const missing = 8 - head.length - tail.length;
  return missing < 1 ? null : [...head, ...new Array<number>(missing).fill(0), ...tail];
}

function groupsOf(half: string, isLast: boolean): number[] | null {
  if (half === '') return [];
  const groups: number[] = [];
  const words = half.split(':');
  for (const [i, word] of words.entries()) {
    if (isLast && i === words.length - 1 && word.includes('.')) {
      const quad = parseIp4(word);
      if (quad === null) return null;
      groups.push(Math.floor(quad / 65536), quad & 65535);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(word)) {
      groups.push(Number.parseInt(word, 16));
    } else {
      return null;
    }
  }
  return groups;
}

/** The shortest form by RFC 5952 of eight 16-bit groups. */
function formatIp6(groups: readonly number[]): string {
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > best.length) best = { start: i, length };
  }
  const words = groups.map((group) => group.toString(16));
  if (best.start < 0) return words.join(':');
  return `${words.slice(0, best.start).join(':')}::${words.slice(best.start + best.length).join(':')}`;
}

/** The canonical spelling of an address (`::ffff:a.b.c.d` is IPv4); null if the text is not one. */
export function canonicalIp(text: string): string | null {
  const quad = parseIp4(text);
  if (quad !== null) return text;
  const groups = parseIp6(text);
  if (groups === null) return null;
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  return isMapped ? formatIp4((groups[6] ?? 0) * 65536 + (groups[7] ?? 0)) : formatIp6(groups);
}

/**
 * The address as in the reverse zones of the DNS, without the suffix: `7.2.0.192.`; null if it is not one.
 */
export function reverseZoneName(ip: string): string | null {
  if (parseIp4(ip) !== null) return `${ip.split('.').reverse().join('.')}.`;
  const groups = parseIp6(ip);
  if (groups === null) return null;
  const digits = groups.map((group) => group.toString(16).padStart(4, '0')).join('');
  return `${[...digits].reverse().join('.')}.`;
}

/** The family of a canonical address or network. */
export function familyOf(canonical: string): Family {
  return canonical.includes(':') ? 6 : 4;
}

/**
 * Reads `address`, `address/prefix` or `address/netmask`; null for other text. Host bits are allowed and
 * cleared. A single address has the full prefix.
 */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf('/');
  const address = canonicalIp(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const family = familyOf(address);
  const bits = family === 4 ? 32 : 128;
  let prefix: number | null = bits;
  if (slash >= 0) prefix = prefixOf(text.slice(slash + 1), family);
  if (prefix !== null && slash > 0 && family === 4 && text.slice(0, slash).includes(':')) prefix -= 96;
  if (prefix === null || prefix < 0 || prefix > bits) return null;
  return { family, prefix, address: masked(address, prefix) };
}

function prefixOf(text: string, family: Family): number | null {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  if (family === 4) {
    const mask = parseIp4(text);
    return mask === null ? null : leadingOnes(mask.toString(2).padStart(32, '0'));
  }
  const groups = parseIp6(text);
  return groups === null ? null : leadingOnes(groups.map((g) => g.toString(2).padStart(16, '0')).join(''));
}

function leadingOnes(bits: string): number | null {
  const found = /^(1*)0*$/.exec(bits);
  return found === null ? null : (found[1] ?? '').length;
}

/** The canonical address with all bits after the first `prefix` cleared. */
export function masked(address: string, prefix: number): string {
  const quad = parseIp4(address);
  if (quad !== null) {
    const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
    return formatIp4((quad & mask) >>> 0);
  }
  const groups = parseIp6(address) ?? [];
  return formatIp6(
    groups.map((group, i) => {
      const keep = Math.min(16, Math.max(0, prefix - i * 16));
      return group & (0xffff << (16 - keep)) & 0xffff;
    }),
  );
}

/** The canonical spelling of an address or network; null if the text is not one. */
export function canonicalNetwork(text: string): string | null {
  const network = parseNetwork(text);
  return network === null ? null : formatNetwork(network);
}

/** Whether the network contains the canonical address or the whole inner network. */
export function contains(network: Network, inner: Network | string): boolean {
  const other = typeof inner === 'string' ? parseNetwork(inner) : inner;
  if (other === null || other.family !== network.family || other.prefix < network.prefix) return false;
  return masked(other.address, network.prefix) === network.address;
}

/** `address` for a single host, else `address/prefix`. */
export function formatNetwork(network: Network): string {
  const isHost = network.prefix === (network.family === 4 ? 32 : 128);
  return isHost ? network.address : `${network.address}/${network.prefix}`;
}

/**
 * Finds addresses that must never be banned: this host's gateways and the SSH logins of its admin.
 *
 * Pure: parses the texts of /proc, /run/utmp and logind, which ban/logins.ts reads. Applies to bans by log,
 * by hand and by import.
 *
 *     lockoutReason({ gateways: new Set(['192.0.2.1']), sessions: new Set() }, '192.0.2.0/24');
 *     // 'it holds the default gateway'
 */

import { canonicalIp, contains, type Network, parseNetwork } from '../base/ip.ts';

/** Canonical addresses whose ban would lock out the admin. */
export type ProtectedAddresses = {
  readonly gateways: ReadonlySet<string>;
  /** Addresses of current SSH logins; empty for a jail with `protectssh = no`. */
  readonly sessions: ReadonlySet<string>;
};

/**
 * Shortest prefixes: a network wider than the first is never banned, one wider than the second only on
 * request.
 */
const WIDEST = { 4: [8, 16], 6: [32, 32] } as const;

/**
 * Why an id (canonical address or network) must not be banned by log, hand or import; null if it may. An id
 * that is not an address may be banned. `isWide`: the user asked for networks wider than /16.
 */
export function lockoutReason(protection: ProtectedAddresses, id: string, isWide = false): string | null {
  if (!id.includes('/')) {
    if (protection.gateways.has(id)) return 'it is the default gateway';
    return protection.sessions.has(id) ? 'somebody is logged in by SSH from there' : null;
  }
  const network = parseNetwork(id);
  if (network === null) return null;
  const [never, asked] = WIDEST[network.family];
  if (network.prefix < never) return `it is wider than /${never}`;
  if (network.prefix < asked && !isWide) return `it is wider than /${asked}`;
  if (holdsOne(network, protection.gateways)) return 'it holds the default gateway';
  return holdsOne(network, protection.sessions)
    ? 'it holds an address from which somebody is logged in by SSH'
    : null;
}

function holdsOne(network: Network, addresses: ReadonlySet<string>): boolean {
  return [...addresses].some((address) => contains(network, address));
}

/** The default gateways in the text of /proc/net/route; canonical. */
export function gatewaysIn4(route: string): string[] {
  return route.split('\n').flatMap((line) => {
    const [, destination, gateway = ''] = line.split(/\s+/);
    const isDefault = destination === '00000000' && /^[0-9A-F]{8}$/i.test(gateway) && gateway !== '00000000';
    return isDefault ? [bytesOf(gateway).toReversed().join('.')] : [];
  });
}

/** The default gateways in the text of /proc/net/ipv6_route; canonical. */
export function gatewaysIn6(route: string): string[] {
  return route.split('\n').flatMap((line) => {
    const [destination = '', length, , , gateway = ''] = line.split(/\s+/);
    const isDefault = /^0{32}$/.test(destination) && length === '00' && /^[0-9a-f]{32}$/i.test(gateway);
    if (!isDefault || /^0+$/.test(gateway)) return [];
    return ip6OfHex(gateway) ?? [];
  });
}

/** The remote addresses of established connections in the text of /proc/net/tcp or tcp6; canonical. */
export function peersIn(tcp: string): string[] {
  return tcp.split('\n').flatMap((line) => {
    const [, , , remote = '', state] = ` ${line.trim()}`.split(/\s+/);
    const hex = remote.split(':')[0] ?? '';
    if (state !== '01') return [];
    // Each 32-bit word is printed in the host's own byte order.
    const words = hex.match(/.{8}/g)?.map((word) => bytesOf(word).toReversed()) ?? [];
    if (words.length === 1) return [(words[0] ?? []).join('.')];
    if (words.length !== 4) return [];
    return ip6OfHex(words.map(hexOf).join('')) ?? [];
  });
}

function bytesOf(hex: string): number[] {
  return (hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
}

function hexOf(bytes: Iterable<number>): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The canonical address of 32 hexadecimal digits. */
function ip6OfHex(hex: string): string | null {
  return canonicalIp(hex.replace(/(.{4})(?!$)/g, '$1:'));
}

/** A remote login: the process of the session, and the address or name that the system recorded. */
export type Login = { readonly pid: number; readonly from: string };

/** The logins in the bytes of /run/utmp (utmp(5), the layout of 64-bit Linux). */
export function loginsIn(utmp: Uint8Array): Login[] {
  const RECORD = 384;
  const USER_PROCESS = 7;
  const view = new DataView(utmp.buffer, utmp.byteOffset, utmp.byteLength);
  const logins: Login[] = [];
  for (let at = 0; at + RECORD <= utmp.length; at += RECORD) {
    if (view.getInt16(at, true) !== USER_PROCESS) continue;
    const host = utmp.subarray(at + 76, at + 332);
    const address = utmp.subarray(at + 348, at + 364);
    const named = new TextDecoder('latin1').decode(host).replace(/\0.*$/s, '');
    const from = addressOf(address) ?? named;
    if (from !== '') logins.push({ pid: view.getInt32(at + 4, true), from });
  }
  return logins;
}

function addressOf(bytes: Uint8Array): string | null {
  if (bytes.every((byte) => byte === 0)) return null;
  if (bytes.subarray(4).every((byte) => byte === 0)) return bytes.subarray(0, 4).join('.');
  return ip6OfHex(hexOf(bytes));
}

/** The login in the text of a file in /run/systemd/sessions; null if it is closing or local. */
export function loginIn(session: string): Login | null {
  const fields = new Map(
    session.split('\n').map((line) => [line.split('=', 1)[0] ?? '', line.replace(/^[^=]*=/, '')]),
  );
  const from = fields.get('REMOTE_HOST') ?? '';
  if (from === '' || fields.get('STATE') === 'closing') return null;
  return { pid: Number(fields.get('LEADER') ?? 0), from };
}

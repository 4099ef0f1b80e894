import { canonicalIp, formatNetwork, parseNetwork } from '../base/ip.ts';
import type { UseDns } from '../config/jail.ts';
import { type Fields, type FieldValue, spellValue } from './fields.ts';

/**
 * `ip`, `net`: canonical. `dns`: a name to resolve. `id`: any other text, which a firewall cannot ban: what
 * F-ID captured, or what <HOST> captured but is not an address (192.0.2.300, 192.0.2.09).
 */
export type Kind = 'ip' | 'net' | 'dns' | 'id';

/** The offender. */
export type Identity = { readonly id: string; readonly kind: Kind };

/**
 * Finds the offender in the fields: F-ID, else the IPv4 address, the IPv6 address, the name. `pending`: the
 * session has not named one yet. `nobody`: it is a name and usedns does not allow names. If F-ID is not the
 * address itself, the address is added to the fields as `ip` (fail2ban 1.0.2 behaviour).
 */
export function identify(fields: Fields, usedns: UseDns): Identity | 'pending' | 'nobody' {
  const fid = fields.get('fid');
  const ip = fields.get('ip4') ?? fields.get('ip6');
  const dns = fields.get('dns');
  if (ip !== undefined) {
    const address = addressIdentity(ip, fields.get('cidr'));
    if (fid === undefined || fid === ip) return address ?? { id: spellValue(ip), kind: 'id' };
    if (address !== null) fields.set('ip', address.id);
    return freeId(fid, usedns === 'raw');
  }
  if (dns !== undefined) return usedns === 'raw' ? nameAsId(fields, dns) : nameToResolve(dns, usedns);
  return fid === undefined ? 'pending' : freeId(fid, usedns === 'raw');
}

function addressIdentity(ip: FieldValue, cidr: FieldValue | undefined): Identity | null {
  const address = canonicalIp(spellValue(ip));
  if (address === null) return null;
  if (!cidr) return { id: address, kind: 'ip' };
  return networkIdentity(`${address}/${spellValue(cidr)}`);
}

function networkIdentity(text: string): Identity | null {
  const network = parseNetwork(text);
  if (network === null) return null;
  const id = formatNetwork(network);
  return { id, kind: id.includes('/') ? 'net' : 'ip' };
}

/** An id from F-ID: an address or network if it reads as one, in brackets or not, else text. */
function freeId(value: FieldValue, isRaw = false): Identity {
  const text = spellValue(value);
  if (typeof value !== 'string' || isRaw) return { id: text, kind: canonicalIp(text) === text ? 'ip' : 'id' };
  const bare = /^\[(.+)\]$/.exec(text)?.[1] ?? text;
  return (
    (bare.includes('/') ? networkIdentity(bare) : addressIdentity(bare, undefined)) ?? {
      id: text,
      kind: 'id',
    }
  );
}

function nameAsId(fields: Fields, dns: FieldValue): Identity {
  const fid = fields.get('fid');
  if (fid === undefined || fid === dns) return freeId(dns, true);
  fields.set('ip', spellValue(dns));
  return freeId(fid, true);
}

function nameToResolve(dns: FieldValue, usedns: UseDns): Identity | 'nobody' {
  const text = spellValue(dns);
  const address = addressIdentity(text, undefined);
  if (address !== null) return address;
  return usedns === 'no' ? 'nobody' : { id: text, kind: 'dns' };
}

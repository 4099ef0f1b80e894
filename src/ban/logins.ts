import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../base/errors.ts';
import { canonicalIp } from '../base/ip.ts';
import {
  gatewaysIn4,
  gatewaysIn6,
  type Login,
  loginIn,
  loginsIn,
  type ProtectedAddresses,
  peersIn,
} from './lockout.ts';

/** Paths of routes, connections and logins; tests use others. */
export type LoginPaths = { readonly proc: string; readonly utmp: string; readonly sessions: string };

const PATHS: LoginPaths = { proc: '/proc', utmp: '/run/utmp', sessions: '/run/systemd/sessions' };

/**
 * Results are reused for this long: a burst of bans reads them once, and a new login counts almost at once.
 */
const FRESH_MS = 1000;

/**
 * Returns a function for the current gateways and SSH logins. A login counts while its process lives (found
 * in utmp(5) or logind) and a connection from its address is established, so that stale entries protect
 * nothing.
 */
export function watchLogins(paths: LoginPaths = PATHS): () => ProtectedAddresses {
  let protection: ProtectedAddresses | null = null;
  let readMs = 0;
  return () => {
    if (protection === null || performance.now() - readMs > FRESH_MS) {
      protection = readHome(paths);
      readMs = performance.now();
    }
    return protection;
  };
}

function readHome({ proc, utmp, sessions }: LoginPaths): ProtectedAddresses {
  const gateways = [
    ...gatewaysIn4(latin1Text(join(proc, 'net/route'))),
    ...gatewaysIn6(latin1Text(join(proc, 'net/ipv6_route'))),
  ];
  const logins: Login[] = [...loginsIn(bytesOf(utmp)), ...sessionFiles(sessions)];
  const live = logins.filter(({ pid }) => pid <= 0 || lives(pid));
  const from = new Set(live.flatMap((login) => canonicalIp(login.from.replace(/%.*$/, '')) ?? []));
  if (from.size === 0) return { gateways: new Set(gateways), sessions: from };
  const peers = new Set(['tcp', 'tcp6'].flatMap((name) => peersIn(latin1Text(join(proc, 'net', name)))));
  return { gateways: new Set(gateways), sessions: new Set([...from].filter((one) => peers.has(one))) };
}

/** Not by /proc: under ProtectProc= of systemd it does not show the processes of others. */
function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function sessionFiles(folder: string): Login[] {
  try {
    return readdirSync(folder).flatMap((name) =>
      name.endsWith('.ref') ? [] : (loginIn(latin1Text(join(folder, name))) ?? []),
    );
  } catch {
    return [];
  }
}

function latin1Text(path: string): string {
  return Buffer.from(bytesOf(path)).toString('latin1');
}

/** A file that cannot be read counts as empty: a container may have none of them. */
function bytesOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    return new Uint8Array();
  }
}

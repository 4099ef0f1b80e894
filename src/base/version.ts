import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Written in by build.sh; undefined when the program runs from its sources. */
declare const F2B_VERSION: string | undefined;

/** The version of this f2b as in package.json, such as `0.1.0`. */
export function programVersion(): string {
  return typeof F2B_VERSION === 'string' ? F2B_VERSION : versionOfCheckout();
}

function versionOfCheckout(): string {
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  return /"version":\s*"([^"]+)"/.exec(text)?.[1] ?? 'unknown';
}

import { canonicalIp } from '../../base/ip.ts';
import type { Stretch } from '../../filter/engine.ts';

/** Logins that services log: a text that every such line has, and where the user and the address stand. */
const FORMS: readonly (readonly [text: string, regex: RegExp])[] = [
  ['Accepted ', /sshd\S*: Accepted \S+ for (?<user>\S+) from (?<ip>\S+) port \d+/],
  ['Login: user=<', /Login: user=<(?<user>[^>]*)>.*? rip=(?<ip>[^,\s]+)/],
  ['sasl_username=', /client=\S*\[(?<ip>[^\]]+)\].*? sasl_username=(?<user>[^,\s]+)/],
  ['OK LOGIN: Client', /\[(?<user>[^\]]*)\] OK LOGIN: Client "(?<ip>[^"]+)"/],
  ['Login successful', /\[(?<ip>[0-9a-fA-F.:]+)\]\).*?USER (?<user>\S+): Login successful/],
];

/** The addresses that logged in, each with its first users. */
export type Successes = Map<string, Set<string>>;

const MOST_USERS = 5;
const NEWLINE = 10;

/** Adds the logins of these lines. */
export function noteSuccesses(successes: Successes, { bytes, start, end }: Stretch): void {
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  for (const [text, regex] of FORMS) {
    for (let at = lines.indexOf(text); at >= 0; ) {
      const lineStart = lines.lastIndexOf(NEWLINE, at) + 1;
      const lineEnd = lines.indexOf(NEWLINE, at);
      const { user = '', ip: address = '' } =
        regex.exec(lines.toString('utf8', lineStart, lineEnd))?.groups ?? {};
      const ip = canonicalIp(address);
      const users = ip === null ? undefined : (successes.get(ip) ?? new Set<string>());
      if (ip !== null && users !== undefined) {
        if (users.size < MOST_USERS) users.add(user);
        successes.set(ip, users);
      }
      at = lines.indexOf(text, lineEnd);
    }
  }
}

import { UsageError } from '../../base/errors.ts';
import { IMITATED } from '../../daemon/control/host.ts';

const USAGE = 'Usage: fail2ban-regex [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]\n';

/** What fail2ban-regex prints before anything else for these words; `isAll`: that is the whole answer. */
export function regexPreface(argv: readonly string[]): { readonly text: string; readonly isAll: boolean } {
  if (argv.includes('-V')) return { text: `${IMITATED}\n`, isAll: true };
  if (argv.includes('--version')) return { text: `fail2ban-regex ${IMITATED}\n`, isAll: true };
  return { text: argv.includes('-h') || argv.includes('--help') ? USAGE : '', isAll: false };
}

/** A log alone is no question to fail2ban-regex. Throws UsageError. */
export function demandRegex(words: readonly string[]): void {
  if (words.length < 2) throw new UsageError('provide both <LOG> and <REGEX>', USAGE.trim());
}

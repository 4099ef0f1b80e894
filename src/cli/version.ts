import { programCommit, programVersion } from '../base/embedded.ts';
import type { Subcommand } from './command.ts';
import { inColumns } from './wrap.ts';

/** The parts of the runtime that are named; the SBOM of a release has all of them. */
const PARTS = ['node', 'v8', 'openssl', 'sqlite', 'zlib', 'zstd', 'icu', 'tz'] as const;

/** `f2b version`: prints the version on one line, or as JSON with `--json`. */
export const version: Subcommand = {
  name: 'version',
  summary: 'show the version',
  usage: '[--verbose]',
  options: [{ name: 'verbose', short: 'v', help: 'show the commit and the versions of what is inside too' }],
  about: '',
  examples: [
    ['f2b version', 'the version on one line'],
    ['f2b version --verbose', 'for a report'],
  ],
  async run({ global, io, options }) {
    const text = programVersion();
    const { versions, arch } = process;
    const parts = PARTS.flatMap((name) =>
      versions[name] === undefined ? [] : [[name, versions[name]] as const],
    );
    const commit = programCommit() ?? 'not a release';
    if (options['verbose'] !== true) {
      io.stdout(global.json ? `${JSON.stringify({ version: text })}\n` : `f2b ${text}\n`);
    } else if (global.json) {
      io.stdout(`${JSON.stringify({ version: text, commit, arch, parts: Object.fromEntries(parts) })}\n`);
    } else {
      const rows = inColumns([['commit', commit], ['built for', `Linux ${arch}`], ...parts]);
      io.stdout([`f2b ${text}`, ...rows, ''].join('\n'));
    }
    return 0;
  },
};

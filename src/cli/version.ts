import { programVersion } from '../base/embedded.ts';
import type { Subcommand } from './command.ts';

/** `f2b version`: prints the version on one line, or as JSON with `--json`. */
export const version: Subcommand = {
  name: 'version',
  summary: 'show the version',
  usage: '',
  options: [],
  about: '',
  examples: [['f2b version', 'the version on one line']],
  async run({ global, io }) {
    const text = programVersion();
    io.stdout(global.json ? `${JSON.stringify({ version: text })}\n` : `f2b ${text}\n`);
    return 0;
  },
};

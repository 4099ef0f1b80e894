import type { RawOptions, Sections } from './sections.ts';
import { builtIn } from './sections.ts';

/** The release of fail2ban whose configuration language this is; `%(fail2ban_version)s`. */
export const FAIL2BAN_VERSION = '1.0.2';

const BRACKETS = 'port="%(port)s", protocol="%(protocol)s", chain="%(chain)s"';

/** What [DEFAULT] says where no file says it; jail.conf(5) names and meaning. */
const DEFAULTS: readonly (readonly [key: string, value: string])[] = [
  ['enabled', 'false'],
  ['mode', 'normal'],
  ['filter', '%(__name__)s[mode=%(mode)s]'],
  ['backend', 'auto'],
  ['logencoding', 'auto'],
  ['bantime', '10m'],
  ['findtime', '10m'],
  ['maxretry', '5'],
  ['maxmatches', '%(maxretry)s'],
  ['port', '0:65535'],
  ['protocol', 'tcp'],
  ['chain', '<known/chain>'],
  ['banaction', 'auto'],
  ['banaction_allports', '%(banaction)s'],
  ['destemail', 'root@localhost'],
  ['sender', 'root@<fq-hostname>'],
  ['mta', 'sendmail'],
  ['action_', `%(banaction)s[${BRACKETS}]`],
  [
    'action_mw',
    `%(action_)s\n%(mta)s-whois[sender="%(sender)s", dest="%(destemail)s", protocol="%(protocol)s", chain="%(chain)s"]`,
  ],
  [
    'action_mwl',
    `%(action_)s\n%(mta)s-whois-lines[sender="%(sender)s", dest="%(destemail)s", logpath="%(logpath)s", chain="%(chain)s"]`,
  ],
  ['action', '%(action_)s'],
];

/** Puts the built-in [DEFAULT] below what the files say, and what is always true over it. */
export function withDefaults(sections: Sections, root: string): Sections {
  const below: RawOptions = new Map(DEFAULTS.map(([key, value]) => [key, builtIn(key, value)]));
  const fixed: RawOptions = new Map([
    ['fail2ban_version', builtIn('fail2ban_version', FAIL2BAN_VERSION)],
    ['fail2ban_confpath', builtIn('fail2ban_confpath', root.replaceAll('%', '%%'))],
  ]);
  return { ...sections, defaults: new Map([...below, ...sections.defaults, ...fixed]) };
}

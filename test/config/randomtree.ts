import type { Random } from './random.ts';

/** In this order: a value refers to earlier names only, so that few trees run in circles. */
const NAMES = ['aa', 'bb', 'cc', 'mode', 'logpath', 'datepattern', 'failregex'];
const WORDS = ['w', '1.2.3.4', ' v', 'x;y', '\n  next', '^$', '"q"', 'a b', '(?P<x>y)', '<HOST>'];

/** What a section's values are made of. */
type Kind = { readonly tags: boolean; readonly sections: readonly string[]; readonly own: boolean };

const JAIL: Kind = { tags: false, sections: ['known', 'default', 'j2'], own: true };
const DEFAULTS: Kind = { tags: false, sections: ['default'], own: false };
const FILE: Kind = { tags: true, sections: ['known', 'default', 'sec'], own: true };
/** `<known/x>` of a value that differs by family is the IPv4 one in the original, the family's own here. */
const ACTION: Kind = { ...FILE };

function makeValue(random: Random, index: number, kind: Kind): string {
  const earlier = NAMES.slice(0, index);
  const part = (): string => {
    const what = random(20);
    const name = earlier.length === 0 ? '__name__' : random.pick(earlier);
    if (what < 3) return `%(${name})s`;
    if (what < 5 && name !== '__name__') return `%(${random.pick(kind.sections)}/${name})s`;
    if (what < 6 && kind.own) return `%(known/${NAMES[index] ?? 'aa'})s`;
    if (what < 7) return random.pick(['%%', '%(__name__)s', '%(aa)s']);
    if (!kind.tags || what > 13) return random.pick(WORDS);
    const tags = [`<${name}>`, `<sec/${name}>`, '<name>', '<port>', '<p-<mode>>', '<ip>'];
    if (kind !== ACTION) tags.push(`<known/${name}>`);
    return random.pick(tags);
  };
  return Array.from({ length: 1 + random(3) }, part).join('');
}

function makeSection(random: Random, name: string, keys: readonly string[], kind: Kind): string {
  const used = new Set(Array.from({ length: 1 + random(4) }, () => random.pick(keys)));
  const lines = [...used].map((key) => {
    const index = NAMES.includes(key) ? NAMES.indexOf(key) : NAMES.length;
    return `${key} = ${makeValue(random, index, kind)}\n`;
  });
  return `[${name}]\n${lines.join('')}`;
}

function makeJails(random: Random, names: readonly string[]): string {
  const some = names.filter(() => random(3) > 0);
  return some
    .map((name) =>
      name === 'DEFAULT'
        ? makeSection(random, name, ['aa', 'bb', 'cc', 'datepattern'], DEFAULTS)
        : makeSection(random, name, NAMES, JAIL),
    )
    .join('');
}

/** Plain values for every name, so that few references lead nowhere. */
const PLAIN = NAMES.map((name) => `${name} = plain-${name}\n`).join('');

const HEAD = `[INCLUDES]
before = first.conf
after = last.conf
[DEFAULT]
enabled = false
backend = auto
filter = f[mode=%(mode)s, aa="of the jail"]
maxretry = 3
bantime = 1
findtime = 1
logencoding = auto
maxmatches = 1
action = act[port="1,2", aa='%(__name__)s']
         act[name="%(__name__)s-two", bb="%(bb)s"]
`;

/** The files of a small configuration in which everything may refer to everything, and `known/` to what was before. */
export function randomTree(random: Random): Record<string, string> {
  const all = ['DEFAULT', 'j1', 'j2', 'j3', 'j4'];
  const perhaps = (make: () => string): string => (random(2) > 0 ? make() : '');
  const jails = (): string => makeJails(random, all);
  const own = [...NAMES, 'p-normal', 'p-w', 'ignoreregex', 'prefregex'];
  const definition = (): string => makeSection(random, 'Definition', own, FILE);
  const init = (header: string): string => makeSection(random, header, ['aa', 'bb', 'mode'], DEFAULTS);
  const actions = ['actionban', 'actionunban', 'actionstart', 'aa', 'bb', 'cc'];
  return {
    'jail.conf': `${HEAD}${PLAIN}${['j1', 'j2', 'j3', 'j4'].map((n) => makeSection(random, n, NAMES, JAIL)).join('')}`,
    'first.conf': jails(),
    'first.local': perhaps(jails),
    'last.conf': perhaps(jails),
    'jail.local': perhaps(jails),
    'jail.d/b.conf': perhaps(jails),
    'jail.d/a.local': perhaps(jails),
    'filter.d/common.conf': `[DEFAULT]\n${PLAIN}${perhaps(definition)}${makeSection(random, 'sec', NAMES, FILE)}`,
    'filter.d/f.conf': `[INCLUDES]\nbefore = common.conf\n${definition()}${init('Init')}`,
    'filter.d/f.local': perhaps(definition) + perhaps(() => init('Init')),
    'action.d/act.conf': [
      `[DEFAULT]\n${PLAIN}`,
      makeSection(random, 'Definition', actions, ACTION),
      // A name that only has a value for one family is left alone by the original; here it has one for both.
      `[Init]\naa = ${makeValue(random, 0, DEFAULTS)}\nbb = ${makeValue(random, 1, DEFAULTS)}\nmode = m\n`,
      init('Init?family=inet6'),
      makeSection(random, 'sec', NAMES, ACTION),
    ].join(''),
    'action.d/act.local': perhaps(() => makeSection(random, 'Definition', actions, ACTION)),
  };
}

import { JAIL_OPTIONS, type OptionInfo } from '../../config/options.ts';
import { PROGRAM_OPTIONS } from '../../config/settings.ts';
import { GLOBAL_OPTIONS, type OptionSpec, type Subcommand } from '../command.ts';
import { capital, examples, macro, page, paragraphs, plain, tagged } from './mdoc.ts';

/** The manual pages by file name. */
export function manualPages(commands: readonly Subcommand[]): ReadonlyMap<string, string> {
  return new Map([
    ['f2b.1', program(commands)],
    ['f2b-regex.1', regexPage(commands)],
    ['f2b-jail.conf.5', configuration()],
  ]);
}

const EXIT_STATUS = tagged([
  [macro('It', '0'), 'The command did what it says.'],
  [
    macro('It', '1'),
    'The machine refused: a file, a lock or the firewall. What could not be saved was not changed.',
  ],
  [
    macro('It', '2'),
    'The command line or the configuration is wrong. The message names the file and the line.',
  ],
]);

function program(commands: readonly Subcommand[]): string {
  return page({ title: 'f2b', section: 1, about: 'ban addresses that fail too often, as the logs tell' }, [
    '.Sh SYNOPSIS',
    '.Nm',
    '.Op Ar options',
    '.Ar command',
    '.Op Ar arguments',
    '.Sh DESCRIPTION',
    ...paragraphs(`f2b follows log files and the journal, matches the failregexes of its jails, and bans the addresses that
fail too often at the firewall: nftables, ipset, iptables, on hosts with firewalld too. It reads the configuration of fail2ban
unchanged.

The daemon is the command run. All other commands work with and without a running daemon, on the state file, under a lock.`),
    '.Pp',
    'Options for every command, before or after its name:',
    ...options(GLOBAL_OPTIONS),
    '.Sh COMMANDS',
    ...tagged(commands.map(({ name, summary }) => [macro('It Cm', name), `${capital(summary)}.`])),
    ...commands.flatMap(section),
    '.Sh FILES',
    ...tagged([
      [
        macro('It Pa', '/etc/f2b'),
        'The configuration, as f2b-jail.conf(5) describes it. Without it /etc/fail2ban is read.',
      ],
      [
        macro('It Pa', '/var/lib/f2b/state.json'),
        'The state: bans, failures, and how far each log was read.',
      ],
      [macro('It Pa', '/run/f2b'), 'Locks, and what programs are fed.'],
    ]),
    '.Sh EXIT STATUS',
    ...EXIT_STATUS,
    '.Sh SEE ALSO',
    '.Xr f2b-regex 1 ,',
    '.Xr f2b-jail.conf 5',
  ]);
}

function section(command: Subcommand): readonly string[] {
  const { name, summary, usage, about } = command;
  return [
    macro('Ss', `f2b ${name}`),
    macro('Dl', `f2b ${name} ${usage}`.trimEnd()),
    '.Pp',
    ...paragraphs(`${capital(summary)}.\n\n${about}`),
    ...options(command.options),
    ...(command.examples.length === 0 ? [] : ['.Pp', ...examples(command.examples)]),
  ];
}

function regexPage(commands: readonly Subcommand[]): string {
  const regex = commands.find(({ name }) => name === 'regex');
  if (regex === undefined) return '';
  return page({ title: 'f2b-regex', section: 1, about: regex.summary }, [
    '.Sh SYNOPSIS',
    '.Nm f2b regex',
    '.Op Ar options',
    plain(regex.usage),
    '.Sh DESCRIPTION',
    ...paragraphs(regex.about),
    ...options(regex.options),
    '.Sh EXIT STATUS',
    ...EXIT_STATUS,
    '.Sh EXAMPLES',
    ...examples(regex.examples),
    '.Sh SEE ALSO',
    '.Xr f2b 1 ,',
    '.Xr f2b-jail.conf 5',
  ]);
}

function options(specs: readonly OptionSpec[]): readonly string[] {
  return tagged(
    specs.map(({ name, short, value, help }) => {
      const letter = short === undefined ? [] : ['Fl', short, ','];
      const words = value === undefined ? [] : ['Ar', plain(value)];
      return [`.It ${[...letter, 'Fl', plain(`-${name}`), ...words].join(' ')}`, `${capital(help)}.`];
    }),
  );
}

function configuration(): string {
  return page(
    { title: 'f2b-jail.conf', section: 5, about: 'configuration of f2b: jails, filters and actions' },
    [
      '.Sh DESCRIPTION',
      ...paragraphs(`The configuration is a folder: the first of --config, $F2B_CONFIG, /etc/f2b and /etc/fail2ban that is there; what is in
none of its files comes from the program. The files are those of fail2ban.`),
      ...tagged([
        [
          macro('It Pa', 'jail.conf jail.d/*.conf jail.local jail.d/*.local'),
          'The jails, read in this order: what is set later counts. [DEFAULT] holds what all jails share.',
        ],
        [macro('It Pa', 'filter.d/NAME.conf'), 'What a failure looks like.'],
        [macro('It Pa', 'action.d/NAME.conf'), 'Commands for a ban.'],
        [macro('It Pa', 'fail2ban.conf fail2ban.d fail2ban.local'), 'Options of the program.'],
      ]),
      '.Pp',
      ...paragraphs(`A line that begins with white space goes on with the one before it. %(name)s stands for the value of another option,
%(known/name)s for the value that an earlier file gave it. Times are seconds, or numbers with a unit: 90s, 10m, 1h, 2d, 1w. f2b check prints what the
files amount to, and each mistake with its file and line.`),
      '.Sh OPTIONS OF A JAIL',
      ...paragraphs('Where the configuration has no jail.conf, the default of bantime is 1h.'),
      ...entries(JAIL_OPTIONS),
      '.Sh OPTIONS OF THE PROGRAM',
      ...paragraphs('They stand in the section [Definition] of fail2ban.conf.'),
      ...entries(PROGRAM_OPTIONS),
      '.Sh EXAMPLES',
      '.Bd -literal -offset indent',
      '[DEFAULT]',
      'ignoreip = 127.0.0.1/8 ::1 203.0.113.10',
      '',
      '[sshd]',
      'enabled = true',
      'bantime = 1h',
      '.Ed',
      '.Sh SEE ALSO',
      '.Xr f2b 1 ,',
      '.Xr f2b-regex 1',
    ],
  );
}

function entries(infos: readonly OptionInfo[]): readonly string[] {
  return tagged(
    infos.map(({ name, default: usual, help }) => {
      const text = usual === null || usual === '' ? '' : ` The default is ${usual.replaceAll('\n', ' ')}`;
      return [macro('It Cm', name), `${capital(help)}.${text}`];
    }),
  );
}

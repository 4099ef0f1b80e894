/** The command line of fail2ban-client and fail2ban-server, as getopt(3) reads it for them. Pure. */

/** What the options say; paths as written, null = not given. */
export type ClientOptions = {
  readonly config: string | null;
  readonly socket: string | null;
  readonly pidfile: string | null;
  readonly loglevel: string | null;
  readonly logtarget: string | null;
  /** 1 as a rule; -v adds one, -q takes one. */
  readonly verbose: number;
  readonly isForeground: boolean;
  readonly isInteractive: boolean;
  readonly isTest: boolean;
  readonly dump: 'plain' | 'pretty' | null;
  /** Seconds to wait for the daemon. */
  readonly timeout: string | null;
};

/** A command line: what to do, and with what words. */
export type ClientCall =
  | { readonly kind: 'wrong' | 'help' | 'version' | 'number' }
  | { readonly kind: 'seconds'; readonly text: string }
  | { readonly kind: 'words'; readonly options: ClientOptions; readonly words: readonly string[] };

const NO_OPTIONS: ClientOptions = {
  config: null,
  socket: null,
  pidfile: null,
  loglevel: null,
  logtarget: null,
  verbose: 1,
  isForeground: false,
  isInteractive: false,
  isTest: false,
  dump: null,
  timeout: null,
};

/** Letters, a colon behind those with a value. */
const LETTERS = 'hc:s:p:xfbdtviqV';

/** The long names and the letters that mean the same; others have none. */
const NAMES: Readonly<Record<string, string>> = {
  'loglevel=': '',
  'logtarget=': '',
  'syslogsocket=': '',
  'dbfile=': '',
  'conf=': 'c',
  'pidfile=': 'p',
  'pname=': '',
  'socket=': 's',
  'timeout=': '',
  'str2sec=': '',
  test: 't',
  async: '',
  help: 'h',
  version: '',
  dp: '',
  'dump-pretty': '',
};

/** An option by its letter or long name, and its value. */
type Given = readonly [name: string, value: string];

/** Reads the words behind the program's name: options first, then the command. */
export function readClientCall(argv: readonly string[]): ClientCall {
  const given: Given[] = [];
  let at = 0;
  while (at < argv.length) {
    const word = argv[at] ?? '';
    if (!word.startsWith('-') || word === '-') break;
    at++;
    if (word === '--') break;
    const read = word.startsWith('--') ? readLong(word, argv[at]) : readShort(word, argv[at]);
    if (read === null) return { kind: 'wrong' };
    given.push(...read.given);
    at += read.taken;
  }
  return meaningOf(given, argv.slice(at));
}

/** Whether this process is to be the daemon. */
export function isForeground(argv: readonly string[]): boolean {
  const call = readClientCall(argv);
  return call.kind === 'words' && call.options.isForeground;
}

type Read = { readonly given: readonly Given[]; readonly taken: number };

function readShort(word: string, next: string | undefined): Read | null {
  const given: Given[] = [];
  for (let i = 1; i < word.length; i++) {
    const letter = word[i] ?? '';
    const known = letter === ':' ? -1 : LETTERS.indexOf(letter);
    if (known < 0) return null;
    if (LETTERS[known + 1] !== ':') {
      given.push([letter, '']);
      continue;
    }
    const rest = word.slice(i + 1);
    if (rest === '' && next === undefined) return null;
    return { given: [...given, [letter, rest === '' ? (next ?? '') : rest]], taken: rest === '' ? 1 : 0 };
  }
  return { given, taken: 0 };
}

/** A long name may be shortened as long as one name begins so. */
function readLong(word: string, next: string | undefined): Read | null {
  const [, start = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  const names = Object.keys(NAMES);
  const exact = names.filter((name) => name.replace('=', '') === start);
  const fitting = exact.length > 0 ? exact : names.filter((name) => name.startsWith(start));
  const [name] = fitting;
  if (name === undefined || fitting.length > 1) return null;
  const known = NAMES[name] || name.replace('=', '');
  if (!name.endsWith('=')) return value === undefined ? { given: [[known, '']], taken: 0 } : null;
  if (value !== undefined) return { given: [[known, value]], taken: 0 };
  return next === undefined ? null : { given: [[known, next]], taken: 1 };
}

function meaningOf(given: readonly Given[], words: readonly string[]): ClientCall {
  let options = NO_OPTIONS;
  for (const [name, value] of given) {
    if (name === 'h') return { kind: 'help' };
    if (name === 'V') return { kind: 'number' };
    if (name === 'version') return { kind: 'version' };
    if (name === 'str2sec') return { kind: 'seconds', text: value };
    options = { ...options, ...changeOf(name, value, options) };
  }
  return { kind: 'words', options, words };
}

/** What an option changes; those that are not named here have no meaning and are taken. */
function changeOf(name: string, value: string, { verbose }: ClientOptions): Partial<ClientOptions> {
  if (name === 'c') return { config: value };
  if (name === 's') return { socket: value };
  if (name === 'p') return { pidfile: value };
  if (name === 'loglevel') return { loglevel: value };
  if (name === 'logtarget') return { logtarget: value };
  if (name === 'timeout') return { timeout: value };
  if (name === 'v') return { verbose: verbose + 1 };
  if (name === 'q') return { verbose: verbose - 1 };
  if (name === 'f') return { isForeground: true };
  if (name === 'b') return { isForeground: false };
  if (name === 'i') return { isInteractive: true };
  if (name === 't') return { isTest: true };
  if (name === 'd') return { dump: 'plain' };
  return name === 'dp' || name === 'dump-pretty' ? { dump: 'pretty' } : {};
}

import { MachineError } from '../../base/errors.ts';
import { splitWords } from '../../base/shellwords.ts';
import { expandGlob } from '../logfile/glob.ts';
import { FIELDS } from './entry.ts';

/** Where journalctl is to begin. */
export type From =
  /** At this entry, which comes first when it is still there. */
  | { readonly kind: 'cursor'; readonly cursor: string }
  /** At this time, microseconds since the epoch, inclusive. */
  | { readonly kind: 'since'; readonly realtime: number };

/** What of the journal is wanted. */
export type Selection = {
  /** `journalmatch` lines: matches as journalctl takes them, quoted as in a shell; `+` and a new line mean or. */
  readonly matches: readonly string[];
  /** Options of `backend = systemd[...]`: journalpath, journalfiles, journalflags, namespace. */
  readonly options: ReadonlyMap<string, string>;
};

/** Flags of sd_journal_open(3) that journalctl has a word for. */
const LOCAL_ONLY = 1;
const RUNTIME_ONLY = 2;
const SYSTEM_ONLY = 4;
const CURRENT_USER = 8;

/** The argument vector (without the program) that follows a selection; fail2ban 1.0.2's defaults: the system's journals, remote ones included. */
export function journalArguments(selection: Selection, from: From, isFollowing = true): readonly string[] {
  const start = from.kind === 'cursor' ? `--cursor=${from.cursor}` : `--since=@${spell(from.realtime)}`;
  const fields = `--output-fields=${FIELDS.join(',')}`;
  const following = isFollowing ? ['--follow', '--no-tail'] : [];
  const output = ['--quiet', ...following, '--all', '--no-pager', '--output=json', fields];
  return [...output, ...placeArguments(selection.options), start, '--', ...matchArguments(selection.matches)];
}

/** The matches of all lines as one list, `+` between the lines. */
export function matchArguments(matches: readonly string[]): readonly string[] {
  const lines = matches.map(splitWords).filter((words) => words.length > 0);
  return lines.flatMap((words, index) => (index === 0 ? words : ['+', ...words]));
}

/** Which journal: `journalfiles` and `journalpath` name it, else the flags choose among the machine's. */
function placeArguments(options: ReadonlyMap<string, string>): readonly string[] {
  const namespace = options.get('namespace');
  const inNamespace = namespace === undefined ? [] : [`--namespace=${namespace}`];
  const files = options.get('journalfiles');
  if (files !== undefined) {
    const paths = splitWords(files).flatMap(expandGlob);
    if (paths.length === 0) throw new MachineError(`cannot follow the journal: no file matches ${files}`);
    return [...inNamespace, ...paths.map((path) => `--file=${path}`)];
  }
  const path = options.get('journalpath');
  if (path !== undefined) return [...inNamespace, `--directory=${path}`];
  const flags = Number(options.get('journalflags') ?? SYSTEM_ONLY);
  return [
    ...inNamespace,
    ...((flags & SYSTEM_ONLY) !== 0 ? ['--system'] : []),
    ...((flags & CURRENT_USER) !== 0 ? ['--user'] : []),
    ...((flags & LOCAL_ONLY) === 0 ? ['--merge'] : []),
    ...((flags & RUNTIME_ONLY) !== 0 ? ['--directory=/run/log/journal'] : []),
  ];
}

function spell(realtime: number): string {
  const whole = Math.max(0, Math.floor(realtime));
  return `${Math.floor(whole / 1e6)}.${String(whole % 1e6).padStart(6, '0')}`;
}

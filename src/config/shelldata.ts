/**
 * Says where in an action's command a value from a log would become more than data: a command, a program for another
 * interpreter, an option's code, a file's name. Only commands that are known to take their arguments as data may have such a
 * value in the middle of a longer word; any other gets it as a word of its own.
 */
import { parseNetwork } from '../base/ip.ts';
import { parseShell, type ShellTag, type ShellWord, type SimpleCommand } from './shellparse.ts';

/** A tag at a place where no value from a log may stand, and the reason. */
export type ProgramTag = { readonly tag: string; readonly at: number; readonly why: string };

/** Their arguments are data, wherever a value stands in them. */
const DATA = new Set(
  (
    'printf echo test [ : true curl wget logger mail mailx Mail s-nail mutt sendmail msmtp grep egrep fgrep tr cut expr ' +
    'whois ufw apf apprise notify-send'
  ).split(' '),
);

/** They start what comes behind them. */
const WRAPPERS = new Set(
  'sudo doas env nice ionice nohup setsid timeout stdbuf command builtin exec chrt busybox toybox time'.split(
    ' ',
  ),
);

/** They make one program of all their arguments, or evaluate them. */
const EVALUATES = new Set(
  (
    'eval . source trap ssh rsh su runuser watch at batch script parallel xargs find nft let declare typeset local ' +
    'readonly unset [[ (( alias'
  ).split(' '),
);

const INTERPRETER =
  /^(?:(?:ba|da|a|k|mk|pdk|lk|oks|z|fi|t?c|rba|ya)?sh|python|pypy|perl|ruby|lua|luajit|node|nodejs|deno|bun|php|tclsh|wish|expect|guile|[gmn]?awk|original-awk|g?sed|ed|ex|vim?|nvim|emacs|m4|bc|dc|jq|yq|gdb|R|Rscript|groovy|jshell|pwsh)[\d.]*$/;

/** They take what they read from standard input as commands, whatever their arguments are. */
const INPUT_IS_PROGRAM =
  /^(?:ssh|rsh|at|batch|xargs|parallel|crontab|nft|ip6?tables-restore|ipset|mysql|mariadb|psql|sqlite3|nsupdate|ed|ex|bc|dc|m4|gdb|ftp|sftp|telnet|source|\.)$/;

/** Their program is an argument, never their input. */
const ALWAYS_SCRIPT = /^(?:.*awk|g?sed|jq|yq)$/;

/** A script of sed that puts a backslash before what is special in sed, `/` among it, as nginx-block-map.conf has it. */
const ESCAPING = /^s\/\[\]?[^[]*\\\/[^[]*\[?\]\/\\\\&\/g$/;

const CODE_OPTION = /^(?:-[A-Za-z]*[ceE]|-ex|--?(?:eval|exec|execute|command|expression|program|run))$/;
const DANGEROUS_NAME = /^(?:PATH|IFS|ENV|BASH_ENV|PS\d|SHELL|PAGER|EDITOR|VISUAL|LD_\w+|\w*OPT(?:ION)?S?)$/;
const ASSIGNMENT = /^([A-Za-z_]\w*)\+?=/;
const RESERVED = new Set('if then elif else while until do { } ! fi done esac'.split(' '));

type Judge = {
  /** Values that came into a variable, by its name. */
  readonly held: Map<string, readonly ShellTag[]>;
  /** Variables whose values are escaped for sed. */
  readonly escaped: Set<string>;
  readonly all: readonly ShellTag[];
  refuse(tags: readonly ShellTag[], why: string): void;
};

/** The tags of a shell text where no value from a log may stand, in the order of the text. */
export function programTags(text: string, kindOf: (tag: string) => 'log' | 'own' | null): ProgramTag[] {
  const { commands, evaluated } = parseShell(text, kindOf);
  const refused = new Map<number, ProgramTag>();
  const words = commands.flatMap(({ words, files, inputs }) => [...words, ...files, ...inputs]);
  const judge: Judge = {
    held: new Map(),
    escaped: new Set(),
    all: words.flatMap(({ tags }) => tags),
    refuse(tags, why) {
      for (const { name, at } of tags) if (!refused.has(at)) refused.set(at, { tag: name, at, why });
    },
  };
  judge.refuse(evaluated, 'is evaluated by the shell');
  for (const command of commands) judgeCommand(judge, command);
  return [...refused.values()].sort((a, b) => a.at - b.at);
}

/**
 * What a value has to lose at its beginning, by the offset of its tag: the dashes that would make it an option, and for curl
 * what would make it a file's name.
 */
export function leadingMarks(
  text: string,
  kindOf: (tag: string) => 'log' | 'own' | null,
): Map<number, RegExp> {
  const marks = new Map<number, RegExp>();
  for (const { words } of parseShell(text, kindOf).commands) {
    const names = words.map(basename);
    const isPrinted = /^(?:printf|echo|test|\[)$/.test(names[0] ?? '');
    for (const { at, before } of words.flatMap(({ tags }) => tags)) {
      if (names.includes('curl') && /^$|=$/.test(before)) marks.set(at, /^[-@<]+/);
      else if (before === '' && !isPrinted) marks.set(at, /^-+/);
    }
  }
  return marks;
}

/** The tags whose values a word may hold. */
function valuesIn({ held, all }: Judge, { tags, names }: ShellWord): readonly ShellTag[] {
  const more = names.flatMap((name) => (/^(?:[\d@*]|F2B_\w+)$/.test(name) ? all : (held.get(name) ?? [])));
  return [...tags, ...more];
}

function judgeCommand(judge: Judge, command: SimpleCommand): void {
  const { words, files, inputs } = command;
  for (const file of files) judge.refuse(valuesIn(judge, file), 'names a file');
  const at = findCommand(judge, words);
  const name = basename(words[at]);
  if (name === 'case') return;
  if (name === 'for') {
    hold(judge, words[at + 1]?.literal ?? '', words.slice(at + 2));
    return;
  }
  const program = words[at];
  if (program !== undefined) judge.refuse(valuesIn(judge, program), 'is the name of a command');
  const args = words.slice(at + 1);
  if (isProgramRead(words.slice(at))) {
    const why = `is read by ${name} as its program`;
    for (const input of inputs) judge.refuse(valuesIn(judge, input), why);
    if (command.isBehindPipe) judge.refuse(judge.all, why);
  }
  if (name === 'read' || name === 'mapfile' || name === 'readarray') {
    for (const arg of args) {
      judge.refuse(valuesIn(judge, arg), 'names a variable');
      judge.held.set(arg.literal, judge.all);
    }
  }
  args.forEach((arg, index) => {
    const values = valuesIn(judge, arg);
    const isEscaped = arg.tags.length === 0 && arg.names.every((one) => judge.escaped.has(one));
    if (values.length === 0 || (name === 'sed' && isEscaped)) return;
    const why = argumentTrouble(name, args, index);
    if (why !== null) judge.refuse(values, why);
  });
}

function hold(judge: Judge, name: string, words: readonly ShellWord[]): void {
  const values = words.flatMap((word) => valuesIn(judge, word));
  judge.held.set(name, [...(judge.held.get(name) ?? []), ...values]);
}

/** Where the command's own name stands: behind reserved words, assignments and what only starts it. */
function findCommand(judge: Judge, words: readonly ShellWord[]): number {
  let isWrapped = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (word === undefined) break;
    const { literal, head } = word;
    const values = valuesIn(judge, word);
    const name = ASSIGNMENT.exec(head)?.[1];
    if (name !== undefined) {
      if (DANGEROUS_NAME.test(name)) judge.refuse(values, `becomes ${name} of a command`);
      hold(judge, name, [word]);
      if (ESCAPING.test(word.script) && literal === head) judge.escaped.add(name);
    } else if (values.length > 0) return at;
    else if (WRAPPERS.has(basename(word))) isWrapped = true;
    else if (isWrapped && /^-[ugsCh]$/.test(literal) && valuesOf(judge, words[at + 1]) === 0) at++;
    else if (isWrapped ? !/^-|^\d+[smhd]?$/.test(literal) : !RESERVED.has(literal)) return at;
  }
  return words.length;
}

function valuesOf(judge: Judge, word: ShellWord | undefined): number {
  return word === undefined ? 1 : valuesIn(judge, word).length;
}

function basename(word: ShellWord | undefined): string {
  return word?.literal.replace(/^.*\//s, '') ?? '';
}

/** Why the value of argument `index` is not surely data; null when it is. */
function argumentTrouble(name: string, args: readonly ShellWord[], index: number): string | null {
  const { literal = '', head = '' } = args[index] ?? {};
  const before = args.slice(0, index);
  const option = before.at(-1)?.literal ?? '';
  if (DATA.has(name)) return option === '-v' ? `is evaluated by ${name}` : null;
  if (EVALUATES.has(name)) return `becomes part of what ${name} evaluates`;
  const starters = before.map(basename);
  const evaluator = starters.find((one) => EVALUATES.has(one) && one !== '.');
  if (evaluator !== undefined) return `becomes part of what ${evaluator} evaluates`;
  if (CODE_OPTION.test(option)) return `is the program behind ${name} ${option}`;
  const first = [name, ...starters].findIndex((one) => INTERPRETER.test(one));
  if (first >= 0) {
    const interpreter = [name, ...starters][first] ?? '';
    const isAwkVariable = /awk/.test(interpreter) && option === '-v' && ASSIGNMENT.test(head);
    const script = scriptLength(before.slice(first));
    // The others go on reading options behind their script, and a value may look like one.
    const isLast = script === 1 ? !ALWAYS_SCRIPT.test(interpreter) : /sh$|^python/.test(interpreter);
    const isEnded = isLast || /awk/.test(interpreter) || before.some((one) => one.literal === '--');
    const isArgument = literal === '' && script > 0 && isEnded;
    return isAwkVariable || isArgument ? null : `may become part of a program for ${interpreter}`;
  }
  if (/^[\w.,:=@%+-]*$/.test(literal)) return null;
  if (/^[\w.,:=@%+/-]*$/.test(literal)) return `may become part of a file's name for ${name || 'a command'}`;
  return `stands inside a longer word of ${name || 'a command'}, which may take it for a program`;
}

/** How many of an interpreter's arguments are its script: `script.sh`, or `-c TEXT`; 0 = none of them. */
function scriptLength(args: readonly ShellWord[]): 0 | 1 | 2 {
  const first = args[0]?.literal ?? '';
  if (args[0] === undefined) return 0;
  if (!first.startsWith('-')) return /^\/(?:dev\/(?:stdin|fd\/)|proc\/self\/fd\/)/.test(first) ? 0 : 1;
  return CODE_OPTION.test(first) && args.length > 1 ? 2 : 0;
}

function isProgramRead(words: readonly ShellWord[]): boolean {
  const names = words.map(basename);
  if (DATA.has(names[0] ?? '')) return false;
  const first = names.findIndex((one) => INTERPRETER.test(one) || INPUT_IS_PROGRAM.test(one));
  if (first < 0) return false;
  const args = words.slice(first + 1);
  const hasScript = ALWAYS_SCRIPT.test(names[first] ?? '') || scriptLength(args) > 0;
  return (
    INPUT_IS_PROGRAM.test(names[first] ?? '') || !hasScript || args.some(({ literal }) => literal === '-')
  );
}

/** Tags that carry what a log says, whatever it is. */
const LOG_TAGS = new Set(['matches', 'ipmatches', 'ipjailmatches', 'ip-host']);
const ID_TAGS = new Set(['ip', 'fid', 'ip-rev']);
const OWN_TAGS = new Set(
  (
    'family fq-hostname sh-hostname br sp failures ipfailures ipjailfailures time bantime bancount restored ' +
    'jail.banned jail.banned_total jail.found jail.found_total'
  ).split(' '),
);

/**
 * Whether a tag's value comes from a log: always for captures and lines; for an id where it is no address. `value` is null
 * while nothing is banned. null = no tag of ours.
 */
export function tagKind(tag: string, value: string | null): 'log' | 'own' | null {
  if (LOG_TAGS.has(tag) || tag.startsWith('F-')) return 'log';
  if (OWN_TAGS.has(tag)) return 'own';
  if (!ID_TAGS.has(tag)) return null;
  return value === null || parseNetwork(value) !== null || /^[0-9a-f.]+$/.test(value) ? 'own' : 'log';
}

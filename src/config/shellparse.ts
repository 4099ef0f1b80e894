/**
 * Takes a shell text apart into its simple commands, as far as it matters where the tags of an action stand: which command,
 * which word, what else is in the word. Not a shell: what it cannot follow it reads as one more word.
 */

/** A tag in a shell text; `at` is its offset there. */
export type ShellTag = {
  readonly name: string;
  readonly at: number;
  readonly isFromLog: boolean;
  /** What stands before it in its word. */
  readonly before: string;
};

/** One word. `literal` is its text without quotes, tags and expansions; `head` what of it stands before the first of those. */
export type ShellWord = {
  literal: string;
  head: string;
  /** Tags of the log in the word, or in a command substitution that is part of it. */
  readonly tags: ShellTag[];
  /** Variables that the shell expands in it. */
  readonly names: string[];
  /** The last word of the command substitution in it. */
  script: string;
};

/** A simple command: its words, the files it is redirected to, and its here-documents and here-strings. */
export type SimpleCommand = {
  readonly at: number;
  readonly words: ShellWord[];
  readonly files: ShellWord[];
  readonly inputs: ShellWord[];
  /** Whether a pipe stands somewhere before it. */
  readonly isBehindPipe: boolean;
};

/** A shell text taken apart. `evaluated` are tags of the log in arithmetic, in `${...}` and in process substitutions. */
export type ShellText = {
  readonly commands: readonly SimpleCommand[];
  readonly evaluated: readonly ShellTag[];
};

type Here = { readonly word: ShellWord; readonly end: string; readonly isQuoted: boolean };
type Reader = {
  readonly text: string;
  readonly tagAt: (at: number) => (ShellTag & { readonly length: number }) | null;
  readonly commands: SimpleCommand[];
  readonly evaluated: ShellTag[];
  at: number;
  ticks: number;
  hasPipe: boolean;
  waiting: Here[];
};

/** A tag as it is written in a shell text. */
export const SHELL_TAG = /<([A-Za-z][A-Za-z0-9_.:-]*)>/y;

/** `kindOf` tells whether a tag is one, and whether its value comes from a log; null = it is no tag of ours. */
export function parseShell(text: string, kindOf: (tag: string) => 'log' | 'own' | null): ShellText {
  const tagAt = (at: number) => {
    if (text[at] !== '<') return null;
    const tag = new RegExp(SHELL_TAG);
    tag.lastIndex = at;
    const [whole = '', name = ''] = tag.exec(text) ?? [];
    const kind = name === '' ? null : kindOf(name);
    return kind === null ? null : { name, at, isFromLog: kind === 'log', before: '', length: whole.length };
  };
  const reader = { text, tagAt, commands: [], evaluated: [], at: 0, ticks: 0, hasPipe: false, waiting: [] };
  readList(reader, '');
  return reader;
}

function newWord(): ShellWord {
  return { literal: '', head: '', tags: [], names: [], script: '' };
}

function newCommand({ at, hasPipe }: Reader): SimpleCommand {
  return { at, words: [], files: [], inputs: [], isBehindPipe: hasPipe };
}

/** Reads commands up to `end` (`)` or a back-tick), or to the end of the text. */
function readList(reader: Reader, end: string): void {
  let command = newCommand(reader);
  const finish = (): void => {
    const { words, files, inputs } = command;
    if (words.length + files.length + inputs.length > 0) reader.commands.push(command);
    command = newCommand(reader);
  };
  while (reader.at < reader.text.length) {
    const char = reader.text[reader.at] ?? '';
    if (reader.tagAt(reader.at) !== null) command.words.push(readWord(reader));
    else if (char === end) {
      reader.at++;
      break;
    } else if (char === '\n') {
      finish();
      reader.at++;
      readHeres(reader);
    } else if (char === '#') skip(reader, /[^\n]*/y);
    else if (/\s/.test(char) || reader.text.startsWith('\\\n', reader.at)) skip(reader, /\s|\\\n/y);
    else if (char === '(') {
      finish();
      reader.at++;
      readList(reader, ')');
    } else if (/[;&|)]/.test(char)) {
      if (char === '|' && reader.text[reader.at - 1] !== '|' && reader.text[reader.at + 1] !== '|')
        reader.hasPipe = true;
      reader.at++;
      finish();
    } else if (/[<>]/.test(char)) readRedirection(reader, command);
    else if (!skip(reader, /\d+(?=[<>])/y)) command.words.push(readWord(reader));
  }
  finish();
}

function skip(reader: Reader, what: RegExp): boolean {
  what.lastIndex = reader.at;
  const [found = ''] = what.exec(reader.text) ?? [];
  reader.at += found.length;
  return found !== '';
}

function readRedirection(reader: Reader, command: SimpleCommand): void {
  const found = /<<<|<<-?|<>|>>|>\||[<>]&|[<>]\(|[<>]/y;
  found.lastIndex = reader.at;
  const [operator = '<'] = found.exec(reader.text) ?? [];
  reader.at += operator.length;
  if (operator.endsWith('(')) {
    reader.evaluated.push(...substitution(reader, ')').tags);
    return;
  }
  skip(reader, /[ \t]+/y);
  if (operator.startsWith('<<') && operator !== '<<<') {
    const from = reader.at;
    const { literal } = readWord(reader);
    const word = newWord();
    reader.waiting.push({ word, end: literal, isQuoted: /['"\\]/.test(reader.text.slice(from, reader.at)) });
    command.inputs.push(word);
  } else (operator === '<<<' ? command.inputs : command.files).push(readWord(reader));
}

/** The bodies of the here-documents that begin behind this line break. */
function readHeres(reader: Reader): void {
  for (const { word, end, isQuoted } of reader.waiting.splice(0)) {
    while (reader.at < reader.text.length) {
      const [line = ''] = /[^\n]*/.exec(reader.text.slice(reader.at)) ?? [];
      if (line.replace(/^\t+/, '') === end) {
        reader.at += line.length;
        break;
      }
      const stop = reader.at + line.length;
      while (reader.at < stop) readQuoted(reader, word, isQuoted);
      reader.at++;
      word.literal += '\n';
    }
  }
}

function readWord(reader: Reader): ShellWord {
  const word = newWord();
  while (reader.at < reader.text.length) {
    const char = reader.text[reader.at] ?? '';
    const isTag = reader.tagAt(reader.at) !== null;
    if (!isTag && (/[\s;&|()<>]/.test(char) || (char === '`' && reader.ticks > 0))) break;
    if (char === "'" || char === '"') {
      reader.at++;
      while (reader.at < reader.text.length && reader.text[reader.at] !== char) {
        // A back-tick within quotes ends the back-ticks that the quotes are in.
        if (char === '"' && reader.text[reader.at] === '`' && reader.ticks > 0) return word;
        readQuoted(reader, word, char === "'");
      }
      reader.at++;
    } else readQuoted(reader, word, false);
  }
  return word;
}

/** One character, tag or expansion of a word; in single quotes nothing but tags is special. */
function readQuoted(reader: Reader, word: ShellWord, isSingle: boolean): void {
  const { text, at } = reader;
  const tag = reader.tagAt(at);
  const char = text[at] ?? '';
  if (tag !== null) {
    if (tag.isFromLog) word.tags.push({ ...tag, before: word.literal });
    reader.at += tag.length;
  } else if (!isSingle && char === '\\') {
    addLiteral(word, text[at + 1] === '\n' ? '' : (text[at + 1] ?? ''));
    reader.at += 2;
  } else if (!isSingle && char === '$') readDollar(reader, word);
  else if (!isSingle && char === '`') {
    reader.at++;
    reader.ticks++;
    word.tags.push(...substitution(reader, '`').tags);
    reader.ticks--;
  } else {
    addLiteral(word, char);
    reader.at++;
  }
}

function addLiteral(word: ShellWord, text: string): void {
  if (word.tags.length + word.names.length === 0) word.head += text;
  word.literal += text;
}

/** The commands inside go to the others; their tags come out as what the word holds. */
function substitution(reader: Reader, end: string): ShellWord {
  const before = reader.commands.length;
  const { ticks } = reader;
  if (end === ')') reader.ticks = 0;
  readList(reader, end);
  reader.ticks = ticks;
  const word = newWord();
  for (const { words, inputs } of reader.commands.slice(before))
    for (const one of [...words, ...inputs]) {
      word.tags.push(...one.tags);
      word.names.push(...one.names);
    }
  word.script = reader.commands.at(-1)?.words.at(-1)?.literal ?? '';
  return word;
}

function readDollar(reader: Reader, word: ShellWord): void {
  const rest = reader.text.slice(reader.at, reader.at + 80);
  const name = /^\$(\w+|[@*])/.exec(rest);
  if (rest.startsWith('$((')) reader.evaluated.push(...readEvaluated(reader, { open: '(', close: ')' }).tags);
  else if (rest.startsWith('$(')) {
    reader.at += 2;
    const { tags, names, script } = substitution(reader, ')');
    word.tags.push(...tags);
    word.names.push(...names);
    word.script = script;
  } else if (rest.startsWith('${')) {
    word.names.push(/^\$\{[#!]?(\w+|[@*])/.exec(rest)?.[1] ?? '');
    const { tags } = readEvaluated(reader, { open: '{', close: '}' });
    // Of `${x:-word}` and the like the word is text; `${x:offset}` and `${x[index]}` are arithmetic.
    (/^\$\{(?:\w+|[@*]):?[-+=?#%]/.test(rest) ? word.tags : reader.evaluated).push(...tags);
  } else if (name !== null) {
    word.names.push(name[1] ?? '');
    reader.at += name[0].length;
  } else {
    addLiteral(word, '$');
    reader.at++;
  }
}

/** The tags of the log in `$((...))` or `${...}`. */
function readEvaluated(reader: Reader, { open, close }: { open: string; close: string }): ShellWord {
  const word = newWord();
  reader.at++;
  let depth = 0;
  do {
    const tag = reader.tagAt(reader.at);
    const char = reader.text[reader.at] ?? '';
    if (tag?.isFromLog === true) word.tags.push(tag);
    if (char === open) depth++;
    else if (char === close) depth--;
    reader.at += tag?.length ?? (char === '\\' ? 2 : 1);
  } while (depth > 0 && reader.at < reader.text.length);
  return word;
}

/** The values of the daemon as fail2ban-client prints them. Pure. */
import { isFault, isList, isTuple, type PyFault, type PyValue } from '../../base/pickle.ts';

/** The text of a value as the answer to these words, without the last line end. */
export function printAnswer(words: readonly string[], value: PyValue): string {
  const [first, second, third] = words;
  if (first === 'ping') return `Server replied: ${pythonText(value)}`;
  if (first === 'start') return 'Jail started';
  if (first === 'stop') return words.length === 1 ? 'Shutdown successful' : 'Jail stopped';
  if (first === 'add') return `Added jail ${pythonText(value)}`;
  if (first === 'flushlogs') return `logs: ${pythonText(value)}`;
  if (first === 'echo') return textsOf(value).join(' ');
  if (first === 'status' || first?.startsWith('stat') === true) return printStatus(words, value);
  if (second === undefined || (first !== 'get' && first !== 'set')) return pythonText(value);
  const setting = printSetting(second, value);
  if (setting !== null) return setting;
  return third === undefined ? pythonText(value) : printTopic(words, value);
}

/** The text of a refusal. */
export function printFault({ fault, args }: PyFault): string {
  const [first = ''] = args;
  if (fault.endsWith('.UnknownJailException'))
    return `Sorry but the jail '${pythonText(first)}' does not exist`;
  if (fault.endsWith('.DuplicateJailException')) return `The jail '${pythonText(first)}' already exists`;
  if (fault.endsWith('.IndexError')) return 'Sorry but the command is invalid';
  const [code, text, path] = args;
  if (fault.endsWith('.FileNotFoundError'))
    return `[Errno ${pythonText(code ?? 0)}] ${pythonText(text ?? '')}: ${pythonRepr(path ?? '')}`;
  return fault.endsWith('.KeyError') ? pythonRepr(first) : pythonText(first);
}

/** What Python's print() writes. */
export function pythonText(value: PyValue): string {
  return typeof value === 'string' ? value : pythonRepr(value);
}

/** Python's repr(). */
export function pythonRepr(value: PyValue): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return quoted(value);
  if (isTuple(value))
    return `(${value.tuple.map(pythonRepr).join(', ')}${value.tuple.length === 1 ? ',' : ''})`;
  if (isFault(value)) return `${value.fault.split('.').at(-1)}(${value.args.map(pythonRepr).join(', ')})`;
  if (isList(value)) return `[${value.map(pythonRepr).join(', ')}]`;
  return `{${[...value].map(([key, one]) => `${pythonRepr(key)}: ${pythonRepr(one)}`).join(', ')}}`;
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
    .replaceAll('\r', '\\r');
  return `${quote}${quote === "'" ? inner.replaceAll("'", "\\'") : inner}${quote}`;
}

function textsOf(value: PyValue): readonly string[] {
  return isList(value) ? value.map(pythonText) : [pythonText(value)];
}

/** Lines with a rail: `|-` before each, `` `- `` before the last. */
function branches(lines: readonly string[], rail = ''): readonly string[] {
  return lines.map((line, i) => `${rail}${i === lines.length - 1 ? '`-' : '|-'} ${line}`);
}

/** A heading, and a branch for each text; `none` where there is none. */
function listed(heading: string, texts: readonly string[], none: string): string {
  return texts.length === 0 ? none : [heading, ...branches(texts)].join('\n');
}

function printStatus([first, name]: readonly string[], value: PyValue): string {
  if (first !== 'status' || !isList(value)) return printTable(value);
  if (name !== undefined && name !== '--all') return jailLines(name, value).join('\n');
  const rows = value.filter(isTuple).map(({ tuple: [key = '', one = ''] }) => rowText(key, one));
  const jails = value.find((one) => one instanceof Map) ?? new Map();
  const parts = [...jails].flatMap(([jail, one]) => (isList(one) ? jailLines(pythonText(jail), one) : []));
  return ['Status', ...branches(rows), ...parts].join('\n');
}

function rowText(key: PyValue, value: PyValue): string {
  return `${pythonText(key)}:\t${isList(value) ? value.map(pythonText).join(' ') : pythonText(value)}`;
}

function jailLines(name: string, parts: readonly PyValue[]): readonly string[] {
  const lines = parts.filter(isTuple).flatMap(({ tuple: [title = '', rows = []] }, i) => {
    const isLast = i === parts.length - 1;
    const texts = isList(rows)
      ? rows.filter(isTuple).map(({ tuple: [key = '', one = ''] }) => rowText(key, one))
      : [];
    const [head = ''] = branches([pythonText(title)]).map((line) => (isLast ? line : line.replace('`', '|')));
    return [head, ...branches(texts, isLast ? '   ' : '|  ')];
  });
  return [`Status for the jail: ${name}`, ...lines];
}

/** `stats`: a line a jail: backend, failures now and in all, bans now and in all. */
function printTable(value: PyValue): string {
  if (!(value instanceof Map)) return pythonText(value);
  const rows = [...value].map(([name, one]) => {
    const [backend = '', filter, actions] = isList(one) ? one : [];
    const counts = [filter, actions].flatMap((pair) => (isTuple(pair) ? pair.tuple : [0, 0]));
    return [name, backend, ...counts].map(pythonText);
  });
  const table = [['Jail', 'Backend', 'Failed', 'Total', 'Banned', 'Total'], ...rows];
  const widths = [0, 1, 2, 3, 4, 5].map((i) => Math.max(...table.map((row) => (row[i] ?? '').length)));
  return table
    .map((row) =>
      row.map((text, i) => (i < 2 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join(' | '),
    )
    .join('\n');
}

/** Settings of the program; null: it is a jail. */
function printSetting(name: string, value: PyValue): string | null {
  const text = pythonText(value);
  if (name === 'loglevel') return `Current logging level is ${pythonRepr(value)}`;
  if (name === 'logtarget') return listed('Current logging target is:', [text], '');
  if (name === 'syslogsocket') return listed('Current syslog socket is:', [text], '');
  const isOff = value === null;
  if (name === 'dbfile')
    return listed('Current database file is:', isOff ? [] : [text], 'Database currently disabled');
  if (name !== 'dbpurgeage') return null;
  return listed(
    'Current database purge age is:',
    isOff ? [] : [`${text}seconds`],
    'Database currently disabled',
  );
}

function printTopic([first, jail = '', topic = '', ...rest]: readonly string[], value: PyValue): string {
  const texts = textsOf(value);
  const kind = topic.replace(/^(?:add|del)(?=logpath|journalmatch|ignoreip|failregex|ignoreregex)/, '');
  if (kind === 'logpath')
    return listed('Current monitored log file(s):', texts, 'No file is currently monitored');
  if (kind === 'logencoding') return `Current log encoding is set to:\n${pythonText(value)}`;
  if (kind === 'journalmatch') {
    const groups = isList(value) ? value.map((group) => textsOf(group).join(' ')) : [];
    return groups.length === 0
      ? 'No journal match filter set'
      : `Current match filter:\n${groups.join(' + ')}`;
  }
  if (kind === 'datepattern') return `Current date pattern set to: ${patternText(value)}`;
  if (kind === 'ignoreip')
    return listed('These IP addresses/networks are ignored:', texts, 'No IP address/network is ignored');
  if (kind === 'failregex' || kind === 'ignoreregex') {
    const numbered = texts.map((text, i) => `[${i}]: ${text}`);
    return listed(
      'The following regular expression are defined:',
      numbered,
      'No regular expression is defined',
    );
  }
  const found = /^action(s|properties|methods)$/.exec(topic)?.[1];
  if (found !== undefined) {
    const what = found === 's' ? 'actions' : found;
    const of = found === 's' ? `jail ${jail}` : `jail ${jail} action ${rest[0] ?? ''}`;
    if (texts.length === 0) return `No ${what} for ${of}`;
    return `The ${of} has the following ${what}:\n${texts.join(', ')}`;
  }
  if (first !== 'get' || topic !== 'banip' || !isList(value)) return pythonText(value);
  const [separator = ' '] = rest;
  return texts.join(separator === '--with-time' ? '\n' : separator);
}

function patternText(value: PyValue): string {
  if (!isTuple(value)) return 'Not set/required';
  const [pattern = null, name = ''] = value.tuple;
  return pattern === null ? pythonText(name) : `${pythonText(pattern)} (${pythonText(name)})`;
}

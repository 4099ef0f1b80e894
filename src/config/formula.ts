/**
 * The arithmetic of `bantime.formula`: Python's numbers, operators, comparisons and `a if c else b`, the
 * names ban.Time, ban.Count and banFactor, and a few functions. The text is only ever evaluated by this
 * parser.
 */

/** Values for a formula: seconds, earlier bans, `bantime.factor`. */
export type FormulaNames = { readonly time: number; readonly count: number; readonly factor: number };

/** A parsed formula and its text. */
export type Formula = { readonly text: string; readonly compute: Compute };

type Compute = (names: FormulaNames) => number;

type Token = {
  readonly kind: 'number' | 'name' | 'sign' | 'end';
  readonly text: string;
  readonly at: number;
};
type FormulaReader = { readonly tokens: readonly Token[]; at: number; depth: number };
type Binary = (a: number, b: number) => number;

const DEEPEST = 50;

/** Python's binary operators with precedence and function. */
const OPERATORS: ReadonlyMap<string, readonly [power: number, apply: Binary]> = new Map<
  string,
  readonly [number, Binary]
>([
  ['or', [1, (a, b) => a || b]],
  ['and', [2, (a, b) => a && b]],
  ['<', [4, (a, b) => Number(a < b)]],
  ['>', [4, (a, b) => Number(a > b)]],
  ['<=', [4, (a, b) => Number(a <= b)]],
  ['>=', [4, (a, b) => Number(a >= b)]],
  ['==', [4, (a, b) => Number(a === b)]],
  ['!=', [4, (a, b) => Number(a !== b)]],
  ['<<', [6, (a, b) => Math.trunc(a) * 2 ** Math.trunc(b)]],
  ['>>', [6, (a, b) => Math.floor(Math.trunc(a) / 2 ** Math.trunc(b))]],
  ['+', [7, (a, b) => a + b]],
  ['-', [7, (a, b) => a - b]],
  ['*', [8, (a, b) => a * b]],
  ['/', [8, (a, b) => a / b]],
  ['//', [8, (a, b) => Math.floor(a / b)]],
  ['%', [8, (a, b) => a - Math.floor(a / b) * b]],
]);
const UNARY_POWER = 9;

const FUNCTIONS: ReadonlyMap<string, (...args: number[]) => number> = new Map<
  string,
  (...args: number[]) => number
>([
  ['float', (a = Number.NaN) => a],
  ['int', (a = Number.NaN) => Math.trunc(a)],
  ['round', (a = Number.NaN) => Math.round(a)],
  ['abs', (a = Number.NaN) => Math.abs(a)],
  ['min', (...all) => Math.min(...all)],
  ['max', (...all) => Math.max(...all)],
  ['pow', (a = Number.NaN, b = Number.NaN) => a ** b],
  ['math.exp', (a = Number.NaN) => Math.exp(a)],
  ['math.pow', (a = Number.NaN, b = Number.NaN) => a ** b],
  ['math.sqrt', (a = Number.NaN) => Math.sqrt(a)],
  ['math.log', (a = Number.NaN, base = Math.E) => Math.log(a) / Math.log(base)],
  ['math.log10', (a = Number.NaN) => Math.log10(a)],
  ['math.floor', (a = Number.NaN) => Math.floor(a)],
  ['math.ceil', (a = Number.NaN) => Math.ceil(a)],
]);

const NAMES: ReadonlyMap<string, Compute> = new Map<string, Compute>([
  ['ban.Time', ({ time }) => time],
  ['ban.Count', ({ count }) => count],
  ['banFactor', ({ factor }) => factor],
  ['math.pi', () => Math.PI],
  ['math.e', () => Math.E],
]);

/** Parses a formula. Throws an Error that says what was expected and where (`at 12`). */
export function parseFormula(text: string): Formula {
  const reader: FormulaReader = { tokens: tokensOf(text), at: 0, depth: 0 };
  const compute = expression(reader);
  if (peek(reader).kind !== 'end') throw unexpected(reader);
  return { text, compute };
}

function tokensOf(text: string): Token[] {
  const pattern =
    /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_][\w.]*)|(\*\*|\/\/|<<|>>|[<>=!]=|[-+*/%()<>,]))/y;
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) throw new Error(`unexpected "${text.slice(at).trim().slice(0, 10)}" at ${at}`);
    const [, number, name, sign] = found;
    const kind = number !== undefined ? 'number' : name !== undefined ? 'name' : 'sign';
    tokens.push({ kind, text: number ?? name ?? sign ?? '', at });
    at = pattern.lastIndex;
  }
  return [...tokens, { kind: 'end', text: 'the end', at: text.length }];
}

function expression(reader: FormulaReader): Compute {
  if (++reader.depth > DEEPEST) throw new Error('nested too deeply');
  const value = binary(reader, 0);
  reader.depth--;
  if (!take(reader, 'if')) return value;
  const condition = binary(reader, 0);
  expect(reader, 'else');
  const other = expression(reader);
  return (names) => (condition(names) ? value(names) : other(names));
}

function binary(reader: FormulaReader, least: number): Compute {
  let left = unary(reader);
  for (;;) {
    const found = OPERATORS.get(peek(reader).text);
    if (found === undefined || found[0] <= least) return left;
    reader.at++;
    const [power, apply] = found;
    const a = left;
    const b = binary(reader, power);
    left = (names) => apply(a(names), b(names));
  }
}

function unary(reader: FormulaReader): Compute {
  if (++reader.depth > DEEPEST) throw new Error('nested too deeply');
  try {
    if (take(reader, '+')) return unary(reader);
    if (take(reader, '-')) {
      const value = binary(reader, UNARY_POWER);
      return (names) => -value(names);
    }
    if (take(reader, 'not')) {
      const value = binary(reader, 3);
      return (names) => Number(!value(names));
    }
    const base = atom(reader);
    if (!take(reader, '**')) return base;
    const exponent = unary(reader);
    return (names) => base(names) ** exponent(names);
  } finally {
    reader.depth--;
  }
}

function atom(reader: FormulaReader): Compute {
  const token = peek(reader);
  if (token.kind === 'number') {
    reader.at++;
    const value = Number(token.text);
    return () => value;
  }
  if (take(reader, '(')) {
    const inner = expression(reader);
    expect(reader, ')');
    return inner;
  }
  if (token.kind !== 'name') throw unexpected(reader);
  reader.at++;
  if (take(reader, '(')) return call(reader, token);
  const name = NAMES.get(token.text);
  if (name === undefined) throw new Error(`unknown name "${token.text}" at ${token.at}`);
  return name;
}

function call(reader: FormulaReader, token: Token): Compute {
  const apply = FUNCTIONS.get(token.text);
  if (apply === undefined) throw new Error(`unknown function "${token.text}" at ${token.at}`);
  const args: Compute[] = [];
  while (!take(reader, ')')) {
    if (args.length > 0) expect(reader, ',');
    args.push(expression(reader));
  }
  return (names) => apply(...args.map((arg) => arg(names)));
}

function peek(reader: FormulaReader): Token {
  return reader.tokens[reader.at] ?? { kind: 'end', text: 'the end', at: 0 };
}

function take(reader: FormulaReader, text: string): boolean {
  const token = peek(reader);
  if (token.kind === 'end' || token.text !== text) return false;
  reader.at++;
  return true;
}

function expect(reader: FormulaReader, text: string): void {
  if (!take(reader, text))
    throw new Error(`expected "${text}" at ${peek(reader).at}, found ${peek(reader).text}`);
}

function unexpected(reader: FormulaReader): Error {
  const { text, at } = peek(reader);
  return new Error(`unexpected ${text === 'the end' ? text : `"${text}"`} at ${at}`);
}

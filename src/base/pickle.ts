/**
 * Python's pickle, as far as fail2ban's socket needs it: plain values only. No object is ever built from what is read, and what
 * is no plain value is refused. Written is protocol 4, read are 0 to 5.
 *
 *     writePickle(['get', 'sshd', 'bantime']);
 *     readPickle(bytes); // throws PickleError
 */

/** A plain value of Python. A number without a fraction is an int; bytes come as text, a set as a list. */
export type PyValue =
  | null
  | boolean
  | number
  | string
  | readonly PyValue[]
  | PyTuple
  | PyFault
  | ReadonlyMap<PyValue, PyValue>;

/** A tuple. */
export type PyTuple = { readonly tuple: readonly PyValue[] };

/** An exception: its module and name, such as `builtins.IndexError`, and its arguments. */
export type PyFault = { readonly fault: string; readonly args: readonly PyValue[] };

/** Why bytes are no pickle that is taken. */
export class PickleError extends Error {
  override readonly name = 'PickleError';
}

export function tuple(...values: readonly PyValue[]): PyTuple {
  return { tuple: values };
}

export function isTuple(value: PyValue | undefined): value is PyTuple {
  return typeof value === 'object' && value !== null && 'tuple' in value;
}

export function isFault(value: PyValue | undefined): value is PyFault {
  return typeof value === 'object' && value !== null && 'fault' in value;
}

export function isList(value: PyValue | undefined): value is readonly PyValue[] {
  return Array.isArray(value);
}

/** The bytes of a value. */
export function writePickle(value: PyValue): Buffer {
  const parts: Buffer[] = [Buffer.from([0x80, 4])];
  writeValue(value, parts);
  parts.push(Buffer.from('.'));
  return Buffer.concat(parts);
}

function writeValue(value: PyValue, to: Buffer[]): void {
  const op = (text: string): void => void to.push(Buffer.from(text, 'latin1'));
  if (value === null) op('N');
  else if (typeof value === 'boolean') op(value ? '\x88' : '\x89');
  else if (typeof value === 'number') to.push(numberBytes(value));
  else if (typeof value === 'string') writeText(value, to);
  else if (isTuple(value)) {
    op('(');
    for (const one of value.tuple) writeValue(one, to);
    op('t');
  } else if (isFault(value)) {
    const dot = value.fault.lastIndexOf('.');
    writeText(value.fault.slice(0, dot), to);
    writeText(value.fault.slice(dot + 1), to);
    op('\x93');
    writeValue(tuple(...value.args), to);
    op('R');
  } else if (isList(value)) {
    op('](');
    for (const one of value) writeValue(one, to);
    op('e');
  } else {
    op('}(');
    for (const [key, one] of value) {
      writeValue(key, to);
      writeValue(one, to);
    }
    op('u');
  }
}

function writeText(text: string, to: Buffer[]): void {
  const bytes = Buffer.from(text);
  const head = bytes.length < 256 ? Buffer.from([0x8c, bytes.length]) : Buffer.from([0x58, 0, 0, 0, 0]);
  if (bytes.length >= 256) head.writeUInt32LE(bytes.length, 1);
  to.push(head, bytes);
}

function numberBytes(value: number): Buffer {
  if (Number.isSafeInteger(value)) {
    if (value >= 0 && value < 256) return Buffer.from([0x4b, value]);
    const is32 = value >= -(2 ** 31) && value < 2 ** 31;
    const bytes = Buffer.alloc(is32 ? 5 : 10);
    bytes[0] = is32 ? 0x4a : 0x8a;
    if (is32) bytes.writeInt32LE(value, 1);
    else {
      bytes[1] = 8;
      bytes.writeBigInt64LE(BigInt(value), 2);
    }
    return bytes;
  }
  const bytes = Buffer.alloc(9);
  bytes[0] = 0x47;
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

/** Lists in lists, at most. */
const MOST_DEEP = 32;

/** What a pickle may hold beside plain values: `faults`, the exceptions that a reply names; they come as data. */
type ReadOptions = { readonly faults?: boolean };

/** The value of the bytes. Throws PickleError. */
export function readPickle(bytes: Uint8Array, options: ReadOptions = {}): PyValue {
  return new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), options).read();
}

/** A value on the stack, and how many lists stand in each other in it. */
type Item = { value: PyValue; deep: number };

class Reader {
  readonly #bytes: Buffer;
  readonly #takesFaults: boolean;
  #at = 0;
  #stack: Item[] = [];
  /** Values that are being built below the marks. */
  readonly #marked: Item[][] = [];
  readonly #memo = new Map<number, Item>();
  readonly #names = new Map<Item, string>();

  constructor(bytes: Buffer, { faults = false }: ReadOptions) {
    this.#bytes = bytes;
    this.#takesFaults = faults;
  }

  read(): PyValue {
    for (;;) {
      const code = this.#take(1)[0] ?? 0;
      if (code === 0x2e) break;
      const isKnown = this.#plain(code) || this.#container(code) || this.#memorize(code) || this.#fault(code);
      if (!isKnown) throw new PickleError(`the code 0x${code.toString(16)} is not taken`);
    }
    const last = this.#pop();
    if (this.#stack.length > 0 || this.#marked.length > 0 || this.#names.has(last))
      throw new PickleError('there is more than one value');
    return last.value;
  }

  /** Numbers, texts, None. */
  #plain(code: number): boolean {
    const push = (value: PyValue): true => this.#push(value, 0);
    const char = String.fromCharCode(code);
    if (char === 'N') return push(null);
    if (code === 0x88 || code === 0x89) return push(code === 0x88);
    if (char === 'K') return push(this.#unsigned(1));
    if (char === 'M') return push(this.#unsigned(2));
    if (char === 'J') return push(this.#take(4).readInt32LE());
    if (code === 0x8a) return push(this.#long(this.#unsigned(1)));
    if (char === 'G') return push(this.#take(8).readDoubleBE());
    if (char === 'U' || char === 'C') return push(this.#take(this.#unsigned(1)).toString('latin1'));
    if (char === 'T' || char === 'B') return push(this.#take(this.#unsigned(4)).toString('latin1'));
    if (code === 0x8c) return push(this.#take(this.#unsigned(1)).toString());
    if (char === 'X') return push(this.#take(this.#unsigned(4)).toString());
    if (code === 0x8d || code === 0x8e) {
      const length = Number(this.#take(8).readBigUInt64LE());
      return push(this.#take(length).toString(code === 0x8d ? 'utf8' : 'latin1'));
    }
    if (char === 'I' || char === 'L') {
      const line = this.#line();
      return push(line === '01' || line === '00' ? line === '01' : integerOf(line));
    }
    if (char === 'F') return push(Number(this.#line()));
    if (char === 'V') return push(unescaped(this.#line()));
    if (char === 'S') return push(unquoted(this.#line()));
    return false;
  }

  #container(code: number): boolean {
    const char = String.fromCharCode(code);
    if (char === '(') return this.#mark();
    if (char === ']' || code === 0x8f) return this.#push([], 1);
    if (char === '}') return this.#push(new Map(), 1);
    if (char === ')') return this.#push(tuple(), 1);
    if (code >= 0x85 && code <= 0x87) return this.#build(this.#popMany(code - 0x84), 'tuple');
    if (char === 't') return this.#build(this.#popMark(), 'tuple');
    if (char === 'l') return this.#build(this.#popMark(), 'list');
    if (char === 'd') return this.#dict(this.#popMark());
    if (char === 'a') return this.#fill(this.#popMany(1), 'list');
    if (char === 'e' || code === 0x90) return this.#fill(this.#popMark(), 'list');
    if (char === 's') return this.#fill(this.#popMany(2), 'map');
    if (char === 'u') return this.#fill(this.#popMark(), 'map');
    if (code === 0x80) return this.#protocol();
    if (code === 0x95) return this.#take(8).length > 0;
    return false;
  }

  /** Only texts and numbers are had from the memo: a list in itself has no end. */
  #memorize(code: number): boolean {
    const char = String.fromCharCode(code);
    const put = (at: number): true => this.#memo.set(at, this.#top()) && true;
    if (code === 0x94) return put(this.#memo.size);
    if (char === 'q') return put(this.#unsigned(1));
    if (char === 'r') return put(this.#unsigned(4));
    if (char === 'p') return put(integerOf(this.#line()));
    if (char !== 'h' && char !== 'j' && char !== 'g') return false;
    const at = char === 'g' ? integerOf(this.#line()) : this.#unsigned(char === 'h' ? 1 : 4);
    const found = this.#memo.get(at);
    if (found === undefined || found.deep > 0 || this.#names.has(found))
      throw new PickleError('a list is referred to');
    this.#stack.push(found);
    return true;
  }

  /** The name and the arguments of an exception, as data. */
  #fault(code: number): boolean {
    if (!this.#takesFaults) return false;
    const char = String.fromCharCode(code);
    if (code === 0x93 || char === 'c') {
      const [module, name] =
        char === 'c' ? [this.#line(), this.#line()] : this.#popMany(2).map(({ value }) => value);
      this.#push(null, 0);
      this.#names.set(this.#top(), `${String(module)}.${String(name)}`);
      return true;
    }
    if (char !== 'R') return false;
    const args = this.#pop();
    const fault = this.#names.get(this.#pop());
    if (fault === undefined || !isTuple(args.value)) throw new PickleError('something is called');
    return this.#push({ fault, args: args.value.tuple }, args.deep);
  }

  #protocol(): true {
    if (this.#unsigned(1) > 5) throw new PickleError('the protocol is not known');
    return true;
  }

  #build(items: readonly Item[], kind: 'tuple' | 'list'): true {
    const values = items.map(({ value }) => value);
    return this.#push(kind === 'tuple' ? tuple(...values) : values, deepOf(items));
  }

  /** Puts values into the list or dict below them. */
  #fill(items: readonly Item[], kind: 'list' | 'map'): true {
    const target = this.#top();
    const { value } = target;
    if (items.some((one) => this.#names.has(one))) throw new PickleError('a name is no value');
    if (kind === 'list' && Array.isArray(value)) value.push(...items.map((one) => one.value));
    else if (kind === 'map' && value instanceof Map && items.length % 2 === 0) {
      for (let i = 0; i < items.length; i += 2) value.set(items[i]?.value, items[i + 1]?.value);
    } else throw new PickleError('values stand outside of a list');
    target.deep = Math.max(target.deep, deepOf(items));
    return true;
  }

  #push(value: PyValue, deep: number): true {
    if (deep > MOST_DEEP) throw new PickleError(`more than ${MOST_DEEP} lists in each other`);
    this.#stack.push({ value, deep });
    return true;
  }

  #top(): Item {
    const item = this.#stack.at(-1);
    if (item === undefined) throw new PickleError('a value is missing');
    return item;
  }

  #pop(): Item {
    const item = this.#top();
    this.#stack.pop();
    return item;
  }

  #popMany(count: number): readonly Item[] {
    if (this.#stack.length < count) throw new PickleError('a value is missing');
    return this.#stack.splice(this.#stack.length - count);
  }

  #mark(): true {
    this.#marked.push(this.#stack);
    this.#stack = [];
    return true;
  }

  #dict(items: readonly Item[]): true {
    this.#push(new Map(), 1);
    return this.#fill(items, 'map');
  }

  #popMark(): readonly Item[] {
    const items = this.#stack;
    const below = this.#marked.pop();
    if (below === undefined) throw new PickleError('a mark is missing');
    this.#stack = below;
    return items;
  }

  #unsigned(size: 1 | 2 | 4): number {
    return this.#take(size).readUIntLE(0, size);
  }

  #long(size: number): number {
    if (size > 6) {
      if (size > 8) throw new PickleError('a number is too large');
      return Number(
        BigInt.asIntN(
          size * 8,
          this.#take(size).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n),
        ),
      );
    }
    return size === 0 ? 0 : this.#take(size).readIntLE(0, size);
  }

  #take(size: number): Buffer {
    const end = this.#at + size;
    if (end > this.#bytes.length) throw new PickleError('it ends too early');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new PickleError('a line has no end');
    const text = this.#bytes.toString('latin1', this.#at, end);
    this.#at = end + 1;
    return text;
  }
}

function deepOf(items: readonly Item[]): number {
  const deep = 1 + items.reduce((most, one) => Math.max(most, one.deep), 0);
  if (deep > MOST_DEEP) throw new PickleError(`more than ${MOST_DEEP} lists in each other`);
  return deep;
}

function integerOf(line: string): number {
  if (!/^-?\d{1,16}L?$/.test(line)) throw new PickleError('a number cannot be read');
  return Number.parseInt(line, 10);
}

function unescaped(line: string): string {
  return line.replace(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function unquoted(line: string): string {
  const found = /^(['"])([^\\]*)\1$/.exec(line);
  if (found === null) throw new PickleError('a text cannot be read');
  return found[2] ?? '';
}

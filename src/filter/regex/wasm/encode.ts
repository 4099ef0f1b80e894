/** The WebAssembly instructions in use, by opcode; WebAssembly core specification 2.0, section 5.4. */
export const OP = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  return: 0x0f,
  call: 0x10,
  select: 0x1b,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  load: 0x28,
  loadLong: 0x29,
  load8: 0x2d,
  load16: 0x2f,
  store: 0x36,
  const: 0x41,
  constLong: 0x42,
  eqz: 0x45,
  eq: 0x46,
  ne: 0x47,
  ltS: 0x48,
  ltU: 0x49,
  gtU: 0x4b,
  leU: 0x4d,
  geU: 0x4f,
  neLong: 0x52,
  add: 0x6a,
  sub: 0x6b,
  and: 0x71,
  or: 0x72,
  shrU: 0x76,
  shrLongU: 0x88,
  wrap: 0xa7,
  extend: 0xad,
} as const;

/** Type of a block without a result. */
export const EMPTY = 0x40;
const I32 = 0x7f;
/** Locals 0 and 1. */
const PARAMETERS = 2;

/** A function with two integer parameters and an integer result; its body is written in order. */
export class Body {
  readonly code: number[] = [];
  #locals = 0;
  /** Number of open blocks. */
  depth = 0;

  /** Adds a local integer. */
  local(): number {
    return PARAMETERS + this.#locals++;
  }

  op(...bytes: readonly number[]): this {
    for (const byte of bytes) this.code.push(byte);
    return this;
  }

  /** An instruction with an unsigned operand. */
  with(op: number, value: number): this {
    this.code.push(op);
    writeUnsigned(this.code, value);
    return this;
  }

  const(value: number): this {
    this.code.push(OP.const);
    writeSigned(this.code, BigInt(value | 0));
    return this;
  }

  /** A constant with the 64 bits of the value. */
  constLong(value: bigint): this {
    this.code.push(OP.constLong);
    writeSigned(this.code, BigInt.asIntN(64, value));
    return this;
  }

  /** A load or store `offset` bytes after the address, unaligned. */
  at(op: number, offset: number): this {
    this.code.push(op, 0);
    writeUnsigned(this.code, offset);
    return this;
  }

  get(local: number): this {
    return this.with(OP.get, local);
  }

  set(local: number): this {
    return this.with(OP.set, local);
  }

  tee(local: number): this {
    return this.with(OP.tee, local);
  }

  /**
   * Opens a block and returns its label. Leaving a block continues after its end, leaving a loop at its
   * beginning.
   */
  open(op: typeof OP.block | typeof OP.loop | typeof OP.if): number {
    this.code.push(op, EMPTY);
    return ++this.depth;
  }

  close(): this {
    this.depth--;
    this.code.push(OP.end);
    return this;
  }

  /** Leaves the block with that label. */
  leave(label: number): this {
    return this.with(OP.br, this.depth - label);
  }

  /** Leaves it if the integer on the stack is not 0. */
  leaveIf(label: number): this {
    return this.with(OP.brIf, this.depth - label);
  }

  /** The encoded function. */
  parts(): readonly Part[] {
    const locals = this.#locals === 0 ? [0] : [1, ...unsigned(this.#locals), I32];
    return sized([locals, this.code, [OP.end]]);
  }
}

type Part = readonly number[];

function writeUnsigned(out: number[], value: number): void {
  let rest = value;
  while (rest > 127) {
    out.push((rest & 127) | 128);
    rest >>>= 7;
  }
  out.push(rest);
}

function writeSigned(out: number[], value: bigint): void {
  let rest = value;
  for (;;) {
    const low = Number(rest & 127n);
    rest >>= 7n;
    const isLast = (rest === 0n && low < 64) || (rest === -1n && low >= 64);
    out.push(isLast ? low : low | 128);
    if (isLast) return;
  }
}

function unsigned(value: number): number[] {
  const out: number[] = [];
  writeUnsigned(out, value);
  return out;
}

/** The parts, preceded by their length. */
function sized(parts: readonly Part[]): readonly Part[] {
  return [unsigned(partsLength(parts)), ...parts];
}

function partsLength(parts: readonly Part[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function text(value: string): Part {
  return [value.length, ...Buffer.from(value, 'latin1')];
}

function section(id: number, count: number, content: readonly Part[]): readonly Part[] {
  return [[id], ...sized([unsigned(count), ...content])];
}

/**
 * A module of such functions over the memory `env.memory`. It exports `main`, and has shared globals that
 * start at 0.
 */
export function encodeModule(
  bodies: readonly Body[],
  main: number,
  globals: number,
): Uint8Array<ArrayBuffer> {
  const types = new Array<number>(bodies.length).fill(0);
  const zeroes = Array.from({ length: globals }, () => [I32, 1, OP.const, 0, OP.end]);
  const parts = [
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 1, [[0x60, 2, I32, I32, 1, I32]]),
    ...section(2, 1, [text('env'), text('memory'), [0x02, 0x00, 1]]),
    ...section(3, bodies.length, [types]),
    ...section(6, globals, zeroes),
    ...section(7, 1, [text('main'), [0x00], unsigned(main)]),
    ...section(
      10,
      bodies.length,
      bodies.flatMap((body) => body.parts()),
    ),
  ];
  const out = new Uint8Array(partsLength(parts));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Numbers from 0 up to 1, the same for the same seed. */
export type Random = () => number;

/** A small generator (mulberry32): repeatable, and good enough to mix test lines. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

type Parts = {
  readonly Y: string;
  readonly y: string;
  readonly m: string;
  readonly b: string;
  readonly a: string;
  readonly d: string;
  /** The day padded with a blank. */
  readonly e: string;
  readonly H: string;
  readonly k: string;
  readonly I: string;
  readonly p: string;
  readonly M: string;
  readonly S: string;
  readonly epoch: number;
  readonly random: Random;
};

/** How a date may be written. */
export type Form = (parts: Parts) => string;

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
const fraction = (random: Random): string => pick(random, ['', '', '.1', '.123', '.123456', '.1234567', '.']);
const zone = (random: Random, gap: string): string =>
  pick(random, [
    '',
    '',
    `${gap}Z`,
    `${gap}+0200`,
    `${gap}-03:30`,
    `${gap}+05`,
    `${gap}UTC`,
    `${gap}GMT`,
    `${gap}+9`,
  ]);
const clock = ({ H, M, S }: Parts): string => `${H}:${M}:${S}`;
const padded = ({ k, M, S }: Parts): string => `${k}:${M}:${S}`;

/** Every default form with its variations. */
export const singleForms: readonly Form[] = [
  (p) => {
    const sep = pick(p.random, ['-', '/', '.']);
    const gap = pick(p.random, ['T', ' ', '  ']);
    const end = fraction(p.random).replace('.', pick(p.random, ['.', ',']));
    return `${p.Y}${sep}${p.m}${sep}${p.d}${gap}${clock(p)}${end}${zone(p.random, pick(p.random, ['', ' ', '  ']))}`;
  },
  (p) => `${p.b} ${p.e} ${padded(p)}${fraction(p.random)}${pick(p.random, ['', '', ` ${p.Y}`])}`,
  (p) => `${p.a} ${p.b} ${p.e} ${clock(p)}${fraction(p.random)}${pick(p.random, ['', ` ${p.Y}`])}`,
  (p) => `${pick(p.random, ['', `${p.a} `])}${p.b} ${p.e} ${p.Y} ${padded(p)}${fraction(p.random)}`,
  (p) => `${p.d}/${p.m}/${pick(p.random, [p.Y, p.y])} ${padded(p)}`,
  (p) => `${p.d}-${p.m}-${pick(p.random, [p.Y, p.y])} ${clock(p)}`,
  (p) => `[${p.d}/${p.b}/${p.Y}:${clock(p)}${zone(p.random, ' ')}]`,
  (p) => `[${p.d}/${p.b}/${p.Y} ${clock(p)}]`,
  (p) => `${p.d}-${p.b}-${p.Y} ${clock(p)}${fraction(p.random)}${zone(p.random, ' ')}`,
  (p) => `${p.m}/${p.d}/${p.Y}:${clock(p)}`,
  (p) => `${p.m}-${p.d}-${p.Y} ${clock(p)}${fraction(p.random)}`,
  (p) => `${p.epoch}${pick(p.random, ['', '.123', '.123456', '.12'])}`,
  (p) => `[${p.epoch}${pick(p.random, ['', '.123'])}]`,
  (p) => `type=X msg=audit(${p.epoch}.123:17): y`,
  (p) => clock(p),
  (p) => `<${p.m}/${p.d}/${p.y}@${clock(p)}>`,
  (p) => `${p.y}${p.m}${p.d} ${pick(p.random, ['', ' '])}${clock(p)}`,
  (p) => `${p.b} ${p.d}, ${p.Y} ${p.I}:${p.M}:${p.S} ${p.p}`,
  (p) => `${p.b}-${p.d}-${p.y} ${clock(p)}`,
  (p) =>
    `${p.Y}${p.m}${p.d}${pick(p.random, ['T', ' '])}${p.H}${p.M}${p.S}${fraction(p.random)}${zone(p.random, ' ')}`,
  (p) => `${pick(p.random, ['CEST', 'EST', 'MSK', 'IST', 'Z', 'PDT'])} ${p.b} ${p.e} ${clock(p)}`,
  (p) => `${pick(p.random, ['+02:00', '-0330', 'UTC'])} ${p.b} ${p.e} ${clock(p)} ${p.Y}`,
  (p) => `@4000000${p.epoch.toString(16)}0abcdef1`,
];

const BEFORE = [
  '',
  '',
  '',
  '',
  '',
  '[',
  '- ',
  '[ ',
  '   ',
  '192.0.2.7 - - ',
  'a ',
  '2001:db8::1 ',
  '[x] ',
  '12 ',
  '-- ',
];
const AFTER = [
  ' host sshd[1]: x',
  ' x 12:13:14',
  '] "GET /"',
  '',
  ' ',
  ': y',
  ' [2] z',
  'x',
  '1',
  ' 2',
  ' 20',
  ' é',
  ' m\u00fcller',
  ', 17',
  ' at 2005-08-14 10:00:00',
];

const CLIENTS = [
  '192.0.2.7',
  '198.51.100.200',
  '10.2.1.9',
  '2001:db8::1:22:33:44',
  '2001:db8::7',
  'x 10:00:00',
  '',
];

/** Lines with dates of these forms around `now`, most of them consecutive, some without any or without a real one. */
export function lines(
  random: Random,
  forms: readonly Form[],
  { now, count }: { readonly now: number; readonly count: number },
): string[] {
  let at = now - pick(random, [0, 60, 3600, 86400, 40 * 86400, 300 * 86400]);
  const before = pick(random, BEFORE);
  const after = pick(random, AFTER);
  const isSteady = random() < 0.5;
  const isAccess = random() < 0.3;
  return Array.from({ length: count }, () => {
    at += pick(random, [0, 0, 1, 7, 3600, 86400, 5000000, -86400]);
    if (random() < 0.05)
      return pick(random, ['', 'no date at all', 'Feb 30 10:00:00 x', '2005-13-14 10:00:00', '25:61:00 x']);
    const text = pick(random, forms)(partsOf(at, random));
    if (isAccess) return `${pick(random, CLIENTS)} - - [${text}] "GET /"`;
    return isSteady ? before + text + after : pick(random, BEFORE) + text + pick(random, AFTER);
  });
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const two = (value: number): string => String(value).padStart(2, '0');

/** The parts of a wall clock's time. */
export function partsOf(epoch: number, random: Random): Parts {
  const date = new Date(Math.floor(epoch) * 1000);
  const hour = date.getUTCHours();
  return {
    Y: String(date.getUTCFullYear()),
    y: two(date.getUTCFullYear() % 100),
    m: two(date.getUTCMonth() + 1),
    b: MONTHS[date.getUTCMonth()] as string,
    a: DAYS[date.getUTCDay()] as string,
    d: two(date.getUTCDate()),
    e: String(date.getUTCDate()).padStart(2),
    H: two(hour),
    k: String(hour).padStart(2),
    I: two(hour % 12 === 0 ? 12 : hour % 12),
    p: hour < 12 ? 'AM' : 'PM',
    M: two(date.getUTCMinutes()),
    S: two(date.getUTCSeconds()),
    epoch: Math.floor(epoch),
    random,
  };
}

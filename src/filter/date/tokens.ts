import { zoneNames } from './zone.ts';

/** English names: logs use them in every locale. */
export const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
/** Monday is 0. */
export const weekdays = 'mon tue wed thu fri sat sun'.split(' ');

const MONTHS = 'january february march april may june july august september october november december';
const WEEKDAYS = 'monday tuesday wednesday thursday friday saturday sunday';

const alternatives = (words: readonly string[]): string =>
  [...words].sort((a, b) => b.length - a.length).join('|');

// A zone must be a known name in capitals: a host or program name before the date is not one.
const zoneOf = (shape: RegExp): string => `(?-i:${zoneNames.filter((name) => shape.test(name)).join('|')})`;
const NAME = zoneOf(/^(?:Z|[A-Z]{3,5})$/);
const ZONE = zoneOf(/^(?:[A-Z]|[A-Z]{3,5})$/);
const OFFSET = '[+-][01]\\d(?::?\\d\\d)?';
const WEEK = '[0-4]\\d|5[0-3]|\\d';

/** Field, regex, and name of a token in reports. */
type DateToken = readonly [field: string, regex: string, word: string];

const SIMPLE: readonly (readonly [token: string, ...DateToken])[] = [
  ['Y', 'Y', '\\d{4}', 'Year'],
  // From 2000 to the decade in which fail2ban 1.0.2 would stop today, to tell years from other numbers.
  ['ExY', 'Y', '20[0-3]\\d', 'ExYear'],
  ['y', 'y', '\\d\\d', 'Year2'],
  ['Exy', 'y', '\\d\\d', 'ExYear2'],
  ['G', '', '\\d{4}', '%G'],
  ['m', 'm', '0?[1-9]|1[0-2]', 'Month'],
  ['Exm', 'm', '0[1-9]|1[0-2]', 'ExMonth'],
  ['b', 'b', alternatives(months), 'MON'],
  ['B', 'b', alternatives(MONTHS.split(' ')), 'MONTH'],
  ['d', 'd', '[12]\\d|[ 0]?[1-9]|3[01]', 'Day'],
  ['Exd', 'd', '0[1-9]|[12]\\d|3[01]', 'ExDay'],
  ['j', 'j', '36[0-6]|3[0-5]\\d|[12]\\d\\d|0[1-9]\\d|00[1-9]|[1-9]\\d|0[1-9]|[1-9]', 'Yearday'],
  ['a', 'a', alternatives(weekdays), 'DAY'],
  ['A', 'a', alternatives(WEEKDAYS.split(' ')), 'DAYNAME'],
  ['w', 'w', '[0-6]', 'Weekday'],
  ['u', '', '[1-7]', '%u'],
  ['U', 'U', WEEK, 'Yearweek'],
  ['W', 'W', WEEK, 'Yearweek'],
  ['V', '', '5[0-3]|0[1-9]|[1-4]\\d|\\d', '%V'],
  ['H', 'H', '[01]?\\d|2[0-3]', '24hour'],
  ['ExH', 'H', '[01]\\d|2[0-3]', 'Ex24hour'],
  ['I', 'I', '1[0-2]|0[1-9]|[1-9]', '12hour'],
  ['p', 'p', 'am|pm', 'AMPM'],
  ['M', 'M', '[0-5]?\\d', 'Minute'],
  ['ExM', 'M', '[0-5]\\d', 'ExMinute'],
  ['S', 'S', '[0-5]?\\d|6[01]', 'Second'],
  ['ExS', 'S', '[0-5]\\d|6[01]', 'ExSecond'],
  ['f', '', '\\d{1,6}', 'Microseconds'],
  ['Z', 'z', NAME, 'Zone name'],
  ['ExZ', 'z', ZONE, 'ExZone name'],
  ['z', 'z', `Z|UTC|GMT|${OFFSET}`, 'Zone offset'],
  ['Exz', 'z', `(?:${ZONE})?${OFFSET}|${ZONE}`, 'ExZone offset'],
];

const SPACED: readonly (readonly [token: string, ...DateToken])[] = [
  ['k', 'H', '[0-2]?\\d', '%k'],
  ['Exk', 'H', '[01]?\\d|2[0-3]', '%Exk'],
  ['l', 'I', '1?\\d', '%l'],
  ['Exl', 'I', '1[0-2]|\\d', '%Exl'],
];

/** A strptime token: Python regex (its groups are fields, named by letter) and its name in reports. */
export type TokenText = { readonly regex: string; readonly word: string };

const single = new Map<string, TokenText>([
  ['%', { regex: '%', word: '%' }],
  ...SIMPLE.map(([token, , regex, word]): [string, TokenText] => [
    token,
    { regex: `(?P<${token.replace('Ex', '')}>${regex})`, word },
  ]),
  ...SPACED.map(([token, field, regex, word]): [string, TokenText] => [
    token,
    { regex: ` ?(?P<${field}>${regex})`, word },
  ]),
]);

const regexOf = (token: string): string => single.get(token)?.regex ?? '';
const composed = (text: string): string => text.replace(/%(.)/g, (_, token: string) => regexOf(token));

/** All tokens of a datepattern, without `%`. `%c`, `%x`, `%X` are those of the C locale. */
export const tokens: ReadonlyMap<string, TokenText> = new Map([
  ...single,
  ['c', { regex: composed('%a\\s+%b\\s+%d\\s+%H:%M:%S\\s+%Y'), word: '%c' }],
  ['x', { regex: composed('%m/%d/%y'), word: '%x' }],
  ['X', { regex: composed('%H:%M:%S'), word: '%X' }],
]);

/**
 * The field that a named group fills: the letter of a token, also in a group written by hand, `(?P<Y>...)`.
 */
export const fieldOfGroup: ReadonlyMap<string, string> = new Map([
  ...SIMPLE.filter(([, field]) => field !== '').map(([token, field]): [string, string] => [
    token.replace('Ex', ''),
    field,
  ]),
]);

import { months } from './tokens.ts';

/**
 * Short names of months in other languages, by month; English ones are known without. `%b` does not match
 * them, `(?P<b>...)` may.
 */
const OTHERS: readonly string[] = [
  'jän ene gen janv sty led янв tammi oca',
  'fev fév févr lut úno фев helmi şub',
  'mär mrz mrt bře мар maalis',
  'abr avr kwi dub апр huhti nis',
  'mai maj mei mag kvě май мая touko',
  'juin giu cze čen июн kesä haz',
  'juil lug lip čec июл heinä tem',
  'ago aoû août sie srp авг elo ağu',
  'set wrz zář сен syys eyl',
  'okt ott out paź říj окт loka eki',
  'lis ноя marras kas',
  'dez dic déc des gru pro дек joulu ara',
];

const byName: ReadonlyMap<string, number> = new Map([
  ...OTHERS.flatMap((names, i) => names.split(' ').map((name): [string, number] => [name, i + 1])),
  ...months.map((name, i): [string, number] => [name, i + 1]),
]);

/** The month (from 1) of a name, short or long, perhaps with a dot; 0 if it is none. */
export function monthOf(name: string): number {
  const text = name.toLowerCase().replace(/\.$/, '').normalize();
  for (const length of [text.length, 4, 3]) {
    const month = byName.get(text.slice(0, length));
    if (month !== undefined) return month;
  }
  return 0;
}

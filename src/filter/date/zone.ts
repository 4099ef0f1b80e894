/** Hours east of Greenwich of zone abbreviations. Each is one fixed offset; summer time has its own name. */
const ABBREVIATIONS: readonly (readonly [number, string])[] = [
  [0, 'UTC GMT Z WET WT EGST'],
  [1, 'A CET DFT WAT WEDT WEST'],
  [2, 'B CEST EET CAT CEDT SAST WAST'],
  [3, 'C MSK EEST EAT EEDT IDT'],
  [3.5, 'IRST'],
  [4, 'D AMT AZT GET GST KUYT MSD MUT RET SAMT SCT'],
  [4.5, 'AFT IRDT'],
  [5, 'E PKT UZT AMST AQTT AZST HMT MAWT MVT TFT TJT TMT YEKT'],
  [5.5, 'SLT'],
  [5.75, 'NPT'],
  [6, 'F ALMT BIOT BTT IOT KGT NOVT OMST YEKST'],
  [6.5, 'CCT MMT'],
  [7, 'G WIB ICT CXT DAVT HOVT KRAT NOVST OMSST THA'],
  [8, 'H HKT SGT AWST ACT BDT BNT CAST IRKT KRAST MYT PHT ULAT WITA WST'],
  [9, 'I JST KST WIT AWDT IRKST PWT TLT WDT YAKT'],
  [9.5, 'ACST'],
  [10, 'K AEST ChST PGT VLAT YAKST YAPT'],
  [10.5, 'ACDT LHST'],
  [11, 'L AEDT LHDT MAGT NCT PONT SBT VLAST VUT'],
  [12, 'M NZST FJT ANAST ANAT GILT MAGST MHT PETST PETT TVT WFT'],
  [13, 'NZDT FJST'],
  [-1, 'N AZOT CVT EGT'],
  [-2, 'O BRST FNT PMDT UYST WGST'],
  [-2.5, 'NDT HAT'],
  [-3, 'P ADT ART BRT CLST FKST GFT HAA PMST PYST SRT UYT WGT'],
  [-3.5, 'NST NT HNT'],
  [-4, 'Q EDT AST BOT CLT COST FKT GYT HAE HNA PYT'],
  [-4.5, 'VET HLV'],
  [-5, 'R EST CDT COT EASST ECT ET HAC HNE PET'],
  [-6, 'S CST MDT EAST GALT HAR HNC'],
  [-7, 'T MST PDT HAP HNR'],
  [-8, 'U PST PT AKDT CIST HAY HNP'],
  [-9, 'V AKST GAMT GIT HADT HNY'],
  [-9.5, 'MART MIT'],
  [-10, 'W HST HAST CKT TAHT TKT'],
  [-11, 'X SST NUT'],
  [-12, 'Y'],
];

const OFFSETS: ReadonlyMap<string, number> = new Map(
  ABBREVIATIONS.flatMap(([hours, names]) =>
    names.split(' ').map((name): [string, number] => [name, Math.round(hours * 3600)]),
  ),
);

/** All zone abbreviations, longest first, for an alternation. */
export const zoneNames: readonly string[] = [...OFFSETS.keys()].sort((a, b) => b.length - a.length);

/** Converts local time to epoch time: a fixed offset, or an offset that depends on the instant. */
export type Zone =
  | { readonly kind: 'fixed'; readonly seconds: number }
  | { readonly kind: 'rules'; readonly offsetAt: (instant: number) => number };

/**
 * Reads `+0200`, `-03:30`, `UTC+02`, `CEST`: seconds east of Greenwich, or null for any other text. A name
 * and an offset together are added (fail2ban 1.0.2 behaviour).
 */
export function parseOffset(text: string): number | null {
  const parts = /^([A-Za-z]*)(?:([+-])([01]\d)(?::?(\d\d))?)?$/.exec(text);
  if (parts === null || text === '') return null;
  const [, name = '', sign, hours = '0', minutes = '0'] = parts;
  const base = name === '' ? 0 : (OFFSETS.get(name) ?? OFFSETS.get(name.toUpperCase()));
  if (base === undefined) return null;
  return base + (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

/**
 * Reads `logtimezone`: a fixed offset, a zone abbreviation or an IANA name; null if there is no such zone.
 */
export function parseZone(text: string): Zone | null {
  const seconds = parseOffset(text);
  if (seconds !== null) return { kind: 'fixed', seconds };
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: text, timeZoneName: 'longOffset' });
    return { kind: 'rules', offsetAt: cacheBySlot((instant) => readOffset(format, instant)) };
  } catch {
    return null;
  }
}

/** The zone of the process: TZ or /etc/localtime. */
export function localZone(): Zone {
  const offsetAt = (instant: number): number => -new Date(instant * 1000).getTimezoneOffset() * 60;
  return { kind: 'rules', offsetAt: cacheBySlot(offsetAt) };
}

/** Seconds east of Greenwich of `zone` at an instant (epoch seconds). */
export function offsetAt(zone: Zone, instant: number): number {
  return zone.kind === 'fixed' ? zone.seconds : zone.offsetAt(instant);
}

/**
 * Converts local time (seconds since 1970 as if it were UTC) to epoch seconds. A skipped hour uses the offset
 * before the change, like mktime(3). An hour that occurs twice is the first one, unless `now` is in the
 * second or just after it: a live log is read as it is written.
 */
export function toInstant(zone: Zone, wall: number, now: number): number {
  if (zone.kind === 'fixed') return wall - zone.seconds;
  const before = zone.offsetAt(wall - 86400);
  const after = zone.offsetAt(wall + 86400);
  const first = wall - before;
  if (before === after) return first;
  const second = wall - after;
  const secondHolds = zone.offsetAt(second) === after;
  if (zone.offsetAt(first) !== before) return secondHolds ? second : first;
  const goingOn = second <= now + 60 && now - second < 3600;
  return secondHolds && goingOn ? second : first;
}

/** Whether the offset is the same a day before and a day after, so that toInstant() has no choice to make. */
export function isSteady(zone: Zone, wall: number): boolean {
  return zone.kind === 'fixed' || zone.offsetAt(wall - 86400) === zone.offsetAt(wall + 86400);
}

const SLOT = 900;

/** Offsets change on a quarter of an hour, so one result is valid for that long. */
function cacheBySlot(ask: (instant: number) => number): (instant: number) => number {
  const known = new Map<number, number>();
  return (instant) => {
    const slot = Math.floor(instant / SLOT);
    const found = known.get(slot);
    if (found !== undefined) return found;
    if (known.size >= 256) known.clear();
    const offset = ask(slot * SLOT);
    known.set(slot, offset);
    return offset;
  };
}

function readOffset(format: Intl.DateTimeFormat, instant: number): number {
  const name = format.formatToParts(instant * 1000).find((part) => part.type === 'timeZoneName')?.value ?? '';
  const parts = /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(name);
  if (parts === null) return 0;
  const [, sign, hours, minutes, seconds = '0'] = parts;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
}

import { compileTemplate, makeTemplate, type Template } from './template.ts';

// The time of day: with two digits or, where the hour may be padded with a blank, the `%k` form.
const CLOCK = '%H:%M:%S';
const PADDED = '%k:%M:%S';
const DOT_FRACTION = '(?:\\.%f)?';
const ANY_FRACTION = '(?:[.,]%f)?';
const ZONE = '(?:\\s*%z)?';
const GAP = '(?:T|  ?)';
const SYSLOG = `(?:%a )?%b %d ${PADDED}${DOT_FRACTION}(?: %ExY)?`;
/** Two equal separators around the middle part. */
const parted = (signs: string, first: string, middle: string): string =>
  `${first}(?P<_sep>[${signs}])${middle}(?P=_sep)`;

/** The date forms that logs use, in the order of trial, as datepatterns. */
export const defaultForms: readonly string[] = [
  // ISO 8601 and cousins: 2005-08-14T10:00:00.123+02:00, 2005/08/14 10:00:00, 2005.08.14 10:00:00
  `${parted('-/.', '%ExY', '%m')}%d${GAP}${CLOCK}${ANY_FRACTION}${ZONE}`,
  // syslog and asctime: Sun Aug 14 10:00:00.123 2005
  SYSLOG,
  // Sun Aug 14 2005 10:00:00
  `(?:%a )?%b %d %ExY ${PADDED}${DOT_FRACTION}`,
  // 14/08/2005 10:00:00, 14-08-05 10:00:00
  `${parted('-/', '%d', '%m')}(?:%ExY|%Exy) ${PADDED}`,
  // access logs: 14/Aug/2005:10:00:00 +0200, 14-Aug-2005 10:00:00.123
  `${parted('-/', '%d', '%b')}%ExY[ :]?${CLOCK}${DOT_FRACTION}(?: %z)?`,
  // 08/14/2005:10:00:00
  `%m/%d/%ExY:${CLOCK}`,
  // 08-14-2005 10:00:00.123
  `%m-%d-%ExY ${PADDED}${DOT_FRACTION}`,
  // 1124013600, [1124013600], audit(1124013600.123:7)
  'EPOCH',
  // 10:00:00
  `{^LN-BEG}${CLOCK}`,
  // <08/14/05@10:00:00>
  `^<%m/%d/%Exy@${CLOCK}>`,
  // 050814 10:00:00
  `%Exy%Exm%Exd  ?${CLOCK}`,
  // Aug 14, 2005 10:00:00 AM
  '%b %d, %ExY %I:%M:%S %p',
  // Aug-14-05 10:00:00
  `^%b-%d-%Exy ${PADDED}`,
  // 20050814T100000
  `%ExY%Exm%Exd${GAP}%ExH%ExM%ExS${ANY_FRACTION}${ZONE}`,
  // CEST Aug 14 10:00:00
  `(?:%Z )?${SYSLOG}`,
  // +02:00 Aug 14 10:00:00
  `(?:%z )?${SYSLOG}`,
  // @4000000042ff...
  'TAI64N',
];

/** ISO dates and access logs': the year before the clock or the month's name between signs is in no other form. */
const SOLITARY: readonly (string | undefined)[] = [defaultForms[0], defaultForms[4]];

const LINE_BEGIN = '{^LN-BEG}';

function compileForm(form: string): Template {
  return { ...makeTemplate(form), hasCore: true, isForm: true, isSolitary: SOLITARY.includes(form) };
}

let compiled: { readonly plain: readonly Template[]; readonly all: readonly Template[] } | null = null;

/** The default forms compiled (once): as they are, and with the line-begin variants before them, which weigh more. */
export function defaultTemplates(): {
  readonly plain: readonly Template[];
  readonly all: readonly Template[];
} {
  if (compiled !== null) return compiled;
  const plain = defaultForms.map(compileForm);
  const atStart = defaultForms
    .filter((form) => !form.startsWith(LINE_BEGIN) && !form.startsWith('^'))
    .map((form): Template => ({ ...compileForm(LINE_BEGIN + form), weight: 100 }));
  compiled = { plain, all: [...atStart, ...plain] };
  return compiled;
}

/** The templates that one line of a datepattern stands for. Throws DatePatternError. */
export function templatesOf(line: string): readonly Template[] {
  const key = line.includes('%') ? line : line.toUpperCase();
  if (key === '{DEFAULT}') return defaultTemplates().all;
  if (key === LINE_BEGIN) return defaultTemplates().all.filter((template) => template.atStart);
  if (key === '{NONE}') return [compileTemplate('{UNB}^')];
  if (!/(?<!\\)\{DATE\}/i.test(line)) return [compileTemplate(line)];
  const known = around.get(line);
  if (known !== undefined) return known;
  const templates = defaultForms.flatMap((form): Template[] => {
    const unbound = form.startsWith(LINE_BEGIN) ? form.slice(LINE_BEGIN.length) : form;
    const whole = line.replace(/(?<!\\)\{DATE\}/gi, () => unbound);
    // A number or a TAI64N label is looked for on its own or at the line's beginning, not inside another pattern.
    if (!unbound.includes('%') && !/^(\{\^LN-BEG\}|\^)?\w+$/.test(whole)) return [];
    return [{ ...makeTemplate(whole), hasCore: true }];
  });
  // What is wrong with the rest of the pattern is wrong in each.
  templates[0]?.compiled();
  if (around.size < MOST_AROUND) around.set(line, templates);
  return templates;
}

/** By line of a datepattern with {DATE}: many filters have the same. */
const around = new Map<string, readonly Template[]>();
const MOST_AROUND = 100;

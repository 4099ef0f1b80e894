import { compileTemplate, makeTemplate, type Template } from './template.ts';
import { months } from './tokens.ts';

// The time of day with two digits; `%k` where the hour may be padded with a blank.
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

const NAME = `(?:${months.join('|')})`;
const AFTER_NAME = new RegExp(`${NAME} `, 'i');

/**
 * The default date forms in order of trial, as datepatterns. Each has a hint that every ASCII line with the
 * form contains; without it the form is neither compiled nor tried.
 */
const forms: readonly (readonly [form: string, hint: RegExp])[] = [
  // ISO 8601 and similar: 2005-08-14T10:00:00.123+02:00, 2005/08/14 10:00:00, 2005.08.14 10:00:00
  [`${parted('-/.', '%ExY', '%m')}%d${GAP}${CLOCK}${ANY_FRACTION}${ZONE}`, /20[0-3]\d[-/.]/],
  // syslog and asctime: Sun Aug 14 10:00:00.123 2005
  [SYSLOG, AFTER_NAME],
  // Sun Aug 14 2005 10:00:00
  [`(?:%a )?%b %d %ExY ${PADDED}${DOT_FRACTION}`, AFTER_NAME],
  // 14/08/2005 10:00:00, 14-08-05 10:00:00
  [`${parted('-/', '%d', '%m')}(?:%ExY|%Exy) ${PADDED}`, /\d[-/]\d\d?[-/]\d/],
  // access logs: 14/Aug/2005:10:00:00 +0200, 14-Aug-2005 10:00:00.123
  [
    `${parted('-/', '%d', '%b')}%ExY[ :]?${CLOCK}${DOT_FRACTION}(?: %z)?`,
    new RegExp(`[-/]${NAME}[-/]20`, 'i'),
  ],
  // 08/14/2005:10:00:00
  [`%m/%d/%ExY:${CLOCK}`, /\d\/20[0-3]\d:/],
  // 08-14-2005 10:00:00.123
  [`%m-%d-%ExY ${PADDED}${DOT_FRACTION}`, /\d-20[0-3]\d /],
  // 1124013600, [1124013600], audit(1124013600.123:7)
  ['EPOCH', /\d{10}/],
  // 10:00:00
  [`{^LN-BEG}${CLOCK}`, /^\W{0,2}\d\d?:/],
  // <08/14/05@10:00:00>
  [`^<%m/%d/%Exy@${CLOCK}>`, /^<\d/],
  // 050814 10:00:00
  [`%Exy%Exm%Exd  ?${CLOCK}`, /\d{6} /],
  // Aug 14, 2005 10:00:00 AM
  ['%b %d, %ExY %I:%M:%S %p', AFTER_NAME],
  // Aug-14-05 10:00:00
  [`^%b-%d-%Exy ${PADDED}`, new RegExp(`^${NAME}-`, 'i')],
  // 20050814T100000
  [`%ExY%Exm%Exd${GAP}%ExH%ExM%ExS${ANY_FRACTION}${ZONE}`, /20[0-3]\d{5}/],
  // CEST Aug 14 10:00:00
  [`(?:%Z )?${SYSLOG}`, AFTER_NAME],
  // +02:00 Aug 14 10:00:00
  [`(?:%z )?${SYSLOG}`, AFTER_NAME],
  // @4000000042ff...
  ['TAI64N', /@[0-9a-f]{24}/],
];

/**
 * ISO dates and those of access logs: no other form has a year before the clock or separators around a
 * month's name.
 */
const SOLITARY: readonly (string | undefined)[] = [forms[0]?.[0], forms[4]?.[0]];

const LINE_BEGIN = '{^LN-BEG}';

function compileForm([form, hint]: (typeof forms)[number], bound: '' | typeof LINE_BEGIN): Template {
  const isSolitary = bound === '' && SOLITARY.includes(form);
  return { ...makeTemplate(bound + form), hint, hasCore: true, isForm: true, isSolitary };
}

let compiled: { readonly plain: readonly Template[]; readonly all: readonly Template[] } | null = null;

/**
 * The default forms, compiled once: as they are, and after their line-begin variants, which have more weight.
 */
export function defaultTemplates(): {
  readonly plain: readonly Template[];
  readonly all: readonly Template[];
} {
  if (compiled !== null) return compiled;
  const plain = forms.map((form) => compileForm(form, ''));
  const atStart = forms
    .filter(([form]) => !form.startsWith(LINE_BEGIN) && !form.startsWith('^'))
    .map((form): Template => ({ ...compileForm(form, LINE_BEGIN), weight: 100 }));
  compiled = { plain, all: [...atStart, ...plain] };
  return compiled;
}

/** The templates for one line of a datepattern. Throws DatePatternError. */
export function templatesOf(line: string): readonly Template[] {
  const key = line.includes('%') ? line : line.toUpperCase();
  if (key === '{DEFAULT}') return defaultTemplates().all;
  if (key === LINE_BEGIN) return defaultTemplates().all.filter((template) => template.atStart);
  if (key === '{NONE}') return [compileTemplate('{UNB}^')];
  if (!/(?<!\\)\{DATE\}/i.test(line)) return [compileTemplate(line)];
  const known = around.get(line);
  if (known !== undefined) return known;
  // Hints apply only if the pattern cannot match without the date.
  const isThere = isAlwaysThere(line);
  const templates = forms.flatMap(([form, hint]): Template[] => {
    const unbound = form.startsWith(LINE_BEGIN) ? form.slice(LINE_BEGIN.length) : form;
    const whole = line.replace(/(?<!\\)\{DATE\}/gi, () => unbound);
    // A number or a TAI64N label is only searched for alone or at the line's beginning, not inside another
    // pattern.
    if (!unbound.includes('%') && !/^(\{\^LN-BEG\}|\^)?\w+$/.test(whole)) return [];
    const known = isThere && !hint.source.startsWith('^') ? hint : null;
    return [{ ...makeTemplate(whole), hint: known, hasCore: true }];
  });
  // A mistake in the rest of the pattern is the same in each template.
  templates[0]?.compiled();
  if (around.size < MOST_AROUND) around.set(line, templates);
  return templates;
}

/**
 * Whether every match of the pattern contains its {DATE}: no group around it is optional, and there is no
 * alternative.
 */
function isAlwaysThere(line: string): boolean {
  const [, after, ...more] = line.split(/(?<!\\)\{DATE\}/i);
  // Alternatives, negative lookarounds and conditionals.
  if (after === undefined || more.length > 0 || /\||\(\?(?:<?!|\()/.test(line)) return false;
  let depth = 0;
  for (const [, sign, behind] of after.matchAll(/\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|([()])([?*{]?)/g)) {
    if (sign === '(') depth++;
    else if (sign === ')' && depth > 0) depth--;
    else if (sign === ')' && behind !== '') return false;
  }
  return !/^[?*{]/.test(after);
}

/** Cache by line of a datepattern with {DATE}; many filters share it. */
const around = new Map<string, readonly Template[]>();
const MOST_AROUND = 100;

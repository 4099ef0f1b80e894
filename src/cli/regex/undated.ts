import { clean } from '../../base/visible.ts';
import { makeChoice } from '../../filter/date/choose.ts';
import { compileDates, type Dates, findStamp } from '../../filter/date/datepattern.ts';
import { defaultTemplates } from '../../filter/date/forms.ts';
import { monthOf } from '../../filter/date/monthname.ts';
import { compileTemplate, type Template } from '../../filter/date/template.ts';
import { months } from '../../filter/date/tokens.ts';

/** A month's name in any language, as a part of a datepattern. */
const ANY_MONTH = '(?P<b>[^\\W\\d_]+\\.?)';
/** Dates are searched for up to here. */
const REACH = 200;
const SHOWN = 20;
/** Characters; less is no beginning of a date. */
const SHORTEST = 4;

/**
 * Says why no date was found in a line: a caret under the place where the nearest form broke off, and a
 * datepattern if the month's name is of another language. `dates` are the forms that were tried.
 */
export function explainUndated(dates: Dates, line: string, now: number): readonly string[] {
  const text = line.slice(0, REACH);
  return foreignMonth(dates, text, now) ?? nearestForm(dates, text) ?? [];
}

const under = (text: string, at: number): string => clean(text.slice(0, at)).replace(/[^\t]/gu, ' ');

function foreignMonth(dates: Dates, line: string, now: number): readonly string[] | null {
  for (const { 0: name, index } of line.matchAll(/\p{L}{3,10}\.?/gu)) {
    const month = monthOf(name);
    const english = months[month - 1];
    if (english === undefined || name.toLowerCase() === english) continue;
    const spelt = `${line.slice(0, index)}${english}${line.slice(index + name.length)}`;
    const own = {
      ...dates,
      choice: makeChoice(dates.choice.slots.map(({ template }) => template)),
      cached: null,
      head: null,
      walled: null,
    };
    const found = findStamp(own, spelt, now);
    const template = own.choice.last?.slot.template;
    if (found === null || found.time === null || template === undefined) continue;
    const near = `^ the nearest form, ${template.name}, wants a month in English, meets "${name}"`;
    const pattern = template.pattern.replaceAll('%b', () => ANY_MONTH);
    const isRead =
      findStamp({ ...own, choice: compileDates(pattern, null).choice }, line, now)?.time === found.time;
    const hint = `try --datepattern '${pattern}' (in a file, %% for each %)`;
    return [`${under(line, index)}${near}`, ...(isRead ? [hint] : [])];
  }
  return null;
}

/** A beginning of a form: it ends before `wanted`. */
type Part = { readonly template: Template; readonly regex: RegExp; readonly wanted: string };

const parts = new Map<string, readonly Part[]>();

/** The beginnings of a form with two fields or more, the longest first. */
function partsOf(form: Template): readonly Part[] {
  const known = parts.get(form.pattern);
  if (known !== undefined) return known;
  const pattern = form.pattern.replace(/^(?:\{\^LN-BEG\}|\{UNB\})/i, '');
  const atoms = atomsOf(pattern);
  const found = atoms.flatMap((wanted, i): Part[] => {
    const head = atoms.slice(0, i).join('');
    if ((head.match(/%(?:Ex)?\w/g)?.length ?? 0) < 2) return [];
    try {
      return [{ template: form, regex: compileTemplate(`{UNB}${head}`).compiled().ascii, wanted }];
    } catch {
      return [];
    }
  });
  parts.set(form.pattern, found.reverse());
  return found;
}

/** The pieces of a pattern outside of brackets. */
function atomsOf(pattern: string): readonly string[] {
  const pieces = pattern.matchAll(/%(?:Ex)?.|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()]|[\s\S]/g);
  const atoms: string[] = [];
  let depth = 0;
  for (const [piece] of pieces) {
    const isTail = /^[?*+{]$/.test(piece) && depth === 0;
    if (depth > 0 || isTail) atoms.push(`${atoms.pop() ?? ''}${piece}`);
    else atoms.push(piece);
    depth += piece === '(' ? 1 : piece === ')' ? -1 : 0;
  }
  return atoms;
}

function nearestForm({ choice }: Dates, line: string): readonly string[] | null {
  const forms = choice.isDefault ? defaultTemplates().plain : choice.slots.map(({ template }) => template);
  let best: { readonly part: Part; readonly length: number; readonly at: number } | null = null;
  for (const form of forms) {
    for (const part of partsOf(form)) {
      part.regex.lastIndex = 0;
      const match = part.regex.exec(line);
      if (match === null || match[0].length < SHORTEST || (form.atStart && match.index > 2)) continue;
      const length = match[0].length;
      if (best === null || length > best.length) best = { part, length, at: match.index + length };
      break;
    }
  }
  if (best === null) return null;
  const { part, at } = best;
  const rest = clean(line.slice(at));
  const met = rest === '' ? 'the end' : `"${rest.length > SHOWN ? `${rest.slice(0, SHOWN - 3)}...` : rest}"`;
  return [
    `${under(line, at)}^ the nearest form, ${part.template.name}, wants "${part.wanted}", meets ${met}`,
  ];
}

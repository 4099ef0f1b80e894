import { clean } from '../../base/visible.ts';
import type { Dates } from '../../filter/date/datepattern.ts';
import type { Miss } from './explain.ts';
import type { RegexRequest } from './options.ts';

/** The list of date forms that matched (all with --verbose), for the report. */
export function dateLines(dates: Dates, wish: RegexRequest): readonly string[] {
  const slots = dates.choice.slots.filter(({ hits }) => hits > 0 || wish.report.verbose);
  return slots
    .toSorted((a, b) => b.hits - a.hits)
    .flatMap(({ hits, distance, template }) => {
      const weight = (hits * template.weight) / Math.max(1, distance);
      const detail = `    # weight: ${weight.toFixed(3)} (${template.weight.toFixed(3)}), pattern: ${template.pattern}`;
      return [
        `[${hits}] ${template.name}`,
        ...(wish.isVerboseDate ? [detail, `    # regex:   ${template.compiled().ascii.source}`] : []),
      ];
    });
}

/** A caret under the place where the regex stopped, and what it expected there. */
export function explanation(miss: Miss, line: string): string {
  const name = miss.regex === null ? 'prefregex' : `failregex ${miss.regex + 1}`;
  const wanted = `"${miss.part}" (character ${miss.partAt + 1})`;
  const rest = clean(line.slice(miss.at));
  const met =
    rest === '' ? 'the end of the line' : `"${rest.length > 20 ? `${rest.slice(0, 17)}...` : rest}"`;
  const what = miss.isNowhere ? `finds no ${wanted} from here on` : `wants ${wanted}, meets ${met}`;
  return `${columns(clean(line.slice(0, miss.at)))}^ ${name} ${what}`;
}

/** Blanks of the text's width; tabs stay tabs. */
function columns(text: string): string {
  return text.replace(/[^\t]/gu, ' ');
}

/** The page of debuggex.com for the regex and the line. */
export function debuggexLink(regex: string, line: string): string {
  const query = new URLSearchParams({ re: regex, str: line, flavor: 'python' });
  return `https://www.debuggex.com/?${query}`;
}

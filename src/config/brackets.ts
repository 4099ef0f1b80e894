/** A name with options, `name[a=b, c="x,y"][d='z']`; option names as written, values without quotes. */
export type Named = { readonly name: string; readonly options: ReadonlyMap<string, string> };

/** Reads `name[options]`; jail.conf(5). Returns the mistake as a string if it is invalid. */
export function parseNamed(text: string): Named | string {
  const found = /^([^[]+)(?:\[(.*)\])?\s*$/s.exec(text.trim());
  if (/[\x00-\x1f\x7f]/.test((found?.[1] ?? '').trim())) return 'a name holds no control characters';
  if (found === null) return text.includes('[') ? 'expected name[option=value, ...]' : 'expected a name';
  const options = new Map<string, string>();
  const rest = found[2] ?? '';
  const option = /\s*([\w.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|((?!["'])[^,\]]*))\s*(,|\]\s*\[|$)|\s*,?\s*$/sy;
  for (let at = 0; at < rest.length; at = option.lastIndex) {
    option.lastIndex = at;
    const part = option.exec(rest);
    if (part === null) return `cannot read "${rest.slice(at, at + 25).trim()}" as option=value`;
    const [whole, key, inDouble, inSingle, bare] = part;
    if (key !== undefined) options.set(key, (inDouble ?? inSingle ?? bare ?? '').trim());
    if (whole === '') break;
  }
  return { name: (found[1] ?? '').trim(), options };
}

/** Splits a list of `name[options]` at white space outside brackets, with the offset of each piece. */
export function splitNamed(text: string): { readonly text: string; readonly at: number }[] {
  const pieces: { text: string; at: number }[] = [];
  const start = /\S/g;
  for (let at = 0; at < text.length; ) {
    start.lastIndex = at;
    const found = start.exec(text);
    if (found === null) break;
    const end = endOfNamed(text, found.index);
    pieces.push({ text: text.slice(found.index, end), at: found.index });
    at = end;
  }
  return pieces;
}

function endOfNamed(text: string, from: number): number {
  let at = from;
  while (at < text.length && !/[[\s]/.test(text.charAt(at))) at++;
  for (;;) {
    const open = /^\s*\[/.exec(text.slice(at, at + 80));
    if (open === null) return at;
    const close = closingBracket(text, at + open[0].length);
    // An unclosed bracket swallows the rest of its line, so that the error message shows all of it.
    if (close < 0) return text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at);
    at = close + 1;
  }
}

/** Quotes hide a bracket only at the start of a value. */
function closingBracket(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const c = text.charAt(at);
    if (c === ']') return at;
    const quote = c === '=' ? /^=\s*(["'])/.exec(text.slice(at, at + 80)) : null;
    if (quote === null) continue;
    at = text.indexOf(quote[1] ?? '', at + quote[0].length);
    if (at < 0) return -1;
  }
  return -1;
}

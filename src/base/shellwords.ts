/** Splits like a POSIX shell: at blanks, except in quotes and after backslashes. */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  const token = /\s+|'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|\\([\s\S])|([^\s'"\\]+)|([\s\S])/g;
  for (const [whole, single, double, escaped, plain, other] of text.matchAll(token)) {
    if (/^\s+$/.test(whole) && escaped === undefined && single === undefined && double === undefined) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word =
        (word ?? '') + (single ?? double?.replace(/\\(["\\])/g, '$1') ?? escaped ?? plain ?? other ?? '');
    }
  }
  return word === null ? words : [...words, word];
}

/** Whether a quote is not closed, or the text ends with a backslash. */
export function hasOpenQuote(text: string): boolean {
  return /["'\\]/.test(text.replace(/'[^']*'|"(?:\\[\s\S]|[^"\\])*"|\\[\s\S]/g, ''));
}

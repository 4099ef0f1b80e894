/** What a terminal could obey, or that could fake a line or turn its text around. Tabs stay, and so do line breaks here. */
const OBEYED =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** The text with all of that as visible escapes; line breaks stay. JSON stays JSON: what it may hold becomes `\uNNNN`. */
export function visible(text: string): string {
  if (!/[^ -~\n]/.test(text)) return text;
  return text.replace(OBEYED, (char) => {
    const code = char.charCodeAt(0);
    return code < 32
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** The same for text that is to be one line: its line breaks are escapes too. */
export function clean(text: string): string {
  return visible(text).replaceAll('\n', '\\x0a');
}

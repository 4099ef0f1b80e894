/** Up to this length joining characters is faster than a decoder. */
const SHORT = 16;

/** Decodes bytes that are known to be ASCII. */
export function asciiText(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > SHORT)
    return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text;
}

/** One character of the kind of text that V8 compiles an expression for by itself. */
export function kindOf(text: string): 'a' | '\u00e9' | '\u4e00' {
  if (/[^\x00-\xff]/.test(text)) return '\u4e00';
  return /[^\x00-\x7f]/.test(text) ? '\u00e9' : 'a';
}

/** Longer texts are made at once, and not character by character. */
const SHORT = 16;

/** The text of bytes that are ASCII characters. */
export function asciiText(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > SHORT)
    return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text;
}

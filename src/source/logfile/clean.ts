/**
 * Takes a CR before a newline and NULs at a line's start out of `bytes[start..end)`, in place, and answers the
 * new end. Costs two searches where there is neither. NULs at a line's start are what a crash or an emptied
 * file leaves; elsewhere they are somebody's text and stay.
 */
export function cleanLines(bytes: Buffer, start: number, end: number): number {
  const view = bytes.subarray(start, end);
  if (!view.includes('\r\n') && !view.includes(0)) return end;
  let to = start;
  let atLineStart = true;
  for (let from = start; from < end; from++) {
    const byte = bytes[from] ?? 0;
    if (byte === 0 && atLineStart) continue;
    if (byte === 13 && bytes[from + 1] === 10 && from + 1 < end) continue;
    bytes[to++] = byte;
    atLineStart = byte === 10;
  }
  return to;
}

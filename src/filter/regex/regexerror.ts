/** A pattern that cannot be read or cannot be had; `offset` points into the pattern as the user wrote it. */
export class RegexError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'RegexError';
    this.offset = offset;
  }
}

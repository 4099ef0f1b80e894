import { writeIp4 } from '../base/ip.ts';

/** Bytes of the first page, which is all that most states need, and of the others. */
const FIRST = 16384;
const PAGE = 262144;
/** Bytes of a number or an address, at the most. */
const SHORT = 32;

const encoder = new TextEncoder();

/**
 * A text as it grows, in pages of UTF-8. Texts put together piece by piece would outlive several collections, which cost more than
 * the printing.
 */
export class Pages {
  readonly #done: Uint8Array<ArrayBuffer>[] = [];
  #page = new Uint8Array(FIRST);
  #filled = 0;

  /** The pages; nothing is added any more. */
  all(): readonly Uint8Array<ArrayBuffer>[] {
    return [...this.#done, this.#page.subarray(0, this.#filled)];
  }

  text(text: string): void {
    // A character is three bytes at the most.
    this.#makeRoom(text.length * 3);
    this.#filled += encoder.encodeInto(text, this.#page.subarray(this.#filled)).written;
  }

  /** A short text of ASCII characters. */
  ascii(text: string): void {
    this.#makeRoom(text.length);
    for (let at = 0; at < text.length; at++) this.#page[this.#filled++] = text.charCodeAt(at);
  }

  /** An IPv4 address, an unsigned number. */
  ip4(ip: number): void {
    this.#makeRoom(SHORT);
    this.#filled = writeIp4(this.#page, this.#filled, ip);
  }

  /** A number as JSON has it. */
  number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      this.ascii(JSON.stringify(value));
      return;
    }
    this.#makeRoom(SHORT);
    let digits = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    let rest = value;
    for (let at = this.#filled + digits - 1; at >= this.#filled; at--) {
      this.#page[at] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#filled += digits;
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#page.length - this.#filled) return;
    this.#done.push(this.#page.subarray(0, this.#filled));
    this.#page = new Uint8Array(Math.max(PAGE, bytes));
    this.#filled = 0;
  }
}

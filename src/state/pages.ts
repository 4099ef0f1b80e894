import { writeIp4 } from '../base/ip.ts';

/** Bytes of the first page, which suffices for most states, and of the others. */
const FIRST = 16384;
const PAGE = 262144;
/** Most bytes of a number or an address. */
const SHORT = 32;

const encoder = new TextEncoder();

/**
 * A growing text in pages of UTF-8. Strings that grow piece by piece outlive several garbage collections,
 * which cost more than the printing.
 */
export class Pages {
  readonly #done: Uint8Array<ArrayBuffer>[] = [];
  #page = new Uint8Array(FIRST);
  #filled = 0;

  /** Returns the pages; nothing may be added afterwards. */
  all(): readonly Uint8Array<ArrayBuffer>[] {
    return [...this.#done, this.#page.subarray(0, this.#filled)];
  }

  text(text: string): void {
    // A character is three bytes at most.
    this.#makeRoom(text.length * 3);
    this.#filled += encoder.encodeInto(text, this.#page.subarray(this.#filled)).written;
  }

  /** Adds a short ASCII text. */
  ascii(text: string): void {
    this.#makeRoom(text.length);
    for (let at = 0; at < text.length; at++) this.#page[this.#filled++] = text.charCodeAt(at);
  }

  /** Adds an IPv4 address, an unsigned number. */
  ip4(ip: number): void {
    this.#makeRoom(SHORT);
    this.#filled = writeIp4(this.#page, this.#filled, ip);
  }

  /** Adds a number as in JSON. */
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

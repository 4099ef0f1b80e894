/**
 * Where a service writes its date in a line. A client can put a date of its own into a line (a user name, a path, a Host
 * header), and a date that the client chooses hides the failure: it is years old and never counts. So the way the line is written says
 * where the date stands, never what an earlier line looked like.
 *
 *     serviceDateAt('192.0.2.7 - 20200101T000000 [30/Nov/2026:20:00:00 +0000] "GET / HTTP/1.1" 401 -')  // 29
 *     serviceDateAt('{"user":"20200101T000000","time":"2026-11-30T20:00:00Z"}')                        // 34
 */

/**
 * An access line has the date in brackets before the quoted request. The servers escape a quote in everything that stands before it,
 * so that no client can write this end.
 */
const ACCESS = /\[([^[\]"]{8,48})\] "/;
/** Behind the bracketed date of an access line. */
export const ACCESS_END = '] "';
/**
 * Keys that services give the time of their JSON lines. Within a JSON string a quote is escaped, so that a client's text never is a
 * key.
 */
const KEY =
  /(?<!\\)"(?:@?time(?:_?stamp)?|ts|t|date(?:_?time)?|asctime|Start(?:UTC|Local)|@t|log_time|eventtime)"\s*:\s*"?(?=[\d[@A-Z])/;

/** Where the date of an access line or a JSON line begins; -1 for other lines, in which any place may be the service's. */
export function serviceDateAt(line: string): number {
  if (/^\W{0,3}\{/.test(line)) {
    const key = KEY.exec(line);
    return key === null ? -1 : key.index + key[0].length;
  }
  const access = ACCESS.exec(line);
  return access === null ? -1 : access.index + 1;
}

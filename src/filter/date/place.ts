/**
 * Where a service writes its date in a line. A client can put a date of its own into a line (a user name, a path, a Host
 * header), and a date that the client chooses hides the failure: it is years old and never counts. So the way the line is written says
 * where the date stands, never what an earlier line looked like.
 *
 *     servicePlace('192.0.2.7 - 20200101T000000 [30/Nov/2026:20:00:00 +0000] "GET / HTTP/1.1" 401 -')  // start 29, end 55
 *     servicePlace('{"user":"20200101T000000","time":"2026-11-30T20:00:00Z"}')                        // start 34, end 54
 */

/**
 * An access line has the date in brackets before the quoted request. Servers escape a quote in everything that stands before it,
 * so that no client can write this end.
 */
const ACCESS = /^((?:[^"\\]|\\.)*?\[)[^[\]"]{8,48}\] "/;
/** Behind the bracketed date of an access line. */
export const ACCESS_END = '] "';
/**
 * Keys that services give the time of their JSON lines. Within a JSON string a quote is escaped, so that a client's text never is a
 * key.
 */
const KEY =
  /(?<!\\)"(?:@?time(?:_?stamp)?|ts|t|date(?:_?time)?|asctime|Start(?:UTC|Local)|@t|log_time|eventtime)"\s*:\s*"?(?=[\d[@A-Z])/;

/** From where to where in a line the service writes its date. */
type ServicePlace = { readonly start: number; readonly end: number };

/** The place of the date in an access line or a JSON line; null for other lines, in which any place may be the service's. */
export function servicePlace(line: string): ServicePlace | null {
  if (/^\W{0,3}\{/.test(line)) {
    const key = KEY.exec(line);
    if (key === null) return null;
    const start = key.index + key[0].length;
    const length = line.slice(start).search(/[",}]/);
    return { start, end: length < 0 ? line.length : start + length };
  }
  const access = ACCESS.exec(line);
  if (access === null) return null;
  return { start: access[1]?.length ?? 0, end: access[0].length - ACCESS_END.length };
}

/** A virtual host, which clients name, with its port, before the address of an access line. */
const BEFORE_ACCESS = /^(?::\d+)? [\da-fA-F:.]+ -/;

/** Whether a date at the line's beginning is syslog's or the service's: it has a clock, and is not the virtual host of an access line. */
export function isAhead(line: string, start: number, end: number): boolean {
  return line.slice(start, end).includes(':') && !BEFORE_ACCESS.test(line.slice(end, end + 60));
}

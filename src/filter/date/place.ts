/**
 * Finds the place where a service writes the date in a line.
 *
 * A client can put a date of its own into a line (a user name, a path, a Host header). A date that is years
 * old would hide the failure. The place therefore depends only on the form of the line, never on earlier
 * lines.
 *
 *     servicePlace('192.0.2.7 - 20200101T000000 [30/Nov/2026:20:00:00 +0000] "GET / HTTP/1.1" 401 -')  // start 29, end 55
 *     servicePlace('{"user":"20200101T000000","time":"2026-11-30T20:00:00Z"}')                        // start 34, end 54
 */

/**
 * An access line has the date in brackets before the quoted request. Servers escape all quotes before the
 * request, so a client cannot write this end.
 */
const ACCESS = /^((?:[^"\\]|\\.)*?\[)[^[\]"]{8,48}\] "/;
/** Follows the date in the brackets of an access line. */
export const ACCESS_END = '] "';
/**
 * Names of the time in JSON lines of services. Quotes in a JSON string are escaped, so a client's text cannot
 * be a key.
 */
const KEY =
  /(?<!\\)"(?:@?time(?:_?stamp)?|ts|t|date(?:_?time)?|asctime|Start(?:UTC|Local)|@t|log_time|eventtime)"\s*:\s*"?(?=[\d[@A-Z])/;

/** The bounds of the date in a line. */
type ServicePlace = { readonly start: number; readonly end: number };

/** The place of the date in an access line or a JSON line; null for other lines, where it may be anywhere. */
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

/** After a virtual host, which the client names: its port, and the address of the access line. */
const BEFORE_ACCESS = /^(?::\d+)? [\da-fA-F:.]+ -/;

/**
 * Whether a date at the beginning of a line comes from syslog or the service: it has a clock, and is not the
 * virtual host of an access line.
 */
export function isAhead(line: string, start: number, end: number): boolean {
  return line.slice(start, end).includes(':') && !BEFORE_ACCESS.test(line.slice(end, end + 60));
}

/** The output of a Flask development server at its start. */
export function banner(address: string, port: number): string {
  return [
    " * Serving Flask app 'app'",
    ' * Debug mode: off',
    'WARNING: This is a development server. Do not use it in a production deployment.',
    ` * Running on http://${address}:${port}`,
    'Press CTRL+C to quit',
    '',
  ].join('\n');
}

/** A line of its access log: `10.2.1.99 - - [23/Jun/2024 22:27:27] "GET / HTTP/1.1" 200 -`, in local time. */
export function logLine(
  from: string,
  at: Date,
  request: { readonly method: string; readonly url: string; readonly code: number },
): string {
  const [, month, day, year, clock] = at.toString().split(' ');
  return `${from} - - [${day}/${month}/${year} ${clock}] "${request.method} ${request.url} HTTP/1.1" ${request.code} -\n`;
}

/** The value of an Authorization header. */
export function basicPassword(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

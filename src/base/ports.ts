/** First and last port, inclusive. */
export type PortRange = readonly [first: number, last: number];

/** Port by service name, in lower case. */
export type Services = ReadonlyMap<string, number>;

/** Service names that jails use, for hosts without /etc/services. */
const WELL_KNOWN =
  'ftp-data 20,ftp 21,ssh 22,telnet 23,smtp 25,mail 25,domain 53,http 80,www 80,kerberos 88,pop3 110,pop-3 110,' +
  'sunrpc 111,ident 113,auth 113,nntp 119,ntp 123,imap 143,imap2 143,imap4 143,snmp 161,imap3 220,ldap 389,https 443,' +
  'smtps 465,submissions 465,ssmtp 465,urd 465,submission 587,ipp 631,ldaps 636,nntps 563,ftps-data 989,ftps 990,' +
  'telnets 992,imaps 993,pop3s 995,socks 1080,openvpn 1194,mysql 3306,ms-sql-s 1433,rdp 3389,ms-wbt-server 3389,' +
  'postgresql 5432,postgres 5432,sip 5060,sip-tls 5061,sips 5061,xmpp-client 5222,xmpp-server 5269,sieve 4190,' +
  'redis 6379,webcache 8080,http-alt 8080,webmin 10000,mongodb 27017,git 9418,rsync 873,radius 1812,vnc 5900,' +
  'asp 27374,kerberos-adm 749,pptp 1723,l2tp 1701,nfs 2049,svn 3690,amqp 5672,irc 194,ircs-u 6697';

/** Service names and their ports: a small table, and over it the text of /etc/services. */
export function readServices(etcServices: string): Services {
  const services = new Map<string, number>();
  for (const pair of WELL_KNOWN.split(',')) {
    const [name = '', port] = pair.split(' ');
    services.set(name, Number(port));
  }
  for (const line of etcServices.split('\n')) {
    const found = /^([^\s#]+)\s+(\d{1,5})\/\w+([^#]*)/.exec(line);
    if (found === null || Number(found[2]) > 65535) continue;
    const [, name = '', port, aliases = ''] = found;
    for (const word of [name, ...aliases.split(/\s+/)])
      if (word !== '') services.set(word.toLowerCase(), Number(port));
  }
  return services;
}

/** The ranges of a port list (null = all ports), and its invalid words. */
export type PortList = { readonly ranges: readonly PortRange[] | null; readonly bad: readonly string[] };

/**
 * Reads a port list: numbers, service names, ranges `80:90` and `80-90`, `all`, separated by commas or white
 * space. The ranges are sorted and do not overlap.
 */
export function parsePorts(text: string, services: Services): PortList {
  const words = text
    .replace(/\s*([:-])\s*(?=\d)/g, '$1')
    .split(/[\s,]+/)
    .filter((word) => word !== '');
  const ranges: PortRange[] = [];
  const bad: string[] = [];
  for (const word of words) {
    const range = readRange(word, services);
    if (range === null) bad.push(word);
    else ranges.push(range);
  }
  const merged = mergeRanges(ranges);
  const isAll = merged.some(([first, last]) => first <= 1 && last === 65535);
  return { ranges: isAll ? null : merged, bad };
}

function readRange(word: string, services: Services): PortRange | null {
  if (/^(?:all|any|\*)$/i.test(word)) return [0, 65535];
  const named = services.get(word.toLowerCase());
  if (named !== undefined) return [named, named];
  const found = /^([^:]+):([^:]+)$/.exec(word) ?? /^(\d+)-(\d+)$/.exec(word);
  const first = readPort(found?.[1] ?? word, services);
  const last = readPort(found?.[2] ?? word, services);
  if (first === null || last === null || first > last) return null;
  // Port 0 is only valid as the start of a range.
  return last === 0 ? null : [first, last];
}

function readPort(word: string, services: Services): number | null {
  if (!/^\d{1,5}$/.test(word)) return services.get(word.toLowerCase()) ?? null;
  return Number(word) <= 65535 ? Number(word) : null;
}

function mergeRanges(ranges: readonly PortRange[]): PortRange[] {
  const merged: PortRange[] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1] + 1 && (first <= before[1] || before[0] !== before[1])) {
      merged[merged.length - 1] = [before[0], Math.max(before[1], last)];
    } else {
      merged.push([first, last]);
    }
  }
  return merged;
}

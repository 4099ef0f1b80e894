/** Filters of fail2ban that f2b has none for, and why. Those with another name here have a jail of fail2ban's name. */
const REASONS: Readonly<Record<string, string>> = {
  '3proxy': "3proxy's log has the form that each logformat gives it",
  'apache-fakegooglebot': 'only the DNS can tell a false Googlebot: use an ignorecommand',
  'apache-pass': 'it unbans whoever asks for a page, and bans nobody',
  'apache-shellshock': 'bash has written no such lines since 2014',
  assp: 'the forms of its log are not established',
  'counter-strike': 'its console is on UDP, where anyone can forge the sender',
  directadmin: 'its source is closed, and the forms of its log are not established',
  'domino-smtp': 'its source is closed, and the forms of its log are not established',
  'exim-spam': 'refused spam also comes through honest relays; see the jail exim, mode aggressive',
  groupoffice: 'the forms of its present log are not established',
  gssftpd: 'Kerberos 5 has been made without its FTP server since 2010',
  kerio: 'its source is closed, and the forms of its log are not established',
  openhab: 'openHAB logs the first request of every browser like a wrong password',
  'openhab-auth': 'openHAB logs the first request of every browser like a wrong password',
  openwebmail: 'Open WebMail has not been made since 2006',
  oracleims: 'its source is closed, and the forms of its log are not established',
  'pass2allow-ftp': 'it unbans whoever asks for a page, and bans nobody',
  perdition: 'Perdition has not been made since 2017',
  'php-url-fopen': 'PHP includes no URLs since 5.2, and honest requests hold URLs too',
  'qmail-rbl': 'rblsmtpd has not been made since 2000',
  'routeros-auth': 'the forms of its log are not established',
  screensharingd: 'it is a service of macOS, which f2b does not run on',
  'solid-pop3d': 'Solid POP3 has not been made since 2000',
  squirrelmail: "SquirrelMail's log comes from a plugin that is no longer made",
  suhosin: 'Suhosin ended with PHP 5',
  tine20: 'the forms of its present log are not established',
  'uwimap-auth': 'UW IMAP has not been made since 2008',
  wuftpd: 'WU-FTPD has not been made since 2003',
};

/** Why f2b has no filter of this name; null for a name that is not fail2ban's either. */
export function whyNoFilter(name: string): string | null {
  return Object.hasOwn(REASONS, name) ? (REASONS[name] ?? null) : null;
}

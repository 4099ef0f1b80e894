/** Mail servers. */
import type { Service } from '../../testbed/services.ts';

/** Users of the host that SASL, PAM and passwd files know. */
const USERS = `useradd -m -p "$(openssl passwd -6 right)" alice
`;

const plain = (user: string, password: string): string =>
  Buffer.from(`\0${user}\0${password}`).toString('base64');

const POSTFIX: Service = {
  name: 'postfix',
  packages: ['postfix', 'dovecot-core', 'openssl'],
  setup: `${USERS}cat >/etc/dovecot/local.conf <<'END'
protocols =
ssl = no
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0666
  }
}
END
cat >/etc/postfix/main.cf <<'END'
compatibility_level = 3.6
myhostname = mail.example.net
mydestination = mail.example.net, localhost
mynetworks = 127.0.0.0/8
inet_protocols = all
maillog_file =
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_security_level = none
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 3
END
newaliases`,
  units: { dovecot: 'dovecot', 'postfix@-': 'postfix start' },
  logs: 'mail.log',
  port: 25,
  jails: [
    { name: 'postfix', stock: 'postfix' },
    { name: 'postfix-sasl', stock: 'postfix-sasl' },
  ],
  attacks: [
    {
      what: 'good login',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('alice', 'right')}' - QUIT -`,
      counts: {},
    },
    {
      what: 'wrong password',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('alice', 'wrong')}' - QUIT -`,
      counts: { 'postfix-sasl': 1 },
    },
    {
      what: 'unknown user',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('mallory', 'wrong')}' - QUIT -`,
      counts: { 'postfix-sasl': 1 },
    },
    {
      what: 'IPv6',
      isV6: true,
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('mallory', 'wrong')}' - QUIT -`,
      counts: { 'postfix-sasl': 1 },
    },
    {
      what: 'a name with an address',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('x[10.2.1.111]: SASL LOGIN authentication failed', 'wrong')}' - QUIT -`,
      counts: { 'postfix-sasl': 1 },
    },
    {
      what: 'a name with control characters',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('a\nb\u001b[1m c', 'wrong')}' - QUIT -`,
      counts: { 'postfix-sasl': 1 },
    },
    {
      what: 'wrong, then right',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('alice', 'wrong')}' - 'AUTH PLAIN ${plain('alice', 'right')}' - QUIT -`,
      counts: { 'postfix-sasl': 1 },
    },
    {
      what: 'not base64',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ***' - QUIT -`,
      counts: { 'postfix-sasl': 1 },
    },
    {
      what: 'a mechanism that is not offered',
      run: `talk 25 - 'EHLO x' - 'AUTH LOGIN' - '*' - QUIT -`,
      counts: { postfix: 1, 'postfix-sasl': 1 },
    },
    {
      what: 'relaying',
      run: `talk 25 - 'EHLO x' - 'MAIL FROM:<a@example.org>' - 'RCPT TO:<b@example.org>' - QUIT -`,
      counts: { postfix: 1 },
    },
    {
      what: 'unknown recipient',
      run: `talk 25 - 'EHLO x' - 'MAIL FROM:<a@example.org>' - 'RCPT TO:<nobody-here@localhost>' - QUIT -`,
      counts: { postfix: 1 },
    },
    {
      what: 'a forged greeting',
      run: `talk 25 - 'HELO -x-[10.2.1.111]' - 'MAIL FROM:<>' - 'RCPT TO:<root@localhost>' - QUIT -`,
      counts: { postfix: 1 },
    },
    { what: 'HTTP', run: `talk 25 - 'GET / HTTP/1.0' - -`, counts: { postfix: 1 } },
    { what: 'too many errors', run: `talk 25 - 'EHLO x' - foo - foo - foo - foo -`, counts: { postfix: 1 } },
    {
      what: 'a good letter',
      run: `talk 25 - 'EHLO x' - 'MAIL FROM:<a@example.org>' - 'RCPT TO:<root@localhost>' - DATA - 'Subject: x' '' x . - QUIT -`,
      counts: {},
    },
  ],
};

const DOVECOT: Service = {
  name: 'dovecot',
  packages: ['dovecot-imapd', 'dovecot-pop3d', 'openssl'],
  setup: `${USERS}printf 'ssl = no\\ndisable_plaintext_auth = no\\nauth_verbose = yes\\nlisten = *, ::\\n' >/etc/dovecot/local.conf`,
  units: { dovecot: 'dovecot' },
  logs: 'mail.log',
  port: 143,
  jails: [
    { name: 'dovecot', stock: 'dovecot' },
    { name: 'dovecot', key: 'auth', options: ['mode = auth'] },
  ],
  attacks: [
    { what: 'good login', run: `talk 143 - 'a LOGIN alice right' - 'a LOGOUT' -`, counts: {} },
    {
      what: 'wrong password',
      run: `talk 143 - 'a LOGIN alice wrong' - 'a LOGOUT' -`,
      counts: { dovecot: 1, auth: 1 },
    },
    {
      what: 'unknown user',
      run: `talk 143 - 'a LOGIN mallory wrong' - 'a LOGOUT' -`,
      counts: { dovecot: 1, auth: 1 },
    },
    {
      what: 'IPv6',
      isV6: true,
      run: `talk 143 - 'a LOGIN mallory wrong' - 'a LOGOUT' -`,
      counts: { dovecot: 1, auth: 1 },
    },
    { what: 'POP3', run: `talk 110 - 'USER alice' - 'PASS wrong' - QUIT -`, counts: { dovecot: 1, auth: 1 } },
    {
      what: 'wrong, then right',
      run: `talk 143 - 'a LOGIN alice wrong' - 'b LOGIN alice right' - 'c LOGOUT' -`,
      counts: { auth: 1 },
    },
    {
      what: 'a name with an address',
      run: `talk 143 - 'a LOGIN "x>, rip=10.2.1.111, lip=10.2.1.10" wrong' - 'a LOGOUT' -`,
      counts: { dovecot: 1, auth: 1 },
    },
    {
      what: 'a name with control characters',
      run: `talk 143 - 'a AUTHENTICATE PLAIN ${plain('a\nb\u001b[1m c', 'wrong')}' - 'a LOGOUT' -`,
      counts: { dovecot: 1, auth: 1 },
    },
    { what: 'HTTP', run: `talk 143 - 'GET / HTTP/1.0' - foo - foo - foo -`, counts: {} },
    { what: 'no word', run: 'talk 143 -', counts: {} },
  ],
};

const EXIM: Service = {
  name: 'exim4',
  packages: ['exim4-daemon-heavy', 'openssl'],
  setup: `cat >/etc/exim4/exim4.conf <<'END'
primary_hostname = mail.example.net
domainlist local = mail.example.net : localhost
acl_smtp_rcpt = rcpt
acl_smtp_helo = accept
daemon_smtp_ports = 25
log_selector = +smtp_protocol_error +smtp_syntax_error
host_lookup =
rfc1413_query_timeout = 0s
begin acl
rcpt:
  accept authenticated = *
  deny message = relay not permitted
       !domains = +local
  require verify = recipient
  accept
begin routers
local:
  driver = accept
  domains = +local
  local_parts = root : alice
  transport = drop
begin transports
drop:
  driver = appendfile
  file = /dev/null
  user = mail
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{alice}}{eq{$auth3}{right}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if and{{eq{$auth1}{alice}}{eq{$auth2}{right}}}}
  server_set_id = $auth1
END
install -d -o Debian-exim -g adm /var/log/exim4 /var/spool/exim4 /run/exim4`,
  units: { exim4: 'exim4 -bd -oX 25' },
  logs: 'exim4/mainlog exim4/rejectlog exim4/paniclog',
  port: 25,
  jails: [
    { name: 'exim', reads: 'file', stock: 'exim' },
    { name: 'exim', key: 'aggressive', options: ['mode = aggressive'], reads: 'file' },
  ],
  attacks: [
    {
      what: 'good login',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('alice', 'right')}' - QUIT -`,
      counts: {},
    },
    {
      what: 'wrong password',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('alice', 'wrong')}' - QUIT -`,
      counts: { exim: 1, aggressive: 1 },
    },
    {
      what: 'LOGIN',
      run: `talk 25 - 'EHLO x' - 'AUTH LOGIN bWFsbG9yeQ==' - 'd3Jvbmc=' - QUIT -`,
      counts: { exim: 1, aggressive: 1 },
    },
    {
      what: 'IPv6',
      isV6: true,
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('mallory', 'wrong')}' - QUIT -`,
      counts: { exim: 1, aggressive: 1 },
    },
    {
      what: 'a name with an address',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('x) [10.2.1.111]: 535', 'wrong')}' - QUIT -`,
      counts: { exim: 1, aggressive: 1 },
    },
    {
      what: 'a greeting with an address',
      run: `talk 25 - 'EHLO [10.2.1.111]' - 'AUTH PLAIN ${plain('mallory', 'wrong')}' - QUIT -`,
      counts: { exim: 1, aggressive: 1 },
    },
    {
      what: 'a name with control characters',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('a\nb\u001b[1m c', 'wrong')}' - QUIT -`,
      counts: { exim: 1, aggressive: 1 },
    },
    {
      what: 'wrong, then right',
      run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ${plain('alice', 'wrong')}' - 'AUTH PLAIN ${plain('alice', 'right')}' - QUIT -`,
      counts: { exim: 1, aggressive: 1 },
    },
    { what: 'not base64', run: `talk 25 - 'EHLO x' - 'AUTH PLAIN ***' - QUIT -`, counts: {} },
    {
      what: 'relaying',
      run: `talk 25 - 'EHLO x' - 'MAIL FROM:<a@example.org>' - 'RCPT TO:<b@example.org>' - QUIT -`,
      counts: { exim: 1, aggressive: 1 },
    },
    {
      what: 'unknown recipient',
      run: `talk 25 - 'EHLO x' - 'MAIL FROM:<a@example.org>' - 'RCPT TO:<nobody-here@localhost>' - QUIT -`,
      counts: { exim: 1, aggressive: 1 },
    },
    {
      what: 'HTTP',
      run: `talk 25 - 'GET / HTTP/1.0' 'a: b' 'c: d' 'e: f' - - -`,
      counts: { exim: 1, aggressive: 1 },
    },
    {
      what: 'too many errors',
      run: `talk 25 - 'EHLO x' - foo - foo - foo - foo - foo -`,
      counts: { exim: 1, aggressive: 1 },
    },
    {
      what: 'a good letter',
      run: `talk 25 - 'EHLO x' - 'MAIL FROM:<a@example.org>' - 'RCPT TO:<root@localhost>' - DATA - 'Subject: x' '' x . - QUIT -`,
      counts: {},
    },
  ],
};

export const MAIL: readonly Service[] = [POSTFIX, DOVECOT, EXIM];

/** Servers of files, directories and proxies. */
import type { Service } from '../../testbed/services.ts';

const USER = `useradd -m -p "$(openssl passwd -6 right)" -s /bin/bash alice
`;
const ftp = (user: string, password: string): string =>
  `talk 21 - 'USER ${user}' - 'PASS ${password}' - QUIT -`;

const VSFTPD: Service = {
  name: 'vsftpd',
  packages: ['vsftpd', 'openssl'],
  setup: `${USER}cat >/etc/vsftpd.conf <<'END'
listen=NO
listen_ipv6=YES
local_enable=YES
xferlog_enable=YES
log_ftp_protocol=NO
secure_chroot_dir=/var/run/vsftpd/empty
pam_service_name=vsftpd
END
mkdir -p /var/run/vsftpd/empty`,
  units: { vsftpd: 'setsid vsftpd /etc/vsftpd.conf </dev/null >/dev/null 2>&1 &' },
  logs: 'vsftpd.log',
  port: 21,
  jails: [{ name: 'vsftpd', reads: 'file', stock: 'vsftpd' }],
  attacks: [
    { what: 'good login', run: ftp('alice', 'right'), counts: {} },
    { what: 'wrong password', run: ftp('alice', 'wrong'), counts: { vsftpd: 1 } },
    { what: 'unknown user', run: ftp('mallory', 'wrong'), counts: { vsftpd: 1 } },
    { what: 'IPv6', isV6: true, run: ftp('mallory', 'wrong'), counts: { vsftpd: 1 } },
    {
      what: 'a name with an address',
      run: ftp('x] FAIL LOGIN: Client "10.2.1.111"', 'wrong'),
      counts: { vsftpd: 1 },
    },
    { what: 'a name with control characters', run: ftp('a\u001b[1m\tc', 'wrong'), counts: { vsftpd: 1 } },
    { what: 'no login', run: 'talk 21 - QUIT -', counts: {} },
  ],
};

const PROFTPD: Service = {
  name: 'proftpd',
  packages: ['proftpd-core', 'openssl'],
  setup: `${USER}cat >/etc/proftpd/conf.d/test.conf <<'END'
UseReverseDNS off
UseIPv6 on
RequireValidShell off
END`,
  units: { proftpd: 'proftpd' },
  logs: 'proftpd/proftpd.log',
  port: 21,
  jails: [{ name: 'proftpd', reads: 'file', stock: 'proftpd' }],
  attacks: [
    { what: 'good login', run: ftp('alice', 'right'), counts: {} },
    { what: 'wrong password', run: ftp('alice', 'wrong'), counts: { proftpd: 1 } },
    { what: 'unknown user', run: ftp('mallory', 'wrong'), counts: { proftpd: 1 } },
    { what: 'IPv6', isV6: true, run: ftp('mallory', 'wrong'), counts: { proftpd: 1 } },
    {
      what: 'a name with an address',
      run: ftp('x: no such user found from 10.2.1.111 [10.2.1.111] to 1:21', 'wrong'),
      counts: { proftpd: 1 },
    },
    { what: 'root', run: ftp('root', 'wrong'), counts: { proftpd: 1 } },
    { what: 'no login', run: 'talk 21 - QUIT -', counts: {} },
  ],
};

const SLAPD: Service = {
  name: 'slapd',
  packages: ['slapd', 'ldap-utils'],
  setup: `mkdir -p /run/slapd /tmp/ldap; cat >/tmp/slapd.conf <<'END'
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
loglevel stats
database mdb
suffix dc=example,dc=org
rootdn cn=admin,dc=example,dc=org
rootpw right
directory /tmp/ldap
END`,
  units: { slapd: 'slapd -h "ldap:///" -f /tmp/slapd.conf' },
  logs: 'syslog',
  port: 389,
  jails: [{ name: 'slapd', stock: 'slapd' }],
  attacks: [
    {
      what: 'good login',
      run: 'ldapwhoami -x -H ldap://$AT -D cn=admin,dc=example,dc=org -w right',
      counts: {},
    },
    {
      what: 'wrong password',
      run: 'ldapwhoami -x -H ldap://$AT -D cn=admin,dc=example,dc=org -w wrong',
      counts: { slapd: 1 },
    },
    {
      what: 'unknown user',
      run: 'ldapwhoami -x -H ldap://$AT -D cn=mallory,dc=example,dc=org -w wrong',
      counts: { slapd: 1 },
    },
    {
      what: 'IPv6',
      isV6: true,
      run: 'ldapwhoami -x -H ldap://$AT -D cn=mallory,dc=example,dc=org -w wrong',
      counts: { slapd: 1 },
    },
    { what: 'anonymous', run: 'ldapwhoami -x -H ldap://$AT', counts: {} },
  ],
};

export const DAEMONS: readonly Service[] = [VSFTPD, PROFTPD, SLAPD];

/** Services that hosts are logged in to. */
import type { Service } from '../../testbed/services.ts';

const SSH = `useradd -m -p "$(openssl passwd -6 right)" alice
cat >/usr/local/bin/try-ssh <<'END'
#!/bin/sh
# try-ssh HOST PORT USER PASSWORD..
export SSH_ASKPASS=/usr/local/bin/next-password SSH_ASKPASS_REQUIRE=force
host=$1 port=$2 user=$3; shift 3
printf '%s\\n' "$@" >/tmp/passwords
exec ssh -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o PubkeyAuthentication=no \\
  -o "NumberOfPasswordPrompts=$#" -o PreferredAuthentications=password -l "$user" "$host" true
END
cat >/usr/local/bin/next-password <<'END'
#!/bin/sh
head -n 1 /tmp/passwords; sed -i 1d /tmp/passwords
END
chmod 755 /usr/local/bin/*
`;

const OPENSSH: Service = {
  name: 'openssh',
  packages: ['openssh-server', 'openssh-client', 'openssl', 'dropbear-bin'],
  setup: `${SSH}ssh-keygen -A >/dev/null; useradd -m -p "$(openssl passwd -6 right)" denied
printf 'DenyUsers denied\\n' >/etc/ssh/sshd_config.d/test.conf`,
  units: { ssh: 'mkdir -p /run/sshd; /usr/sbin/sshd' },
  port: 22,
  jails: [{ name: 'sshd', stock: 'sshd' }],
  attacks: [
    { what: 'good login', run: 'try-ssh $HOST 22 alice right', counts: {} },
    { what: 'wrong password', run: 'try-ssh $HOST 22 alice wrong', counts: { sshd: 1 } },
    { what: 'unknown user', run: 'try-ssh $HOST 22 mallory wrong', counts: { sshd: 2 } },
    { what: 'denied user', run: 'try-ssh $HOST 22 denied right', counts: { sshd: 2 } },
    { what: 'wrong, then right', run: 'try-ssh $HOST 22 alice wrong right', counts: { sshd: 1 } },
    { what: 'IPv6', isV6: true, run: 'try-ssh $HOST 22 mallory wrong', counts: { sshd: 2 } },
    {
      what: 'a name with an address',
      run: 'try-ssh $HOST 22 "x from 10.2.1.111 port 22 ssh2" wrong',
      counts: { sshd: 2 },
    },
    {
      what: 'a name with a date',
      run: 'try-ssh $HOST 22 "2026-01-01T00:00:00 h sshd[1]: x" wrong',
      counts: { sshd: 2 },
    },
    {
      what: 'a name with control characters',
      run: `DROPBEAR_PASSWORD=wrong dbclient -y -y -l "$(printf 'a\\nb\\033[1m')" $HOST`,
      counts: { sshd: 8 },
    },
    { what: 'root', run: 'try-ssh $HOST 22 root wrong', counts: { sshd: 1 } },
    { what: 'no SSH', run: `talk 22 'GET / HTTP/1.0' '' - - -`, counts: {} },
    { what: 'no word', run: `talk 22 -`, counts: {} },
  ],
};

const DROPBEAR: Service = {
  name: 'dropbear',
  packages: ['dropbear-bin', 'openssh-client', 'openssl'],
  setup: `${SSH}mkdir -p /etc/dropbear`,
  units: { dropbear: 'dropbear -R -p 22' },
  port: 22,
  jails: [{ name: 'dropbear', stock: 'dropbear' }],
  attacks: [
    { what: 'good login', run: 'try-ssh $HOST 22 alice right', counts: {} },
    { what: 'wrong password', run: 'try-ssh $HOST 22 alice wrong', counts: { dropbear: 1 } },
    // 2022.83 writes no address for it.
    { what: 'unknown user', run: 'try-ssh $HOST 22 mallory wrong', counts: { dropbear: 1 } },
    { what: 'IPv6', isV6: true, run: 'try-ssh $HOST 22 alice wrong', counts: { dropbear: 1 } },
    {
      what: 'a name with an address',
      run: 'try-ssh $HOST 22 "x from 10.2.1.111:22" wrong',
      counts: { dropbear: 1 },
    },
    { what: 'no SSH', run: `talk 22 'GET / HTTP/1.0' '' - - -`, counts: {} },
  ],
};

/** As Debian's unit starts it: it writes to its standard error. */
const DROPBEAR_ERR: Service = {
  ...DROPBEAR,
  name: 'dropbear-stderr',
  units: { dropbear: 'setsid systemd-cat -t dropbear dropbear -R -EF -p 22 </dev/null &' },
};

export const LOGINS: readonly Service[] = [OPENSSH, DROPBEAR, DROPBEAR_ERR];

/** What the packages of Enterprise Linux add to a tree: the paths, and the drop-ins of EPEL, in our own words. */
export const EL_FILES: Readonly<Record<string, string>> = {
  'paths-fedora.conf': `[INCLUDES]
before = paths-common.conf
after = paths-overrides.local
[DEFAULT]
syslog_mail = /var/log/maillog
syslog_mail_warn = /var/log/maillog
syslog_authpriv = /var/log/secure
syslog_user = /var/log/messages
syslog_ftp = /var/log/messages
syslog_daemon = /var/log/messages
syslog_local0 = /var/log/messages
apache_error_log = /var/log/httpd/*error_log
apache_access_log = /var/log/httpd/*access_log
mysql_log = /var/log/mariadb/mariadb.log
sshd_backend = systemd
postfix_backend = systemd
dovecot_backend = systemd
proftpd_backend = systemd
dropbear_backend = systemd
pureftpd_backend = systemd
vsftpd_backend = systemd
`,
  'jail.d/00-firewalld.conf': `# the bans go through firewalld
[DEFAULT]
banaction = firewallcmd-rich-rules
banaction_allports = firewallcmd-rich-rules
`,
  'jail.d/00-systemd.conf': `[DEFAULT]
backend = systemd
`,
  'jail.local': `[DEFAULT]
bantime = 1h
ignoreip = 127.0.0.1/8 ::1 192.0.2.0/24
[sshd]
enabled = true
mode = aggressive
[postfix]
enabled = true
[recidive]
enabled = true
backend = auto
[nginx-http-auth]
enabled = true
backend = auto
logpath = /var/log/nginx/error.log
`,
};

/** A small tree of our own in the manner of the stock one, for machines without it. */
export const SMALL_STOCK: Readonly<Record<string, string>> = {
  'paths-common.conf': `[INCLUDES]
after = paths-overrides.local
[DEFAULT]
default_backend = %(default/backend)s
sshd_log = %(syslog_authpriv)s
sshd_backend = %(default_backend)s
postfix_log = %(syslog_mail_warn)s
postfix_backend = %(default_backend)s
nginx_error_log = /var/log/nginx/*error.log
`,
  'jail.conf': `[INCLUDES]
before = paths-fedora.conf
[DEFAULT]
bantime = 10m
findtime = 10m
maxretry = 5
maxmatches = %(maxretry)s
backend = auto
enabled = false
mode = normal
filter = %(__name__)s[mode=%(mode)s]
port = 0:65535
protocol = tcp
chain = <known/chain>
banaction = iptables-multiport
banaction_allports = iptables-allports
action_ = %(banaction)s[port="%(port)s", protocol="%(protocol)s", chain="%(chain)s"]
action = %(action_)s
[sshd]
port = ssh
logpath = %(sshd_log)s
backend = %(sshd_backend)s
[postfix]
port = smtp,465,submission
logpath = %(postfix_log)s
backend = %(postfix_backend)s
[nginx-http-auth]
port = http,https
logpath = %(nginx_error_log)s
[recidive]
logpath = /var/log/fail2ban.log
banaction = %(banaction_allports)s
bantime = 1w
findtime = 1d
`,
  'filter.d/sshd.conf': `[Definition]
_normal = ^Failed \\S+ for .* from <HOST>
_aggressive = ^Connection closed by <HOST>
failregex = <_normal>
            <_<mode>>
journalmatch = _SYSTEMD_UNIT=sshd.service + _COMM=sshd
mode = normal
`,
  'filter.d/postfix.conf':
    '[Definition]\nfailregex = ^reject: .*\\[<HOST>\\]\njournalmatch = _SYSTEMD_UNIT=postfix.service\n',
  'filter.d/nginx-http-auth.conf': '[Definition]\nfailregex = ^ user .* client: <HOST>\n',
  'filter.d/recidive.conf': '[Definition]\nfailregex = ^ Ban <HOST>$\n',
};

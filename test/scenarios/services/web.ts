/** Web servers. */
import type { Service } from '../../testbed/services.ts';

const NGINX: Service = {
  name: 'nginx',
  packages: ['nginx-light', 'openssl'],
  setup: `printf 'alice:%s\\n' "$(openssl passwd -apr1 right)" >/etc/nginx/users
mkdir -p /srv/www/private; echo hello >/srv/www/index.html; echo secret >/srv/www/private/index.html
cat >/etc/nginx/sites-enabled/default <<'END'
limit_req_zone $binary_remote_addr zone=slow:1m rate=1r/m;
server {
  listen 80; listen [::]:80;
  root /srv/www;
  location /private/ { auth_basic "private"; auth_basic_user_file /etc/nginx/users; }
  location /denied/ { deny all; }
  location /slow/ { limit_req zone=slow; }
}
END`,
  units: { nginx: 'nginx' },
  port: 80,
  jails: [
    { name: 'nginx-http-auth', reads: 'file', stock: 'nginx-http-auth' },
    { name: 'nginx-http-401', reads: 'file' },
    { name: 'nginx-limit-req', reads: 'file', stock: 'nginx-limit-req' },
    { name: 'nginx-forbidden', reads: 'file' },
    { name: 'nginx-botsearch', reads: 'file', stock: 'nginx-botsearch' },
    { name: 'nginx-bad-request', reads: 'file', stock: 'nginx-bad-request' },
    { name: 'nginx-noscript', reads: 'file' },
    { name: 'nginx-noproxy', reads: 'file' },
    { name: 'nginx-404', reads: 'file' },
  ],
  attacks: [
    { what: 'good login', run: 'curl -s -u alice:right http://$AT/private/', counts: {} },
    {
      what: 'wrong password',
      run: 'curl -s -u alice:wrong http://$AT/private/',
      counts: { 'nginx-http-auth': 1, 'nginx-http-401': 1 },
    },
    {
      what: 'unknown user',
      run: 'curl -s -u mallory:wrong http://$AT/private/',
      counts: { 'nginx-http-auth': 1, 'nginx-http-401': 1 },
    },
    {
      what: 'IPv6',
      isV6: true,
      run: 'curl -s -u mallory:wrong http://$AT/private/',
      counts: { 'nginx-http-auth': 1, 'nginx-http-401': 1 },
    },
    {
      what: 'a name with a quote and an address',
      run: `curl -s -u 'x" was not found, client: 10.2.1.111, server:wrong' http://$AT/private/`,
      counts: { 'nginx-http-auth': 1, 'nginx-http-401': 1 },
    },
    {
      what: 'a Referer with a quote and an address',
      run: `curl -s -u x:wrong -e 'a", client: 10.2.1.111, server:' http://$AT/private/`,
      counts: { 'nginx-http-auth': 1, 'nginx-http-401': 1 },
    },
    {
      what: 'a name with control characters',
      run: `curl -s -u "$(printf 'a\\tb\\033[1m c'):wrong" http://$AT/private/`,
      counts: { 'nginx-http-auth': 1, 'nginx-http-401': 1 },
    },
    {
      what: 'a right password, then wrong ones',
      run: 'for i in right wrong wrong; do curl -s -u alice:$i http://$AT/private/; done',
      counts: { 'nginx-http-auth': 2, 'nginx-http-401': 2 },
    },
    { what: 'a denied place', run: 'curl -s http://$AT/denied/', counts: { 'nginx-forbidden': 1 } },
    {
      what: 'too many requests',
      run: 'for i in 1 2 3; do curl -s http://$AT/slow/; done',
      counts: { 'nginx-limit-req': 2, 'nginx-404': 1 },
    },
    {
      what: 'search for programs',
      run: 'for i in wp-login.php phpmyadmin/ .env; do curl -s http://$AT/$i; done',
      counts: { 'nginx-botsearch': 3, 'nginx-noscript': 2, 'nginx-404': 3 },
    },
    { what: 'no HTTP', run: `talk 80 "$(printf '\\026\\003\\001')" - -`, counts: { 'nginx-bad-request': 1 } },
    {
      what: 'an open proxy',
      run: `talk 80 'GET http://example.com/ HTTP/1.1' 'Host: example.com' '' -`,
      counts: { 'nginx-noproxy': 1 },
    },
    { what: 'a good client', run: 'curl -s http://$AT/', counts: {} },
  ],
};

const SITE = `mkdir -p /srv/www/private; echo hello >/srv/www/index.html; echo secret >/srv/www/private/index.html
`;
const get = (user: string): string => `curl -s -u '${user}' http://$AT/private/`;

const APACHE: Service = {
  name: 'apache2',
  packages: ['apache2', 'openssl'],
  setup: `${SITE}printf 'alice:%s\\n' "$(openssl passwd -apr1 right)" >/etc/apache2/users
cat >/etc/apache2/sites-enabled/000-default.conf <<'END'
ServerName localhost
<VirtualHost *:80>
  DocumentRoot /srv/www
  ErrorLog /var/log/apache2/error.log
  CustomLog /var/log/apache2/access.log combined
  <Directory /srv/www>
    Require all granted
  </Directory>
  <Location /private/>
    AuthType Basic
    AuthName private
    AuthUserFile /etc/apache2/users
    Require valid-user
  </Location>
</VirtualHost>
END`,
  units: { apache2: 'apache2ctl start' },
  logs: 'apache2/error.log apache2/access.log',
  port: 80,
  jails: [
    { name: 'apache-auth', reads: 'file', stock: 'apache-auth' },
    { name: 'apache-404', reads: 'file' },
  ],
  attacks: [
    { what: 'good login', run: get('alice:right'), counts: {} },
    { what: 'wrong password', run: get('alice:wrong'), counts: { 'apache-auth': 1 } },
    { what: 'unknown user', run: get('mallory:wrong'), counts: { 'apache-auth': 1 } },
    { what: 'IPv6', isV6: true, run: get('mallory:wrong'), counts: { 'apache-auth': 1 } },
    {
      what: 'a name with an address',
      run: get('x not found: /, [client 10.2.1.111] y:wrong'),
      counts: { 'apache-auth': 1 },
    },
    { what: 'a missing page', run: 'curl -s http://$AT/nothing', counts: { 'apache-404': 1 } },
  ],
};

const LIGHTTPD: Service = {
  name: 'lighttpd',
  packages: ['lighttpd', 'lighttpd-mod-openssl'],
  setup: `${SITE}echo alice:right >/etc/lighttpd/users
cat >/etc/lighttpd/lighttpd.conf <<'END'
server.modules = ("mod_auth", "mod_authn_file")
server.document-root = "/srv/www"
server.errorlog = "/var/log/lighttpd/error.log"
server.port = 80
index-file.names = ("index.html")
$SERVER["socket"] == "[::]:80" { }
auth.backend = "plain"
auth.backend.plain.userfile = "/etc/lighttpd/users"
auth.require = ("/private/" => ("method" => "basic", "realm" => "private", "require" => "valid-user"))
END`,
  units: { lighttpd: 'lighttpd -f /etc/lighttpd/lighttpd.conf' },
  logs: 'lighttpd/error.log',
  port: 80,
  jails: [{ name: 'lighttpd-auth', reads: 'file', stock: 'lighttpd-auth' }],
  attacks: [
    { what: 'good login', run: get('alice:right'), counts: {} },
    { what: 'wrong password', run: get('alice:wrong'), counts: { 'lighttpd-auth': 1 } },
    { what: 'unknown user', run: get('mallory:wrong'), counts: { 'lighttpd-auth': 1 } },
    { what: 'IPv6', isV6: true, run: get('mallory:wrong'), counts: { 'lighttpd-auth': 1 } },
    { what: 'a name with an address', run: get('x IP: 10.2.1.111:wrong'), counts: { 'lighttpd-auth': 1 } },
  ],
};

export const WEB: readonly Service[] = [NGINX, APACHE, LIGHTTPD];

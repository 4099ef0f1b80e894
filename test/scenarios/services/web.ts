/** Web servers. */
import type { Service } from '../../testbed/services.ts';

const NGINX: Service = {
  name: 'nginx',
  packages: ['nginx-light', 'openssl'],
  isQuick: true,
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
      // The error log does not escape quotes: only the access log is sure of the address.
      what: 'a name with a quote and an address',
      run: `curl -s -u 'x" was not found, client: 10.2.1.111, server:wrong' http://$AT/private/`,
      counts: { 'nginx-http-401': 1 },
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

export const WEB: readonly Service[] = [NGINX];

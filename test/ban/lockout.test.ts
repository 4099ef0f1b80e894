import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  gatewaysIn4,
  gatewaysIn6,
  lockoutReason,
  loginIn,
  loginsIn,
  type ProtectedAddresses,
  peersIn,
} from '../../src/ban/lockout.ts';

const protection: ProtectedAddresses = {
  gateways: new Set(['192.0.2.1', 'fe80::1']),
  sessions: new Set(['198.51.100.7', '2001:db8::7']),
};

test('lockoutReason() protects the gateway and whoever is logged in by SSH, alone or inside a network', () => {
  assert.match(lockoutReason(protection, '192.0.2.1') ?? '', /gateway/);
  assert.match(lockoutReason(protection, 'fe80::1') ?? '', /gateway/);
  assert.match(lockoutReason(protection, '198.51.100.7') ?? '', /SSH/);
  assert.match(lockoutReason(protection, '198.51.100.0/24') ?? '', /SSH/);
  assert.match(lockoutReason(protection, '2001:db8::/64') ?? '', /SSH/);
  assert.match(lockoutReason(protection, '192.0.2.0/24') ?? '', /gateway/);
  assert.equal(lockoutReason(protection, '198.51.100.8'), null);
  assert.equal(lockoutReason(protection, '203.0.113.0/24'), null);
  assert.equal(lockoutReason(protection, 'some user'), null);
});

test('lockoutReason() refuses everything, and what is too wide', () => {
  for (const id of ['0.0.0.0/0', '::/0', '10.0.0.0/7', '2001::/31']) {
    assert.match(lockoutReason(protection, id, true) ?? '', /wider than/, id);
  }
  assert.match(lockoutReason(protection, '11.0.0.0/15') ?? '', /wider than \/16/);
  assert.equal(lockoutReason(protection, '11.0.0.0/15', true), null);
  assert.equal(lockoutReason(protection, '11.0.0.0/16'), null);
  assert.equal(lockoutReason(protection, '2001:db9::/32'), null);
});

test('the gateways are read from the kernel’s tables', () => {
  const route = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
`;
  assert.deepEqual(gatewaysIn4(route), ['192.0.2.1']);
  const zero = '0'.repeat(32);
  const route6 = [
    `${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0`,
    `fd020000000000000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001 eth0`,
    `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200 lo`,
  ].join('\n');
  assert.deepEqual(gatewaysIn6(route6), ['fe80::1']);
});

test('peersIn() reads the far ends of established connections, IPv4 in IPv6 as IPv4', () => {
  const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:0016 076433C6:D2F0 01 00000000:00000000 02:0009 00000000 0 0 1 2
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:0000 00000000 0 0 1 2
`;
  assert.deepEqual(peersIn(tcp), ['198.51.100.7']);
  const tcp6 = `   0: 00:0016 0000000000000000FFFF0000076433C6:D2F0 01 x
   1: 00:0016 B80D0120000000000000000007000000:D2F0 01 x`;
  assert.deepEqual(peersIn(tcp6), ['198.51.100.7', '2001:db8::7']);
});

test('loginsIn() reads who came from where out of utmp', () => {
  const record = (type: number, pid: number, host: string, address: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(384);
    bytes.writeInt16LE(type, 0);
    bytes.writeInt32LE(pid, 4);
    bytes.write(host, 76);
    bytes.set(address, 348);
    return bytes;
  };
  const utmp = Buffer.concat([
    record(2, 0, '6.1.0', []),
    record(7, 700, 'admin.example', [198, 51, 100, 7]),
    record(7, 701, '2001:db8::7', [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 7]),
    record(7, 702, '', []),
    record(8, 703, '203.0.113.9', [203, 0, 113, 9]),
    Buffer.alloc(10),
  ]);
  assert.deepEqual(loginsIn(utmp), [
    { pid: 700, from: '198.51.100.7' },
    { pid: 701, from: '2001:db8::7' },
  ]);
});

test('loginIn() reads a session of logind, not one that is closing', () => {
  const text =
    'UID=1000\nACTIVE=1\nSTATE=active\nREMOTE=1\nREMOTE_HOST=198.51.100.7\nSERVICE=sshd\nLEADER=812\n';
  assert.deepEqual(loginIn(text), { pid: 812, from: '198.51.100.7' });
  assert.equal(loginIn(text.replace('active', 'closing')), null);
  assert.equal(loginIn('UID=0\nSTATE=active\n'), null);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { splitWords } from '../../../src/base/shellwords.ts';
import { journalArguments, matchArguments } from '../../../src/source/journal/arguments.ts';

const NONE: ReadonlyMap<string, string> = new Map();

describe('what journalctl is asked', () => {
  test('matches: quotes keep words together, + and a further line mean or', () => {
    assert.deepEqual(matchArguments(['_SYSTEMD_UNIT=sshd.service + _COMM=sshd', 'SYSLOG_IDENTIFIER="a b"']), [
      '_SYSTEMD_UNIT=sshd.service',
      '+',
      '_COMM=sshd',
      '+',
      'SYSLOG_IDENTIFIER=a b',
    ]);
    assert.deepEqual(splitWords(`a  'b c'"d\\"e" f\\ g ''`), ['a', 'b cd"e', 'f g', '']);
    assert.deepEqual(matchArguments(['']), []);
  });

  test('which journal: the system by default, else what the backend options say', () => {
    const asked = (options: Record<string, string>): string =>
      journalArguments(
        { matches: [], options: new Map(Object.entries(options)) },
        { kind: 'since', realtime: 5e6 },
      )
        .filter((one) => /^--(system|user|merge|directory|file|namespace)/.test(one))
        .join(' ');
    assert.equal(asked({}), '--system --merge');
    assert.equal(asked({ journalflags: '1' }), '');
    assert.equal(asked({ journalflags: '9' }), '--user');
    assert.equal(asked({ journalflags: '7' }), '--system --directory=/run/log/journal');
    assert.equal(asked({ journalpath: '/srv/log' }), '--directory=/srv/log');
    assert.equal(asked({ namespace: 'web' }), '--namespace=web --system --merge');
    assert.throws(() => asked({ journalfiles: '/nowhere/*.journal' }), /no file matches/);
  });

  test('a match cannot become an option', () => {
    const asked = journalArguments(
      { matches: ['--vacuum-time=1s'], options: NONE },
      { kind: 'since', realtime: 0 },
    );
    assert.deepEqual(asked.slice(-2), ['--', '--vacuum-time=1s']);
  });
});

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { banip } from '../../src/cli/banip.ts';
import { flush } from '../../src/cli/flush.ts';
import { unbanip } from '../../src/cli/unbanip.ts';
import { called, type Home, withHome } from './called.ts';

const JAIL = '[web]\nenabled = true\nfilter =\nlogpath = web.log\nignoreself = false\naction = note\n';

/** A jail whose only action writes into the file `done`. */
function withNotes(work: (home: Home, done: () => string) => Promise<void>): Promise<void> {
  return withHome(async (home) => {
    const path = join(home.folder, 'done');
    const lines = ['ban', 'unban'].map((step) => `action${step} = echo ${step} <ip> <failures> >> ${path}\n`);
    mkdirSync(join(home.config, 'action.d'));
    writeFileSync(join(home.config, 'action.d/note.conf'), `[Definition]\n${lines.join('')}`);
    await work(home, () => (existsSync(path) ? readFileSync(path, 'utf8') : ''));
  }, JAIL);
}

test('where no daemon runs, banip, unbanip and flush run the commands of actions', () =>
  withNotes(async ({ config, state }, done) => {
    const global = { config, state };
    await called(banip, ['web', '192.0.2.7', '192.0.2.8'], { global });
    await called(unbanip, ['192.0.2.7'], { global });
    await called(flush, ['web'], { global });
    assert.equal(done(), 'ban 192.0.2.7 0\nban 192.0.2.8 0\nunban 192.0.2.7 0\nunban 192.0.2.8 0\n');
  }));

test('--dry-run prints the commands and runs none', () =>
  withNotes(async ({ config, state }, done) => {
    const { stdout } = await called(banip, ['web', '192.0.2.7'], { global: { config, state, dryRun: true } });
    assert.match(stdout, /^1\n\/bin\/sh -c 'echo ban 192\.0\.2\.7 0 >> /);
    assert.equal(done(), '');
  }));

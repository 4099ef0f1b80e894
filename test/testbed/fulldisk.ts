/** Run by statefile.test.ts in a mount namespace where its argument is a disk of 64 KB. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../../src/base/errors.ts';
import { loadState, saveState } from '../../src/state/file.ts';
import { addBan, emptyState } from '../../src/state/state.ts';

const [folder = ''] = process.argv.slice(2);
const path = join(folder, 'state.json');
const state = emptyState();
const ban = { at: 1, until: null, failures: 1, count: 1, origin: 'log', matches: [], pending: null } as const;
addBan(state, 'sshd', '192.0.2.1', ban);
await saveState(path, state, 1);
for (let i = 0; i < 2000; i++) addBan(state, 'sshd', `198.51.${i >> 8}.${i & 255}`, ban);
const refused = await saveState(path, state, 2).then(() => 'saved', reasonOf);
const there = [...(loadState(path, false).state.jails.get('sshd')?.bans.keys() ?? [])];
console.log(`refused: ${refused.replace(/.*: /, '')}, still there: ${there}, files: ${readdirSync(folder)}`);

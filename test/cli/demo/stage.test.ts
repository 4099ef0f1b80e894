import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { MachineError } from '../../../src/base/errors.ts';
import { makeSureOfNamespace, networkNamespace, ownWords } from '../../../src/cli/demo/stage.ts';

const refused = (reason: RegExp) => (error: unknown) =>
  error instanceof MachineError && reason.test(error.message);

test('makeSureOfNamespace() throws in the namespace that is outside, and for what names none', async () => {
  for (const outside of [networkNamespace(), '', 'net:[]', 'net:[1] ', 'user:[4026531837]'])
    await assert.rejects(
      makeSureOfNamespace(outside),
      refused(/not in a network of its own: nothing was done$/),
      outside,
    );
});

const skip = Object.keys(networkInterfaces()).length > 0 ? false : 'there are no addresses here';

test('makeSureOfNamespace() throws in a namespace that has addresses', { skip }, async () => {
  // Where there is no program ip, nothing can be seen of it.
  const reason = /has addresses already: nothing was done$|cannot see where it is/;
  await assert.rejects(makeSureOfNamespace('net:[1]'), refused(reason));
});

test('ownWords() are the program and, while it is no single file, its script', () => {
  assert.deepEqual(ownWords(), [process.execPath, process.argv[1]]);
});

import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

/** A reporter for `node --test`: one line for each test that was skipped or is marked to do, with its reason. */
// biome-ignore lint/style/noDefaultExport: the form in which node wants a reporter
export default async function* skipped(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { name, file, skip, todo } = event.data;
    const why = skip ?? todo ?? false;
    if (why === false) continue;
    const reason = typeof why === 'string' && why !== '' ? why : 'no reason given';
    yield `  ${relative('.', file ?? '')}: ${name}: ${reason}\n`;
  }
}

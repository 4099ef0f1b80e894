import { disableJit } from './memory.ts';

/**
 * Modules of Node that every daemon uses. After a flag of V8 has changed, V8 rejects their prepared code and
 * compiles their source, which costs 7 ms.
 */
const USED = ['node:child_process', 'node:os', 'node:sea', 'node:vm'] as const;

// main.ts imports this file first: code that other modules run while loading runs once, and is not worth the
// compilers.
for (const name of USED) process.getBuiltinModule(name);
disableJit();

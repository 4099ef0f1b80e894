import { disableJit } from './memory.ts';

/**
 * Modules of Node that every daemon uses. Once a flag of V8 is changed it takes no prepared code of them any more but compiles their
 * sources, which costs 7 ms.
 */
const USED = ['node:child_process', 'node:os', 'node:sea', 'node:vm'] as const;

// main.ts imports this before all others: what they do while they are loaded is done once, and not worth a compiler.
for (const name of USED) process.getBuiltinModule(name);
disableJit();

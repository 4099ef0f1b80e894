import type { Command } from './command.ts';
import { makeHelp } from './help.ts';
import { version } from './version.ts';

/** Every command, in the order in which `f2b help` lists them. */
export const COMMANDS: readonly Command[] = [version, makeHelp(() => COMMANDS)];

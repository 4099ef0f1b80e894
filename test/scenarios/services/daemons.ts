import type { Service } from '../../testbed/services.ts';

export const DAEMONS: readonly Service[] = [];

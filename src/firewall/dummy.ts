/** No firewall at all: bans are decided, logged and kept, and nothing is blocked. For trying out a configuration. */
import type { Firewall } from './backend.ts';
import { collectHeld } from './held.ts';

/** The firewall that does nothing; the enforcer takes every entry of it for enforced. */
export const dummy: Firewall = {
  kind: 'dummy',
  programs: [],
  hasTimeouts: false,
  maxTimeout: Number.MAX_SAFE_INTEGER,
  exitProves: true,
  list: () => [],
  readHeld: (rules) => collectHeld(rules).held(rules),
  probe: () => [],
  readProbe: () => ({ damaged: new Set(), absent: new Map() }),
  change: () => [],
  hasPackets: false,
  watch: () => null,
};

import { printPages } from '../../src/state/json.ts';
import type { State } from '../../src/state/state.ts';

/** The text of the state's file, saved at `now`. */
export function printState(state: State, now: number): string {
  return Buffer.concat(printPages(state, now)).toString();
}

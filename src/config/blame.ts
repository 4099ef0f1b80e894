import type { Place } from '../base/errors.ts';
import type { Scope } from './interpolate.ts';
import { findOption } from './interpolate.ts';
import { isBuiltIn } from './sections.ts';

/** The jail's options that make up its actions when `action` is left as it is, the likeliest culprit first. */
const SOURCES: readonly string[] = [
  'port',
  'protocol',
  'chain',
  'blocktype',
  'banaction',
  'banaction_allports',
  'mta',
  'action',
];

/**
 * Where a word stands that an action was made of: the option of the jail (or of [DEFAULT]) whose value holds it. A jail's
 * `port` reaches its action through `%(action_)s`, and it is the jail's line that has to be cited.
 */
export function blame(
  scope: Scope,
  word: string,
  otherwise: Place,
): { readonly place: Place; readonly key: string } {
  for (const key of SOURCES) {
    const option = findOption(scope.sections, scope.section, key);
    const at = option?.text.text.indexOf(word) ?? -1;
    if (option === null || at < 0 || isBuiltIn(option.place)) continue;
    const line = option.text.text.slice(0, at).split('\n').length - 1;
    return { place: option.text.places[line] ?? option.place, key };
  }
  return { place: otherwise, key: 'action' };
}

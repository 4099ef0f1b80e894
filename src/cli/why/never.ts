import { protectedFor } from '../../ban/failure.ts';
import { type IgnoreList, ignoredBy } from '../../ban/ignore.ts';
import { lockoutReason, type ProtectedAddresses } from '../../ban/lockout.ts';
import type { Place } from '../../base/errors.ts';
import { contains, parseNetwork } from '../../base/ip.ts';
import type { Jail } from '../../config/jail.ts';
import { linesOf, type Text } from '../../config/text.ts';

/** Why an id is never banned in a jail, with the place of the rule; null: it may be. */
export function whyNever(
  id: string,
  { jail, written }: { readonly jail: Jail; readonly written: ReadonlyMap<string, Text> },
  { ignored, logins }: { readonly ignored: IgnoreList; readonly logins: ProtectedAddresses },
): string | null {
  const because = ignoredBy(ignored, id);
  if (because === 'ignoreself rule') return "it is one of this machine's own addresses (ignoreself)";
  if (because !== null) {
    const rule = ruleFor(id, written.get('ignoreip'));
    const other = because === 'dns' ? 'a name in ignoreip leads to it' : 'a list of ignoreip holds it';
    return rule === null ? other : `ignoreip has ${rule.word} (${where(rule.place)})`;
  }
  return lockoutReason(protectedFor(jail, logins), id);
}

const where = ({ file, line }: Place): string => (line > 0 ? `${file}:${line}` : file);

/** The word of ignoreip that holds the address, and its line. */
function ruleFor(
  id: string,
  text: Text | undefined,
): { readonly word: string; readonly place: Place } | null {
  const asked = parseNetwork(id);
  if (text === undefined || asked === null) return null;
  for (const { text: line, place } of linesOf(text)) {
    for (const word of line.split(/[\s,]+/)) {
      const network = parseNetwork(word);
      if (network !== null && (contains(network, asked) || contains(asked, network))) return { word, place };
    }
  }
  return null;
}

/** What is wrong with a jail's name; a name ends up in sets, chains, files and logs. */
export type NameTrouble = {
  readonly severity: 'error' | 'warning';
  readonly text: string;
  readonly hint: string | null;
};

/** iptables' limit for a chain's name, less the `f2b-` before it. */
const LONGEST = 25;

/** null when the name is good. Slashes, blanks and control characters are refused, more than 25 characters warned of. */
export function jailNameTrouble(name: string): NameTrouble | null {
  const shown = JSON.stringify(name);
  const refuse = (why: string, hint: string | null): NameTrouble => {
    return { severity: 'error', text: `cannot use ${shown} as a jail's name: ${why}`, hint };
  };
  const hint = 'use letters, digits, "-", "_" and "."';
  if (/[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/.test(name)) {
    return refuse('it holds a control character', hint);
  }
  if (/\s/.test(name)) return refuse('it holds a blank', hint);
  if (name.includes('/')) return refuse('it holds a slash', hint);
  if (/["'`$\\;|&<>(){}[\]*?!#%,]/.test(name))
    return refuse('it holds a character that shells and lists read', hint);
  if (/^[-.]/.test(name)) return refuse(`it begins with "${name.charAt(0)}"`, hint);
  if (name.length > 200) return refuse('it is longer than 200 characters', null);
  if (name.length <= LONGEST) return null;
  return {
    severity: 'warning',
    text: `the jail's name ${shown} has ${name.length} characters; firewalls show at most ${LONGEST}`,
    hint: null,
  };
}

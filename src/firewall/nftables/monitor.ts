/** Who changed the firewall; both null where nft does not tell. */
export type Author = { readonly pid: number | null; readonly name: string | null };

/**
 * Reads the lines of `nft monitor`: a change is some lines and then one that names its author. Answers the author of each
 * change of which some line `concerns` us, null for every other line.
 */
export function monitorReader(concerns: RegExp): (line: string) => Author | null {
  let isOurs = false;
  return (line) => {
    if (!line.startsWith('# new generation')) {
      isOurs ||= concerns.test(line);
      return null;
    }
    const wasOurs = isOurs;
    isOurs = false;
    if (!wasOurs) return null;
    const found = /by process (\d+) \((.*)\)/.exec(line);
    return found === null ? { pid: null, name: null } : { pid: Number(found[1]), name: found[2] ?? '' };
  };
}

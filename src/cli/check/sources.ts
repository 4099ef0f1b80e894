import { accessSync, constants, statSync } from 'node:fs';
import { codeOf, reasonOf } from '../../base/errors.ts';
import type { Jail } from '../../config/jail.ts';
import { journalTrouble } from '../../source/journal/journal.ts';
import { leftOutText, pathsOf } from '../../source/logfile/glob.ts';

/**
 * The sources a jail would read if it started now. With `warnings` it sees nothing, with `notes` it still
 * does; `key` is the option they concern.
 */
export type Sources = {
  /** Paths that can be read, or `journal`. */
  readonly reads: readonly string[];
  readonly warnings: readonly { readonly key: string; readonly text: string }[];
  readonly notes: readonly string[];
};

/**
 * Finds a jail's sources like the daemon: the journal if there is one and the jail uses it, else the files.
 */
export function sourcesOf(jail: Jail): Sources {
  if (jail.filter.failregex.length === 0) return { reads: [], warnings: [], notes: [] };
  const trouble = jail.backend === 'systemd' ? journalTrouble(jail.backendOptions) : null;
  if (jail.backend === 'systemd' && trouble === null) return { reads: ['journal'], warnings: [], notes: [] };
  const files = filesOf(jail);
  if (trouble === null) return files;
  if (files.reads.length > 0) {
    return { ...files, notes: [`${trouble}: its log files are read instead`, ...files.notes] };
  }
  const instead = jail.logpath.length > 0 ? 'its log files are waited for' : 'it has no log files either';
  return { ...files, warnings: [{ key: 'backend', text: `${trouble}: ${instead}` }, ...files.warnings] };
}

function filesOf({ logpath }: Jail): Sources {
  const reads = new Set<string>();
  const absent: string[] = [];
  const refused: string[] = [];
  for (const { glob } of logpath) {
    const { paths, left } = pathsOf(glob);
    if (left.length > 0) refused.push(`${glob}: ${leftOutText(left)}`);
    if (paths.length === 0) absent.push(`no file is called ${glob} yet`);
    for (const path of paths) {
      const trouble = fileTrouble(path);
      if (trouble === null) reads.add(path);
      else if (trouble === 'absent') absent.push(`${path} does not exist; the jail waits for it`);
      else refused.push(`${path} ${trouble}`);
    }
  }
  // With several paths, one is often the log's name on another system.
  const isBlind = reads.size === 0;
  const warnings = [...refused, ...(isBlind ? absent : [])].map((text) => ({ key: 'logpath', text }));
  return { reads: [...reads], warnings, notes: isBlind ? [] : absent };
}

function fileTrouble(path: string): string | null {
  try {
    if (!statSync(path).isFile()) return 'is not a plain file and is not read';
    accessSync(path, constants.R_OK);
    return null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'absent';
    return `cannot be read: ${codeOf(error) || reasonOf(error)}`;
  }
}

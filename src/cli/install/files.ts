import { embeddedFiles } from '../../base/embedded.ts';
import type { Subcommand } from '../command.ts';
import { completionOf, SHELLS } from '../pages/completion.ts';
import { manualPages } from '../pages/man.ts';

/** A file to install: its path on the host, and what is in it. */
export type InstallFile = { readonly path: string; readonly text: string };

/** A symbolic link to install. */
export type InstallLink = { readonly path: string; readonly target: string };

/** Where a binary that is copied to a host lives; the units name it. */
export const BINARY = '/usr/local/sbin/f2b';

/** Folder of units that an admin makes; a package uses another one, which these override. */
const UNITS = '/etc/systemd/system';

/** The packaged units: where they are, a package brings all the other files too. */
export const PACKAGED_UNIT = '/usr/lib/systemd/system/f2b.service';

/** Everything besides the binary that belongs on a host, made by this binary. */
export function installFiles(commands: readonly Subcommand[]): readonly InstallFile[] {
  const embedded = embeddedFiles();
  const shipped = [...embedded].flatMap(([path, text]) => {
    const name = path.replace(/^share\//, '');
    if (name === path) return [];
    if (name === 'f2b.logrotate') return [{ path: '/etc/logrotate.d/f2b', text }];
    return /\.(?:service|timer)$/.test(name) ? [{ path: `${UNITS}/${name}`, text }] : [];
  });
  const pages = [...manualPages(commands)].map(([name, text]) => ({
    path: `/usr/local/share/man/man${name.slice(-1)}/${name}`,
    text,
  }));
  const completions = (['bash', 'zsh', 'fish'] as const).map((shell) => ({
    path: `/usr/local/share/${SHELLS[shell]}`,
    text: completionOf(shell, commands),
  }));
  return [...shipped, ...pages, ...completions];
}

/** The names by which scripts and fingers call fail2ban, before the packaged ones on PATH, and its unit. */
export function fail2banLinks(binary: string, unit: string): readonly InstallLink[] {
  return [
    ...['client', 'server', 'regex'].map((name) => ({
      path: `/usr/local/bin/fail2ban-${name}`,
      target: binary,
    })),
    // What is here counts before the package's unit of that name, which stays as it is.
    { path: `${UNITS}/fail2ban.service`, target: unit },
  ];
}

/** The unit of f2b on this host. */
export const ownUnit = (isPackaged: boolean): string => (isPackaged ? PACKAGED_UNIT : `${UNITS}/f2b.service`);

import { realpathSync, unwatchFile, watchFile } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { FolderWatch } from './watchfolder.ts';

/** Everything that calls when something may have happened at a path: polling always, the kernel where it is wanted. */
export class PathWatch {
  readonly #path: string;
  readonly #folderWatch: FolderWatch | null;
  readonly #wake: () => void;
  #folders = new Map<string, () => void>();
  #drain: readonly (() => void)[] = [];

  constructor(
    path: string,
    options: { readonly pollMs: number; readonly folderWatch: FolderWatch | null },
    wake: () => void,
  ) {
    this.#path = path;
    this.#folderWatch = options.folderWatch;
    this.#wake = () => wake();
    watchFile(path, { bigint: true, interval: options.pollMs, persistent: true }, this.#wake);
    this.refresh();
  }

  /** The path may be a symlink that now leads elsewhere: watches the target's folder too. */
  refresh(): void {
    if (this.#folderWatch === null) return;
    const before = this.#folders;
    this.#folders = new Map();
    this.#watch(this.#path);
    try {
      this.#watch(realpathSync(this.#path));
    } catch {
      // Nothing stands there yet.
    }
    for (const stop of before.values()) stop();
  }

  /** A file that left the path is written to under another name: while one is read, any name in the folder counts. */
  drain(wanted: boolean): void {
    const folderWatch = this.#folderWatch;
    if (folderWatch === null || wanted === this.#drain.length > 0) return;
    for (const stop of this.#drain) stop();
    const folders = wanted ? new Set([...this.#folders.keys()].map(dirname)) : [];
    this.#drain = [...folders].map((folder) => folderWatch.subscribe(folder, null, this.#wake));
  }

  close(): void {
    unwatchFile(this.#path, this.#wake);
    for (const stop of this.#folders.values()) stop();
    for (const stop of this.#drain) stop();
  }

  #watch(path: string): void {
    if (this.#folderWatch === null || this.#folders.has(path)) return;
    this.#folders.set(path, this.#folderWatch.subscribe(dirname(path), basename(path), this.#wake));
  }
}

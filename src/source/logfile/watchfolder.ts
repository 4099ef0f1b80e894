import { type FSWatcher, statSync, watch } from 'node:fs';
import { reasonOf } from '../../base/errors.ts';
import type { Say } from '../source.ts';

/** `renamed`: a name came or went; else something was written. */
type Listener = (renamed: boolean) => void;

type Folder = {
  watcher: FSWatcher | null;
  /** Inode of the folder that is watched: another folder may take its name. */
  ino: string;
  readonly byName: Map<string, Set<Listener>>;
  readonly any: Set<Listener>;
};

/**
 * The kernel's wake-ups (fs.watch, on Linux inotify), one watch a folder however many logs lie in it. Only a
 * hint: it may be late, double or missing, so that everybody who subscribes also polls.
 */
export class FolderWatch {
  readonly #folders = new Map<string, Folder>();
  readonly #say: Say;
  #said = false;

  constructor(say: Say) {
    this.#say = say;
  }

  /** Calls the listener after events on `name` in the folder, or on any name when null; answers how to stop that. */
  subscribe(path: string, name: string | null, listener: Listener): () => void {
    let folder = this.#folders.get(path);
    if (folder === undefined) {
      folder = { watcher: null, ino: '', byName: new Map(), any: new Set() };
      this.#folders.set(path, folder);
      this.#open(path, folder);
    }
    const listeners = name === null ? folder.any : (folder.byName.get(name) ?? new Set());
    if (name !== null) folder.byName.set(name, listeners);
    // Its own function each time: who subscribes again before he stops must not lose the second.
    const own: Listener = (renamed) => listener(renamed);
    listeners.add(own);
    const place = folder;
    return () => {
      listeners.delete(own);
      if (name !== null && listeners.size === 0) place.byName.delete(name);
      if (place.byName.size > 0 || place.any.size > 0) return;
      place.watcher?.close();
      if (this.#folders.get(path) === place) this.#folders.delete(path);
    };
  }

  /** Watches again what could not be watched, or was replaced by another folder; to be called at intervals. */
  refresh(): void {
    for (const [path, folder] of this.#folders) {
      if (folder.watcher !== null && inodeOf(path) === folder.ino) continue;
      folder.watcher?.close();
      folder.watcher = null;
      if (this.#open(path, folder)) wakeAll(folder);
    }
  }

  close(): void {
    for (const folder of this.#folders.values()) folder.watcher?.close();
    this.#folders.clear();
  }

  #open(path: string, folder: Folder): boolean {
    const ino = inodeOf(path);
    if (ino === '') return false;
    try {
      const watcher = watch(path, (event, name) => tell(folder, name, event === 'rename'));
      watcher.on('error', () => {
        watcher.close();
        if (folder.watcher === watcher) folder.watcher = null;
      });
      folder.watcher = watcher;
      folder.ino = ino;
      return true;
    } catch (error) {
      if (!this.#said) this.#say('warning', `cannot watch ${path}, polling instead: ${reasonOf(error)}`);
      this.#said = true;
      return false;
    }
  }
}

function tell(folder: Folder, name: string | null, renamed: boolean): void {
  if (name === null) {
    wakeAll(folder);
    return;
  }
  for (const listener of folder.byName.get(name) ?? []) listener(renamed);
  for (const listener of folder.any) listener(renamed);
}

function wakeAll(folder: Folder): void {
  for (const listeners of folder.byName.values()) for (const listener of listeners) listener(true);
  for (const listener of folder.any) listener(true);
}

function inodeOf(path: string): string {
  try {
    const stat = statSync(path, { bigint: true });
    return `${stat.dev}:${stat.ino}`;
  } catch {
    return '';
  }
}

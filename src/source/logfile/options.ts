import type { DateOf, Say } from '../source.ts';
import type { Descriptors } from './descriptors.ts';
import type { FileMark, FilePosition } from './position.ts';
import type { FolderWatch } from './watchfolder.ts';

/** How to follow a path. */
export type LogFileOptions = {
  /** Where it stood when it was saved; null: never followed before. */
  readonly position: FilePosition | null;
  /** Where to begin a file that stands there at the first opening; later ones are read from their start. */
  readonly start: 'catchup' | 'head' | 'tail';
  /** Epoch seconds: `catchup`, and a large backlog after a pause, begin with the lines of that time. */
  readonly since: number;
  readonly dateOf: DateOf;
  /** `logencoding` of jail.conf(5). */
  readonly encoding: string;
  /** Interval of fs.watchFile, and of the looks at what is unfinished, in milliseconds. */
  readonly pollMs: number;
  /** Wake-ups by the kernel; null: polling only. */
  readonly folderWatch: FolderWatch | null;
  /** Shared by all logs; null: each file is held open. */
  readonly descriptors?: Descriptors | null;
  readonly say: Say;
  /** Called, never from inside read(), when read() may have something; perhaps more often than that. */
  readonly onReady: () => void;
  /** Called with each file (`dev:ino`) that becomes known here. */
  readonly onKnown?: (key: string) => void;
  /** How long an unfinished last line is waited for, in milliseconds. */
  readonly partialMs?: number;
  /** How long a file that left the path is still watched after it fell silent, in milliseconds. */
  readonly drainMs?: number;
  /** Epoch seconds: a file born since is new and read from its start, whatever `start` says; default: the opening. */
  readonly bornSince?: number;
  /** Where another source stood in a file (`dev:ino`) that came to this path, if that mark is accepted; it is given up there. */
  readonly adopt?: (key: string, accepts: (mark: FileMark) => boolean) => FileMark | null;
  /** Whether another source follows a path, as when a glob matches rotated files too. */
  readonly isFollowed?: (path: string) => boolean;
};

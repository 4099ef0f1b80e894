import { clean } from './visible.ts';

/** A line of a configuration file. `line` counts from 1; 0 is the whole file. */
export type Place = { readonly file: string; readonly line: number };

/** One mistake in the user's input, and how to report it. */
export type Problem = {
  readonly severity: 'error' | 'warning';
  readonly place: Place | null;
  /** The jail it concerns; null: the whole configuration. */
  readonly jail: string | null;
  /** The option whose value is wrong; null if it is not one option's value. */
  readonly key: string | null;
  /** Lower case, no full stop: `cannot read "10 mins" as a duration`. */
  readonly text: string;
  readonly hint: string | null;
};

/** The user asked for something f2b does not understand: exit code 2, no stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string | null;
  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}

/** The configuration is wrong. Carries all problems: exit code 2, no stack. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/**
 * The system refused (EACCES, nft failed). The message says what was tried, on what, and why; exit code 1, no
 * stack.
 */
export class MachineError extends Error {
  override readonly name = 'MachineError';
}

/** Formats a problem of a configuration as `file:line: key: text`, without the hint. */
export function formatProblem(problem: Problem): string {
  const { place, key, text } = problem;
  const where = place === null ? '' : place.line > 0 ? `${place.file}:${place.line}: ` : `${place.file}: `;
  return clean(`${where}${key === null ? '' : `${key}: `}${text}`);
}

/** Makes an error Problem; `more` sets the known parts. */
export function problem(text: string, more: Partial<Problem> = {}): Problem {
  return { severity: 'error', place: null, jail: null, key: null, hint: null, ...more, text };
}

/** The message of a thrown value. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The errno name (`ENOENT`) of a thrown system error; '' for other errors. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

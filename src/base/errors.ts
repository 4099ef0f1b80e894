/** A line of a configuration file; `line` counts from 1, 0 means the whole file. */
export type Place = { readonly file: string; readonly line: number };

/** One thing that is wrong with the user's input, and how to say it. */
export type Problem = {
  readonly severity: 'error' | 'warning';
  readonly place: Place | null;
  /** The jail that the problem disables or concerns, null when it concerns the whole configuration. */
  readonly jail: string | null;
  /** The option's name, when the problem is one option's value. */
  readonly key: string | null;
  /** Lower case, no full stop: `cannot read "10 mins" as a duration`. */
  readonly text: string;
  readonly hint: string | null;
};

/** The user asked for something that f2b cannot understand: exit code 2, no stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string | null;
  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}

/** The configuration is wrong; carries every problem that was found: exit code 2, no stack. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** The machine refused (EACCES, nft failed): says what was tried, on what, why; exit code 1, no stack. */
export class MachineError extends Error {
  override readonly name = 'MachineError';
}

/** `file:line: key: text`, the form of every message about a configuration; without the hint. */
export function formatProblem(problem: Problem): string {
  const { place, key, text } = problem;
  const where = place === null ? '' : place.line > 0 ? `${place.file}:${place.line}: ` : `${place.file}: `;
  return `${where}${key === null ? '' : `${key}: `}${text}`;
}

/** Makes an error Problem; `more` fills the parts that are known. */
export function problem(text: string, more: Partial<Problem> = {}): Problem {
  return { severity: 'error', place: null, jail: null, key: null, hint: null, ...more, text };
}

/** The text of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The errno name (`ENOENT`) of a thrown system error, or '' when it is none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

import { formatProblem } from '../base/errors.ts';
import type { Config } from './config.ts';

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * The whole resolved configuration as JSON, for `f2b check --dump`: settings; per jail its options as text and, where it is
 * enabled and sound, the jail as f2b runs it; problems with file and line.
 */
export function configDump(config: Config): Json {
  const jails = config.allJails.map((one): [string, Json] => [
    one.name,
    {
      enabled: one.isEnabled,
      place: toJson(one.place),
      options: toJson(one.options),
      jail: toJson(one.jail),
    },
  ]);
  const problems = config.problems.map((one) => ({
    severity: one.severity,
    jail: one.jail,
    message: formatProblem(one),
    hint: one.hint,
  }));
  return {
    tree: config.tree,
    files: toJson(config.files),
    settings: toJson(config.settings),
    jails: fromEntries(jails),
    problems,
  };
}

function toJson(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Map) return fromEntries([...value].map(([key, one]) => [String(key), toJson(one)]));
  if (typeof value !== 'object') return String(value);
  return fromEntries(Object.entries(value).map(([key, one]) => [key, toJson(one)]));
}

function fromEntries(entries: readonly (readonly [string, Json])[]): Json {
  return Object.fromEntries(entries);
}

import { formatProblem } from '../base/errors.ts';
import type { Config } from './config.ts';

/**
 * The resolved configuration as JSON, for `f2b check --dump`: the settings; each jail's options as text and,
 * if it is enabled and valid, the jail as f2b runs it; the problems with file and line.
 */
export function dumpConfig(config: Config): string {
  const { tree, files, settings, allJails } = config;
  const jails = allJails.map(({ name, isEnabled, place, options, jail }) => {
    return [name, { enabled: isEnabled, place, options, jail }] as const;
  });
  const problems = config.problems.map((one) => {
    const { severity, jail, hint } = one;
    return { severity, jail, message: formatProblem(one), hint };
  });
  const plain = (_: string, value: unknown): unknown =>
    value instanceof Map ? Object.fromEntries(value) : value;
  return JSON.stringify({ tree, files, settings, jails: new Map(jails), problems }, plain, 2);
}

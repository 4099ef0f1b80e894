import type { Jail } from '../../config/jail.ts';
import type { SourceHealth } from '../../source/health.ts';
import type { State } from '../../state/state.ts';
import type { Metric, Sample } from './text.ts';

/** What is known beside the state. */
export type Around = {
  readonly version: string;
  readonly isRunning: boolean;
  /** Bytes of the state file. */
  readonly stateBytes: number;
  /** Epoch seconds. */
  readonly now: number;
};

/** Everything that is measured of these jails, from the state. */
export function measure(
  state: State,
  jails: readonly Pick<Jail, 'name' | 'findtime'>[],
  around: Around,
): readonly Metric[] {
  const { version, isRunning, stateBytes } = around;
  const one = (value: number, labels: Sample['labels'] = {}): readonly Sample[] => [{ labels, value }];
  return [
    gauge('f2b_build_info', 'The version, as a label.', one(1, { version })),
    gauge('f2b_up', 'Whether a daemon runs.', one(isRunning ? 1 : 0)),
    ...jailMetrics(state, jails, around),
    ...sourceMetrics(state),
    counter(
      'f2b_repairs_total',
      'Repairs of damage that others did to a firewall.',
      [...state.repairs].map(([firewall, { count }]) => ({ labels: { firewall }, value: count })),
    ),
    gauge('f2b_state_bytes', 'Size of the state file.', one(stateBytes)),
    gauge('f2b_state_saved_timestamp_seconds', 'When the state was last saved.', one(state.saved)),
  ];
}

function jailMetrics(
  state: State,
  jails: readonly Pick<Jail, 'name' | 'findtime'>[],
  { now }: Around,
): readonly Metric[] {
  const each = (value: (jail: Pick<Jail, 'name' | 'findtime'>) => number): readonly Sample[] =>
    jails.map((jail) => ({ labels: { jail: jail.name }, value: value(jail) }));
  const known = (name: string) => state.jails.get(name);
  const standing = (name: string) =>
    [...(known(name)?.bans.values() ?? [])].filter(({ until }) => until === null || until > now);
  return [
    counter(
      'f2b_failures_total',
      'Failures that were counted.',
      each(({ name }) => known(name)?.totalFailed ?? 0),
    ),
    counter(
      'f2b_bans_total',
      'Bans that were made.',
      each(({ name }) => known(name)?.totalBanned ?? 0),
    ),
    gauge(
      'f2b_failing',
      'Addresses with failures within findtime.',
      each(({ name, findtime }) => failing(state, name, now - findtime)),
    ),
    gauge(
      'f2b_banned',
      'Bans that stand.',
      each(({ name }) => standing(name).length),
    ),
    gauge(
      'f2b_pending_bans',
      'Bans that the firewall has not confirmed.',
      each(({ name }) => standing(name).filter(({ pending }) => pending !== null).length),
    ),
  ];
}

function failing(state: State, jail: string, since: number): number {
  let count = 0;
  for (const [, { last }] of state.jails.get(jail)?.failures ?? []) if (last > since) count++;
  return count;
}

function sourceMetrics({ sources }: State): readonly Metric[] {
  const each = (value: (source: SourceHealth) => number | null): readonly Sample[] =>
    [...sources].flatMap(([name, source]) => {
      const measured = value(source);
      return measured === null ? [] : [{ labels: { source: name }, value: measured }];
    });
  const timeouts = (source: SourceHealth): number =>
    Object.values(source.jails).reduce(
      (sum, { stuck }) => sum + stuck.reduce((all, { strikes }) => all + strikes, 0),
      0,
    );
  return [
    counter(
      'f2b_source_read_bytes_total',
      'Bytes that were read.',
      each(({ bytes }) => bytes),
    ),
    counter(
      'f2b_source_errors_total',
      'Errors while reading.',
      each(({ errors }) => errors),
    ),
    counter(
      'f2b_source_cut_lines_total',
      'Lines that were too long and were cut.',
      each(({ cutLines }) => cutLines),
    ),
    counter(
      'f2b_source_rotations_total',
      'Rotations of the log.',
      each(({ rotations, truncations }) => rotations + truncations),
    ),
    counter(
      'f2b_source_lost_files_total',
      'Rotated files of which the end was not found.',
      each(({ lostFiles }) => lostFiles),
    ),
    counter('f2b_source_timeouts_total', 'Lines on which a regex took too long.', each(timeouts)),
    gauge(
      'f2b_source_lag_bytes',
      'Bytes that wait to be read.',
      each(({ lag }) => lag),
    ),
    gauge(
      'f2b_source_last_line_timestamp_seconds',
      'When the last line came.',
      each(({ lastLine }) => lastLine),
    ),
  ];
}

const counter = (name: string, help: string, samples: readonly Sample[]): Metric => ({
  name,
  type: 'counter',
  help,
  samples,
});
const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({
  name,
  type: 'gauge',
  help,
  samples,
});

/** One measured value; labels by name. */
export type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** What is measured, by Prometheus' conventions: counters end in `_total`, units are base units. */
export type Metric = {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
};

/** Prometheus' text form. A metric without samples is left out. */
export function printMetrics(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .flatMap(({ name, type, help, samples }) => [
      `# HELP ${name} ${escaped(help)}`,
      `# TYPE ${name} ${type}`,
      ...samples.map(({ labels, value }) => `${name}${printLabels(labels)} ${value}`),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

function printLabels(labels: Sample['labels']): string {
  const parts = Object.entries(labels).map(
    ([name, text]) => `${name}="${escaped(text).replaceAll('"', '\\"')}"`,
  );
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

/** A name of a log or jail may hold anything; a label's text has no line end. Lone halves of characters are replaced. */
function escaped(text: string): string {
  return text.toWellFormed().replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

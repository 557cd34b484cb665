// One table for every benchmark: what was measured, the bar, and what stock OpenStack needs on the
// same kind of machine.
import { table } from '#cli/table.ts';

export interface Figure {
  what: string;
  value: number;
  unit: string;
  /** The promise; undefined: for information. */
  bar?: { atMost: number } | { atLeast: number };
  /** Stock OpenStack on the same machine, as the issue gives it. */
  stock?: string;
}

export const holds = ({ value, bar }: Figure): boolean =>
  bar === undefined || ('atMost' in bar ? value <= bar.atMost : value >= bar.atLeast);

export function report(title: string, figures: readonly Figure[], json: boolean): void {
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ title, figures: figures.map((figure) => ({ ...figure, holds: holds(figure) })) }, null, 2)}\n`,
    );
    return;
  }
  const number = (value: number): string =>
    value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
  const rows = figures.map((figure) => [
    figure.what,
    `${number(figure.value)} ${figure.unit}`,
    figure.bar === undefined
      ? ''
      : 'atMost' in figure.bar
        ? `≤ ${figure.bar.atMost}`
        : `≥ ${figure.bar.atLeast}`,
    figure.bar === undefined ? '' : holds(figure) ? 'holds' : 'MISSED',
    figure.stock ?? '',
  ]);
  process.stdout.write(
    `\n${title}\n\n${table(['WHAT', 'MEASURED', 'BAR', '', 'STOCK'], rows)}\n\n`,
  );
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

// The table of every benchmark: measured value, ratio to a yardstick measured in the same run, bar,
// and what stock OpenStack needs on the same kind of machine.
import { table } from '#cli/table.ts';

export type Bar = { atMost: number } | { atLeast: number };

/** What the machine needs for the core of the same work, without our code. */
export interface Yardstick {
  what: string;
  value: number;
  /** Default: the unit of the figure beside it. E.g. transactions/s beside servers/s. */
  unit?: string;
}

export interface Figure {
  what: string;
  value: number;
  unit: string;
  /** Without a yardstick (counts, ratios) the bar applies to the value itself. */
  yardstick?: Yardstick;
  /**
   * The bar applies to value / yardstick, since the speeds of machines differ by more than a factor
   * of two. undefined: for information only.
   */
  bar?: Bar;
  /**
   * Stock OpenStack's value on the same kind of machine, from the issue that set the bars; not
   * measured again.
   */
  stock?: string;
}

/** The value to which the bar applies. */
export const judgedValue = ({ value, yardstick }: Figure): number =>
  yardstick === undefined ? value : value / yardstick.value;

export function holds(figure: Figure): boolean {
  const { bar } = figure;
  if (bar === undefined) return true;
  const value = judgedValue(figure);
  return 'atMost' in bar ? value <= bar.atMost : value >= bar.atLeast;
}

export const formatNumber = (value: number): string =>
  value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value >= 0.1 || value === 0
        ? value.toFixed(2)
        : value.toPrecision(2);

export function figuresAsJson(title: string, figures: readonly Figure[]): string {
  const shown = figures.map((figure) => ({
    ...figure,
    ...(figure.yardstick ? { share: judgedValue(figure) } : {}),
    holds: holds(figure),
  }));
  return JSON.stringify({ title, figures: shown }, null, 2);
}

export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { what, value, unit, yardstick, bar, stock } = figure;
    return [
      what,
      `${formatNumber(value)} ${unit}`.trimEnd(),
      yardstick
        ? `${formatNumber(yardstick.value)} ${yardstick.unit ?? unit}: ${yardstick.what}`
        : '',
      yardstick ? `${formatNumber(judgedValue(figure))} x` : '',
      bar === undefined ? '' : 'atMost' in bar ? `≤ ${bar.atMost}` : `≥ ${bar.atLeast}`,
      bar === undefined ? '' : holds(figure) ? 'holds' : 'MISSED',
      stock ?? '',
    ];
  });
  return table(['WHAT', 'MEASURED', 'YARDSTICK', 'SHARE', 'BAR', '', 'STOCK'], rows);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

// Evaluates the figures of two commits for `cobalt bench --against`: order of runs, ratio of each
// figure, table. Pure; against.ts runs the benchmarks.
import { table } from '#cli/table.ts';
import type { Bar } from './report.ts';
import { formatNumber, median } from './report.ts';

/** One of the two compared sides. `base`: the commit to compare with; `current`: this checkout. */
export type Side = 'base' | 'current';

/** A figure as `bench --json` prints it; other commits may print further fields. */
export interface MeasuredFigure {
  what: string;
  value: number;
  unit: string;
  bar?: Bar;
  /** CPU time of the control plane's process during the measurement. */
  cpuMs?: number;
}

/** The figures of one round, in which both sides ran one directly after the other. */
export type Round = Record<Side, readonly MeasuredFigure[]>;

export interface FigureComparison {
  what: string;
  unit: string;
  /** Median over the rounds of the base side; undefined: it does not measure the figure. */
  base: number | undefined;
  /** Median over the rounds of this checkout; undefined: it does not measure the figure. */
  current: number | undefined;
  /** Median over the rounds of current / base; undefined if a side does not measure the figure. */
  ratio: number | undefined;
  /** Ratio of CPU time for the same work, over all rounds; more reliable if the machine is busy. */
  cpuRatio: number | undefined;
  lessIsBetter: boolean;
  /** Figures without a bar are shown, but not judged. */
  verdict: 'slower' | 'faster' | 'same' | 'not judged';
}

/**
 * The order of the runs in each round: A B, B A, A B, ..., so that a drift of the machine, and what
 * the first run of a pair does to the second, affect both sides alike.
 */
export function runOrder(rounds: number): readonly (readonly [Side, Side])[] {
  return Array.from({ length: rounds }, (_, index) =>
    index % 2 === 0 ? (['base', 'current'] as const) : (['current', 'base'] as const),
  );
}

/** Compares figures of the same name. `tolerance`: 0.05 accepts 5 % in the bad direction. */
export function compareRounds(rounds: readonly Round[], tolerance: number): FigureComparison[] {
  const names = new Set(
    rounds.flatMap(({ base, current }) => [...current, ...base].map(({ what }) => what)),
  );
  return [...names].map((what) => compareFigure(what, rounds, tolerance));
}

function compareFigure(
  what: string,
  rounds: readonly Round[],
  tolerance: number,
): FigureComparison {
  const valueOf = (figures: readonly MeasuredFigure[]): MeasuredFigure | undefined =>
    figures.find((figure) => figure.what === what);
  const pairs = rounds.map(({ base, current }) => ({
    base: valueOf(base),
    current: valueOf(current),
  }));
  const all = pairs.flatMap(({ base, current }) => [current, base]).filter((f) => f !== undefined);
  const medianOf = (side: Side): number | undefined => {
    const values = pairs.flatMap((pair) => pair[side]?.value ?? []);
    return values.length === 0 ? undefined : median(values);
  };
  const ratios = pairs.flatMap(({ base, current }) =>
    base && current ? [ratioOf(base.value, current.value)] : [],
  );
  const ratio = ratios.length === 0 ? undefined : median(ratios);
  const cpuOf = (side: Side): number =>
    pairs.reduce((sum, pair) => sum + (pair[side]?.cpuMs ?? 0), 0);
  const bar = all.find((figure) => figure.bar)?.bar;
  const unit = all[0]?.unit ?? '';
  const lessIsBetter = bar ? 'atMost' in bar : !unit.endsWith('/s');
  return {
    what,
    unit,
    base: medianOf('base'),
    current: medianOf('current'),
    ratio,
    cpuRatio: cpuOf('base') > 0 ? cpuOf('current') / cpuOf('base') : undefined,
    lessIsBetter,
    verdict: bar && ratio !== undefined ? verdictOf(ratio, lessIsBetter, tolerance) : 'not judged',
  };
}

/**
 * `current` / `base`. Of equal values it is 1, since 0 / 0 is undefined: counts of faults are
 * usually 0 on both sides.
 */
const ratioOf = (base: number, current: number): number => (base === current ? 1 : current / base);

function verdictOf(
  ratio: number,
  lessIsBetter: boolean,
  tolerance: number,
): FigureComparison['verdict'] {
  if (ratio > 1 + tolerance) return lessIsBetter ? 'slower' : 'faster';
  if (ratio < 1 - tolerance) return lessIsBetter ? 'faster' : 'slower';
  return 'same';
}

export function comparisonTable(
  comparisons: readonly FigureComparison[],
  names: Record<Side, string>,
): string {
  const cell = (value: number | undefined, unit: string): string =>
    value === undefined ? 'not measured' : `${formatNumber(value)} ${unit}`.trimEnd();
  const share = (ratio: number | undefined): string =>
    ratio === undefined ? '' : `${ratio.toFixed(3)} x`;
  return table(
    ['WHAT', names.base, names.current, 'RATIO', 'CPU', ''],
    comparisons.map(({ what, unit, base, current, ratio, cpuRatio, verdict }) => [
      what,
      cell(base, unit),
      cell(current, unit),
      share(ratio),
      share(cpuRatio),
      verdict === 'slower' ? 'SLOWER' : verdict,
    ]),
  );
}

/**
 * The figures in the output of a run, whose JSON may have progress messages before and after it.
 * undefined: there are none.
 */
export function figuresIn(output: string): MeasuredFigure[] | undefined {
  const start = output.search(/^\{$/m);
  const end = output.search(/^\}$/m);
  if (start < 0 || end < start) return undefined;
  try {
    const { figures } = JSON.parse(output.slice(start, end + 1)) as { figures?: MeasuredFigure[] };
    return Array.isArray(figures) ? figures : undefined;
  } catch {
    return undefined;
  }
}

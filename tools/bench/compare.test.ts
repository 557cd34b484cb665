import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MeasuredFigure, Round } from './compare.ts';
import { compareRounds, comparisonTable, figuresIn, runOrder } from './compare.ts';

const latency = (value: number): MeasuredFigure => ({
  what: 'list',
  value,
  unit: 'ms',
  bar: { atMost: 10 },
});
const rate = (value: number): MeasuredFigure => ({
  what: 'builds',
  value,
  unit: 'servers/s',
  bar: { atLeast: 0.1 },
});
const round = (base: MeasuredFigure[], current: MeasuredFigure[]): Round => ({ base, current });

test('the sides change places in every round', () => {
  assert.deepEqual(runOrder(3), [
    ['base', 'current'],
    ['current', 'base'],
    ['base', 'current'],
  ]);
});

test('the ratio is the median of the ratios within rounds, so a slow round of both sides does not count', () => {
  const [list] = compareRounds(
    [
      round([latency(10)], [latency(10.2)]),
      round([latency(40)], [latency(40.4)]),
      round([latency(10)], [latency(30)]),
    ],
    0.05,
  );
  assert.equal(list?.ratio, 1.02);
  assert.equal(list?.verdict, 'same');
  assert.deepEqual([list?.base, list?.current], [10, 30]);
});

test('a longer time and a smaller rate are slower, beyond the tolerance alone', () => {
  const verdicts = (base: MeasuredFigure, current: MeasuredFigure, tolerance = 0.05) =>
    compareRounds([round([base], [current])], tolerance).map(({ verdict }) => verdict);
  assert.deepEqual(verdicts(latency(10), latency(10.6)), ['slower']);
  assert.deepEqual(verdicts(latency(10), latency(10.4)), ['same']);
  assert.deepEqual(verdicts(latency(10), latency(9)), ['faster']);
  assert.deepEqual(verdicts(rate(100), rate(94)), ['slower']);
  assert.deepEqual(verdicts(rate(100), rate(120)), ['faster']);
  assert.deepEqual(verdicts(rate(100), rate(94), 0.1), ['same']);
});

test('faults that only the newer side has are slower than none', () => {
  const faults = (value: number): MeasuredFigure => ({
    what: 'faults',
    value,
    unit: '',
    bar: { atMost: 0 },
  });
  assert.equal(compareRounds([round([faults(0)], [faults(0)])], 0.05)[0]?.verdict, 'same');
  assert.equal(compareRounds([round([faults(0)], [faults(2)])], 0.05)[0]?.verdict, 'slower');
});

test('a figure of one side, and one without a bar, are shown and not judged', () => {
  const peak = (value: number): MeasuredFigure => ({ what: 'peak', value, unit: 'MiB' });
  const comparisons = compareRounds(
    [round([peak(100)], [peak(200), latency(5)]), round([peak(100)], [peak(200), latency(5)])],
    0.05,
  );
  assert.deepEqual(
    comparisons.map(({ what, base, current, ratio, verdict }) => [
      what,
      base,
      current,
      ratio,
      verdict,
    ]),
    [
      ['peak', 100, 200, 2, 'not judged'],
      ['list', undefined, 5, undefined, 'not judged'],
    ],
  );
});

test('the table names both commits and every ratio', () => {
  const busy = (value: number, cpuMs: number): MeasuredFigure => ({ ...latency(value), cpuMs });
  const rounds = [round([busy(10, 40)], [busy(12, 30)]), round([busy(10, 60)], [busy(12, 50)])];
  const text = comparisonTable(compareRounds(rounds, 0.05), {
    base: '907604e',
    current: 'this checkout',
  });
  assert.equal(
    text,
    [
      '  WHAT  907604e  this checkout  RATIO    CPU',
      '  ----  -------  -------------  -------  -------  ------',
      '  list  10.0 ms  12.0 ms        1.200 x  0.800 x  SLOWER',
    ].join('\n'),
  );
});

test('figures are found between lines of progress, and are not found where there are none', () => {
  const printed = `${JSON.stringify({ title: 'bench', figures: [latency(1)] }, null, 2)}\n`;
  assert.deepEqual(figuresIn(`  ✓ control plane stopped\n${printed}  ✓ deleted\n`), [latency(1)]);
  assert.equal(figuresIn('error: unknown choice\n'), undefined);
  assert.equal(figuresIn('{\n"figures": 1\n}\n'), undefined);
});

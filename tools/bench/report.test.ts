import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Figure } from './report.ts';
import { figureTable, figuresAsJson, holds, judgedValue } from './report.ts';

const list: Figure = {
  what: 'list',
  value: 24,
  unit: 'ms',
  yardstick: { what: 'bare node:http', value: 3 },
  bar: { atMost: 8 },
};

test('a bar is for the share of the yardstick, so a machine of half the speed keeps it', () => {
  assert.equal(judgedValue(list), 8);
  assert.ok(holds(list));
  assert.ok(holds({ ...list, value: 48, yardstick: { what: 'bare node:http', value: 6 } }));
  assert.ok(!holds({ ...list, value: 25 }));
  const rate: Figure = {
    what: 'builds',
    value: 100,
    unit: 'servers/s',
    yardstick: { what: 'SQLite', value: 5000, unit: 'transactions/s' },
    bar: { atLeast: 0.02 },
  };
  assert.ok(holds(rate));
  assert.ok(!holds({ ...rate, value: 99 }));
});

test('a bar without a yardstick is for the value, and no bar is no promise', () => {
  assert.ok(!holds({ what: 'faults', value: 1, unit: '', bar: { atMost: 0 } }));
  assert.ok(holds({ what: 'peak', value: 1e9, unit: 'MiB' }));
});

test('the table shows the absolute figure, its yardstick, the share and the bar', () => {
  assert.equal(
    figureTable([list, { what: 'faults', value: 0, unit: '', bar: { atMost: 0 } }]),
    [
      '  WHAT    MEASURED  YARDSTICK                SHARE   BAR         STOCK',
      '  ------  --------  -----------------------  ------  ---  -----  -----',
      '  list    24.0 ms   3.00 ms: bare node:http  8.00 x  ≤ 8  holds',
      '  faults  0.00                                       ≤ 0  holds',
    ].join('\n'),
  );
});

test('the JSON has the share and whether the bar holds', () => {
  assert.deepEqual(JSON.parse(figuresAsJson('bench', [list])), {
    title: 'bench',
    figures: [{ ...list, share: 8, holds: true }],
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import { createLog } from './log.ts';
import { createTroubleLog } from './trouble-log.ts';

test('a trouble that lasts is logged once, a new reason again, its end once', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', destination: { write: (line) => void lines.push(line) } });
  const troubles = createTroubleLog(log);
  const broken = fault('unavailable', 'no answer');
  for (let time = 0; time < 5; time += 1) troubles.note('report', broken, 'host not reported');
  troubles.note('list', undefined, 'not listed');
  troubles.note('report', fault('unavailable', 'refused'), 'host not reported');
  for (let time = 0; time < 2; time += 1) troubles.note('report', undefined, 'host not reported');
  assert.deepEqual(
    lines
      .map((line) => JSON.parse(line) as { msg: string; why: string })
      .map(({ msg, why }) => [msg, why]),
    [
      ['host not reported', 'no answer'],
      ['host not reported', 'refused'],
      ['over: host not reported', 'refused'],
    ],
  );
});

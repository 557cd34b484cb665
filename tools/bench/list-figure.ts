// The time of a GET of a long list, beside a bare server's time for the same answer. Used by the
// benchmarks of the control plane and of the network.
import type { Json } from '#contracts/common/json.ts';
import type { BenchCloud } from './cloud.ts';
import type { Answer, Call } from './load.ts';
import { createLoad } from './load.ts';
import type { Figure, Yardstick } from './report.ts';
import { median } from './report.ts';
import type { BareServer } from './yardsticks.ts';

export interface MeasuredList {
  what: string;
  path: string;
  headers: Record<string, string>;
  /** The field of the answer that holds the list. */
  field: string;
  /** The number of items that the list must have. */
  expected: number;
  /** Number of calls: before the measurement, measured, and of the bare server. */
  calls: { warmUp: number; measured: number; bare: number };
  concurrency: number;
  atMost: number;
  stock: string;
}

export async function listFigure(
  cloud: BenchCloud,
  bare: BareServer,
  list: MeasuredList,
): Promise<Figure> {
  const { warmUp, measured } = list.calls;
  await timeList(cloud, list, warmUp);
  return {
    what: list.what,
    value: await timeList(cloud, list, measured),
    unit: 'ms',
    yardstick: await bareList(cloud, bare, list),
    bar: { atMost: list.atMost },
    stock: list.stock,
  };
}

/** Median time of `count` calls, ms. Throws if the list does not have the expected length. */
export async function timeList(
  { port }: BenchCloud,
  list: MeasuredList,
  count: number,
): Promise<number> {
  const load = createLoad(port, list.concurrency);
  const { latenciesMs, answers } = await load.run(count, () => callOf(list), 200);
  load.close();
  listedIn(answers[0], list);
  return median(latenciesMs);
}

/** A bare server's time for the same answer. */
export async function bareList(
  { port }: BenchCloud,
  bare: BareServer,
  list: MeasuredList,
): Promise<Yardstick> {
  const load = createLoad(port, 1);
  const answer = listedIn(await load.send(callOf(list)), list);
  load.close();
  const { concurrency, calls } = list;
  const { p50Ms } = await bare.requests(answer, { count: calls.bare, concurrency });
  return { what: 'bare node:http, same answer', value: p50Ms };
}

const callOf = ({ path, headers }: MeasuredList): Call => ({ method: 'GET', path, headers });

function listedIn(answer: Answer | undefined, list: MeasuredList): Record<string, Json[]> {
  const lists = JSON.parse(answer?.body.toString() ?? '{}') as Record<string, Json[]>;
  const found = lists[list.field]?.length ?? 0;
  if (found !== list.expected)
    throw new Error(`${found} ${list.field} were listed, ${list.expected} were expected`);
  return lists;
}

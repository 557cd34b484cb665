// `cobalt bench control --against REF`: the clouds of both commits run at the same time, and this
// checkout's load generator uses them in turns, in slices of less than a second. Two whole runs one
// after the other would differ by 20 % on machines whose speed changes from minute to minute.
import type { BenchCloud, Checkout } from './cloud.ts';
import { startBenchCloud } from './cloud.ts';
import type { Round, Side } from './compare.ts';
import { runOrder } from './compare.ts';
import type { ControlCloud } from './control-figures.ts';
import { controlParts, peakMemory, prepareControl, simulatedHosts } from './control-figures.ts';
import { cpuMs, untilIdle } from './yardsticks.ts';

/**
 * Measures the figures of both clouds in turns; each is measured `rounds` times as often as in a
 * single run.
 */
export async function controlSideBySide(
  checkouts: Readonly<Record<Side, Checkout>>,
  rounds: number,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<Round[]> {
  const open: BenchCloud[] = [];
  const start = async (side: Side): Promise<ControlCloud> => {
    signal.throwIfAborted();
    const cloud = await startBenchCloud({ hosts: 0, simulated: simulatedHosts }, checkouts[side]);
    open.push(cloud);
    await untilIdle(await cloud.pids());
    return await prepareControl(cloud, simulatedHosts);
  };
  try {
    say('starting a cloud of each commit');
    const clouds = { base: await start('base'), current: await start('current') };
    const measured: Round[] = [];
    for (const { name, prepare, figures, clean } of controlParts) {
      say(name);
      for (const cloud of Object.values(clouds)) await prepare?.(cloud);
      for (const { what, unit, bar, slices, measure } of figures)
        for (const order of runOrder(slices * rounds)) {
          const round: Round = { base: [], current: [] };
          for (const side of order) {
            signal.throwIfAborted();
            const pids = await clouds[side].pids();
            const before = await cpuMs(pids);
            const value = await measure(clouds[side]);
            round[side] = [{ what, unit, bar, value, cpuMs: (await cpuMs(pids)) - before }];
          }
          measured.push(round);
        }
      for (const cloud of Object.values(clouds)) await clean?.(cloud);
    }
    const [base, current] = [await peakMemory(clouds.base), await peakMemory(clouds.current)];
    return [...measured, { base: [base], current: [current] }];
  } finally {
    for (const cloud of open) await cloud.close();
  }
}

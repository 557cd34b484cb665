// `cobalt bench control`: the control plane alone, 100 simulated hosts, SQLite, one process, the
// load over HTTP sockets from another.
import { startBenchCloud } from './cloud.ts';
import type { ControlCloud, ControlPart } from './control-figures.ts';
import { controlParts, peakMemory, prepareControl, simulatedHosts } from './control-figures.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';
import type { BareServer } from './yardsticks.ts';
import { startBareServer, untilIdle } from './yardsticks.ts';

export async function benchControl(say: (text: string) => void): Promise<Figure[]> {
  const cloud = await startBenchCloud({ hosts: 0, simulated: simulatedHosts });
  say('waiting until the new hosts are taken in');
  await untilIdle(cloud.pid);
  const bare = await startBareServer();
  try {
    const prepared = await prepareControl(cloud);
    const figures: Figure[] = [];
    for (const part of controlParts) {
      say(part.name);
      figures.push(...(await runPart(part, prepared, bare)));
    }
    return [...figures, await peakMemory(cloud)];
  } finally {
    await bare.close();
    await cloud.close();
  }
}

async function runPart(
  { prepare, figures, clean }: ControlPart,
  cloud: ControlCloud,
  bare: BareServer,
): Promise<Figure[]> {
  await prepare?.(cloud);
  const measured: Figure[] = [];
  for (const { what, unit, slices, measure, yardstick, bar, stock } of figures) {
    const values: number[] = [];
    while (values.length < slices) values.push(await measure(cloud));
    const beside = await yardstick(bare, cloud);
    measured.push({ what, value: median(values), unit, yardstick: beside, bar, stock });
  }
  await clean?.(cloud);
  return measured;
}

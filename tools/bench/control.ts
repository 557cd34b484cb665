// `cobalt bench control`: the control plane alone, over simulated hosts; the load comes from
// another process over HTTP sockets. One process on SQLite, or (--distributed) roles over MariaDB
// and RabbitMQ.
import { startBenchCloud } from './cloud.ts';
import type { ControlCloud, ControlPart } from './control-figures.ts';
import {
  controlParts,
  creationUnit,
  peakMemory,
  prepareControl,
  simulatedHosts,
} from './control-figures.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';
import type { BareServer } from './yardsticks.ts';
import { startBareServer, untilIdle } from './yardsticks.ts';

export interface ControlOptions {
  /** Number of simulated hosts. */
  hosts?: number;
  distributed?: boolean;
}

export async function benchControl(
  say: (text: string) => void,
  { hosts = simulatedHosts, distributed = false }: ControlOptions = {},
): Promise<Figure[]> {
  say(`starting a cloud of ${hosts} simulated hosts`);
  const cloud = await startBenchCloud({ hosts: 0, simulated: hosts, distributed });
  say('waiting until the new hosts are taken in');
  await untilIdle(await cloud.pids());
  const bare = await startBareServer();
  try {
    const prepared = await prepareControl(cloud, hosts);
    const figures: Figure[] = [];
    for (const part of controlParts) {
      say(part.name);
      const measured = await runPart(part, prepared, bare);
      figures.push(...(distributed ? measured.map(withoutEmbeddedBar) : measured));
    }
    return [...figures, await peakMemory(cloud)];
  } finally {
    await bare.close();
    await cloud.close();
  }
}

/** Bars are defined for the embedded cloud; of a distributed one only server creation has a bar. */
function withoutEmbeddedBar({ bar, ...figure }: Figure): Figure {
  return figure.unit === creationUnit && bar ? { ...figure, bar } : figure;
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

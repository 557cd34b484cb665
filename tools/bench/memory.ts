// `cobalt bench memory`: memory of the idle embedded control plane and its agents, with two real
// hosts.
import { startBenchCloud } from './cloud.ts';
import type { Figure } from './report.ts';
import { residentMb, startBareServer } from './yardsticks.ts';

const idleMs = 30_000;

export async function benchMemory(say: (text: string) => void): Promise<Figure[]> {
  const cloud = await startBenchCloud({ hosts: 2, simulated: 0 });
  const bare = await startBareServer();
  try {
    say(`idle for ${idleMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    return [
      {
        what: 'resident memory, idle, two hosts',
        value: await residentMb(cloud.pid),
        unit: 'MB',
        yardstick: { what: 'bare node:http', value: await bare.residentMb() },
        bar: { atMost: 3.2 },
        stock: '3,900 MB in 44 processes',
      },
    ];
  } finally {
    await bare.close();
    await cloud.close();
  }
}

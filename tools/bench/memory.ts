// `cobalt bench memory`: what the embedded control plane and its agents hold in memory, idle, with
// two real hosts.
import { readFile } from 'node:fs/promises';
import { startBenchCloud } from './cloud.ts';
import type { Figure } from './report.ts';

const idleMs = 30_000;

export async function benchMemory(say: (text: string) => void): Promise<Figure[]> {
  const cloud = await startBenchCloud({ hosts: 2, simulated: 0 });
  try {
    say(`idle for ${idleMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    const text = await readFile(`/proc/${cloud.pid}/status`, 'utf8');
    const resident = (Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) * 1024) / 1e6;
    return [
      {
        what: 'resident memory, idle, two hosts',
        value: resident,
        unit: 'MB',
        bar: { atMost: 250 },
        stock: '3,900 MB in 44 processes',
      },
    ];
  } finally {
    await cloud.close();
  }
}

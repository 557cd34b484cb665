// The record of a distributed cloud's processes on this machine: written by the process that keeps
// them, read by `cobalt status`.
import { readFile } from 'node:fs/promises';
import type { Home } from './home.ts';
import { writeWhole } from './home.ts';

export interface ProcessState {
  /** e.g. 'nova-api-2', 'rabbitmq'. */
  name: string;
  /** null: it has ended and is being started again. */
  pid: number | null;
  /** It serves: so say its own checks. */
  ready: boolean;
  /** How often it was started again. */
  restarts: number;
}

export const writeProcessTable = async (
  { processTable }: Home,
  states: readonly ProcessState[],
): Promise<void> => await writeWhole(processTable, `${JSON.stringify(states)}\n`, 0o600);

/** Of the last life; empty: the cloud is one process. */
export async function readProcessTable({ processTable }: Home): Promise<ProcessState[]> {
  const text = await readFile(processTable, 'utf8').catch(() => '[]');
  return JSON.parse(text) as ProcessState[]; // written above, whole
}

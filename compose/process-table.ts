// The record of a distributed cloud's processes on this machine: written by the process that
// supervises them, read by `cobalt status`.
import { readFile } from 'node:fs/promises';
import type { Home } from './home.ts';
import { writeWhole } from './home.ts';

export interface ProcessState {
  /** E.g. 'nova-api-2', 'rabbitmq'. */
  name: string;
  /** Its pid; null while it has ended and is being restarted. */
  pid: number | null;
  /** Its readiness check succeeds. */
  ready: boolean;
  /** How often it was restarted. */
  restarts: number;
}

export const writeProcessTable = async (
  { processTable }: Home,
  states: readonly ProcessState[],
): Promise<void> => await writeWhole(processTable, `${JSON.stringify(states)}\n`, 0o600);

/** The last record; empty for an embedded cloud, which is a single process. */
export async function readProcessTable({ processTable }: Home): Promise<ProcessState[]> {
  const text = await readFile(processTable, 'utf8').catch(() => '[]');
  return JSON.parse(text) as ProcessState[]; // written above, atomically
}

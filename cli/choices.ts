// The options of `cobalt up`, stored in the state folder, so that a plain `up` starts the same
// cloud again, on the same port.
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeWhole } from '#compose/home.ts';
import type { AccelerationSetting } from '#hosts/local/probe-acceleration.ts';
import { UserError } from './user-error.ts';

export interface Choices {
  port: number;
  hosts: number;
  simulated: number;
  acceleration?: AccelerationSetting;
  /** Whether each role runs in processes of its own. */
  distributed: boolean;
}

export const defaultChoices: Choices = { port: 8780, hosts: 2, simulated: 0, distributed: false };

/** The options of the last `up` in this state folder, with defaults for the rest. */
export async function readChoices(file: string): Promise<Choices> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw new UserError(`${file} cannot be read: ${error.message}`);
  });
  try {
    return { ...defaultChoices, ...(JSON.parse(text) as Partial<Choices>) }; // written below
  } catch {
    throw new UserError(`${file} is damaged. Delete it, and tell \`cobalt up\` its options again.`);
  }
}

export async function keepChoices(
  file: string,
  { port, hosts, simulated, acceleration, distributed }: Choices,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeWhole(
    file,
    `${JSON.stringify({ port, hosts, simulated, acceleration, distributed })}\n`,
    0o600,
  );
}

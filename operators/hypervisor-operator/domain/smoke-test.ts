// What comes next in the test of a new host: a machine of its own is built there, boots, and says
// its name on its console. Pure.
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';

export interface SmokeTest {
  /** Machines that have failed so far, and why the last one did. */
  failures: number;
  lastTrouble: string;
  /** When the current machine was asked for; 0: there is none. */
  sinceMs: number;
}

export const noTest: SmokeTest = { failures: 0, lastTrouble: '', sinceMs: 0 };

export type Next =
  | { do: 'create' }
  | { do: 'wait'; for: string }
  | { do: 'readConsole' }
  /** The machine failed: it is deleted, and another one is tried. */
  | { do: 'failed'; why: string };

export interface SmokeLimits {
  attempts: number;
  timeoutMs: number;
}

export function nextOfTest(
  server: FleetServer | undefined,
  { sinceMs }: SmokeTest,
  { timeoutMs }: SmokeLimits,
  nowMs: number,
): Next {
  if (!server) return { do: 'create' };
  if (server.status === 'ERROR')
    return { do: 'failed', why: server.fault?.message ?? 'the machine is in error' };
  if (sinceMs > 0 && nowMs - sinceMs > timeoutMs)
    return {
      do: 'failed',
      why: `the machine is in status ${server.status} and has not said its name within ${timeoutMs / 1000} s`,
    };
  return server.status === 'ACTIVE'
    ? { do: 'readConsole' }
    : { do: 'wait', for: `the machine is in status ${server.status}` };
}

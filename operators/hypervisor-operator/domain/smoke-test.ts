// The next step in the test of a new host: a test server is built there, boots, and prints its name
// on its console. Pure.
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';

export interface SmokeTest {
  /** Number of test servers that have failed. */
  failures: number;
  /** Why the last of them failed; '': none has. */
  lastTrouble: string;
  /** When the current test server was requested; 0: none. */
  sinceMs: number;
}

export const noTest: SmokeTest = { failures: 0, lastTrouble: '', sinceMs: 0 };

export type Next =
  | { do: 'create' }
  | { do: 'wait'; for: string }
  | { do: 'readConsole' }
  /** The test server failed: it is deleted, and another one is tried. */
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

// Dependencies shared by the local parts of a cloud: filer, network and hosts.
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';

export interface LocalDeps {
  /** The cloud's state folder; namespaces are named after its canonical path. */
  stateDir: string;
  log: Log;
  clock: Clock;
}

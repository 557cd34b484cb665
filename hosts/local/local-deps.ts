// What every part of an embedded cloud's hosts takes: filer, network and the hosts themselves.
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';

export interface LocalDeps {
  /** Of the cloud; namespaces are named after its canonical path. */
  stateDir: string;
  log: Log;
  clock: Clock;
}

// Dependencies of the API server's modules, provided by compose.
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { AccountTokens } from './account-tokens.ts';
import type { Registry } from './registry.ts';

export interface KubeDeps {
  store: ObjectStore;
  registry: Registry;
  tokens: AccountTokens;
  clock: Clock;
  ids: Ids;
  log: Log;
}

// What every role of Cinder, Neutron and Nova needs: a database, and clients for other services.
// Created by compose.
import type { Bus } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { Database } from '#platform/db/database.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { ServiceSession } from './auth/service-session.ts';
import type { HttpClient } from './http/client.ts';

export interface ServiceDeps<Tables, Config> {
  database: Database<Tables>;
  bus: Bus;
  http: HttpClient;
  /** The service's own user, for calls that are not on behalf of another user. */
  session: ServiceSession;
  clock: Clock;
  ids: Ids;
  log: Log;
  config: Config;
}

// What a control-plane service is to the house: data. A role is a pick of these; docs, metrics and
// coverage tests read them.
import type { RpcServer } from '#platform/bus/bus.ts';
import type { Migration } from '#platform/db/migrate.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { HttpFace } from './http/route.ts';

export interface Service {
  name: string;
  http: HttpFace;
  /** Topics this service serves on the bus. */
  rpc: readonly RpcServer[];
  tasks: readonly Task[];
  sagas: readonly AnySaga[];
  migrations: readonly Migration[];
}

// What a role of a service is: data. compose/ makes the roles of a process and runs what they list;
// docs, metrics and coverage tests read them.
import type { RpcServer } from '#platform/bus/bus.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { TokenValidator } from './auth/context.ts';
import type { HttpFace } from './http/route.ts';

export interface Role {
  /** As `cobalt serve` and metrics name it, e.g. `nova-conductor`. */
  name: string;
  http: readonly HttpFace[];
  /** Topics this role serves on the bus. */
  rpc: readonly RpcServer[];
  tasks: readonly Task[];
  /** Carried out by the processes of this role, from the journal in the service's database. */
  sagas: readonly AnySaga[];
  /** Of a role that validates tokens itself; the others of its process use it. */
  tokens?: TokenValidator;
  /** Takes up nothing more and resolves when what was at work has ended. */
  close?(): Promise<void>;
}

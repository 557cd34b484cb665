// A role of a service as data. compose/ creates the roles of a process and runs everything they
// list; docs, metrics and coverage tests are derived from the lists.
import type { RpcServer } from '#platform/bus/bus.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { TokenValidator } from './auth/context.ts';
import type { HttpFace } from './http/route.ts';

export interface Role {
  /** The role's name for `cobalt serve` and metrics, e.g. `nova-conductor`. */
  name: string;
  /** HTTP APIs that this role serves. */
  http: readonly HttpFace[];
  /** Topics that this role serves on the bus. */
  rpc: readonly RpcServer[];
  /** Periodic background tasks. */
  tasks: readonly Task[];
  /** Executed by the processes of this role, from the journal in the service's database. */
  sagas: readonly AnySaga[];
  /** Set by a role that validates tokens itself (Keystone); other roles in its process use it. */
  tokens?: TokenValidator;
  /** Stops accepting work; resolves when work in progress has ended. */
  close?(): Promise<void>;
}

// What a server action is to the API: one row of table.ts. The key is the one member of the body of
// POST /servers/{id}/action.
import type { FaultKind, Outcome } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { ServerAction } from '#contracts/nova/operations.ts';
import type { VmState } from '#contracts/nova/server-states.ts';
import type { ApiRequest, BodySchema, Reply } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import type { Server } from '../../store/servers.ts';
import type { PolicyDefault } from '../policy-rules.ts';

export interface ServerActionRow {
  key: string;
  /**
   * The policy with its default rule, which policies.ts adds to Nova's. null: anybody with a token
   * may do it.
   */
  policy: PolicyDefault | null;
  /**
   * The state changes (`beginChange`) that the action can start, each with the vm_states in which
   * it is allowed: compute API reference, "Servers - run an action".
   */
  begins?: BeginStates;
  /**
   * Schema of the value under the key. undefined: any value is accepted, since stock clients send
   * null or {}.
   */
  schema?: BodySchema;
  since?: number;
  until?: number;
  faults: readonly FaultKind[];
  handler(
    deps: NovaDeps,
    request: ApiRequest,
    server: Server,
    value: Json,
  ): Promise<Outcome<Reply>>;
}

export type BeginStates = Readonly<Partial<Record<ServerAction, readonly VmState[]>>>;

export const accepted: Reply = { status: 202 };

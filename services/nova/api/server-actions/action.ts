// What a server action is to the API: one row of table.ts. The key is the one member of the body of
// POST /servers/{id}/action.
import type { TSchema } from 'typebox';
import type { FaultKind, Outcome } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { ApiRequest, Reply } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import type { Server } from '../../store/servers.ts';

export interface ServerActionRow {
  key: string;
  /** null: for everybody who has a token. */
  policy: string | null;
  /** Of the value under the key; without it anything goes, as stock clients send null or {}. */
  schema?: TSchema;
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

export const accepted: Reply = { status: 202 };

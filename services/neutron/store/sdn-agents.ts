// Heartbeats of agents, from OVN or by report. Used by the role neutron-ovn-writer (ovn/) alone.
import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { isUniqueViolation } from '#platform/db/errors.ts';
import type { NeutronTables } from './tables.ts';

export interface AgentReport {
  readonly type: 'OVN Controller agent' | 'OVN Controller Gateway agent' | 'OVN Metadata agent';
  readonly binary: 'ovn-controller' | 'neutron-ovn-metadata-agent';
  readonly host: string;
  readonly zone: string;
  readonly configurations: object;
  readonly startedAtMs: number | null;
}

/**
 * Records a heartbeat at `nowMs`; inserts the agent at its first. What operators set is kept. An
 * agent that starts undeletes and enables the agents of its host that were deleted before that
 * start. OVN does not tell when an ovn-controller started, so that it returns with another agent of
 * its host.
 */
export async function noteAgent(
  db: Kysely<NeutronTables>,
  agent: AgentReport,
  nowMs: number,
): Promise<void> {
  const id = agentId(agent);
  if (agent.startedAtMs !== null) {
    await db
      .updateTable('agents')
      .set({ deleted_at_ms: null, admin_state_up: 1 })
      .where('host', '=', agent.host)
      .where('deleted_at_ms', '<', agent.startedAtMs)
      .execute();
  }
  const columns = {
    agent_type: agent.type,
    availability_zone: agent.zone,
    configurations_json: JSON.stringify(agent.configurations),
    heartbeat_at_ms: nowMs,
    ...(agent.startedAtMs === null ? {} : { started_at_ms: agent.startedAtMs }),
  };
  const update = async (): Promise<boolean> => {
    const result = await db
      .updateTable('agents')
      .set(columns)
      .where('id', '=', id)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  };
  if (await update()) return;
  await db
    .insertInto('agents')
    .values({
      id,
      binary: agent.binary,
      host: agent.host,
      topic: 'n/a',
      description: null,
      admin_state_up: 1,
      created_at_ms: nowMs,
      started_at_ms: nowMs,
      deleted_at_ms: null,
      ...columns,
    })
    .execute()
    .catch(async (error: unknown) => {
      // another process inserted it at the same moment
      if (!isUniqueViolation(error) || !(await update())) throw error;
    });
}

/** Hosts whose ovn-controller agent an operator has deleted. */
export async function removedControllers(db: Kysely<NeutronTables>): Promise<Set<string>> {
  const rows = await db
    .selectFrom('agents')
    .select('host')
    .where('binary', '=', 'ovn-controller')
    .where('deleted_at_ms', 'is not', null)
    .execute();
  return new Set(rows.map(({ host }) => host));
}

/** A UUID derived from binary and host, so that every process computes the same one. */
function agentId({ binary, host }: AgentReport): string {
  const hex = createHash('sha1').update(`${binary} ${host}`).digest('hex');
  // in the form of a version 5 UUID
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

// Agents for the API. Their heartbeats are written by sdn-agents.ts.
import type { AgentRow } from './tables.ts';
import type { NeutronDb } from './write.ts';

export async function listAgents(db: NeutronDb): Promise<AgentRow[]> {
  return await db
    .selectFrom('agents')
    .selectAll()
    .where('deleted_at_ms', 'is', null)
    .orderBy('agent_type')
    .orderBy('host')
    .execute();
}

export async function findAgent(db: NeutronDb, id: string): Promise<AgentRow | undefined> {
  return await db
    .selectFrom('agents')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at_ms', 'is', null)
    .executeTakeFirst();
}

export async function changeAgent(
  db: NeutronDb,
  id: string,
  changes: Pick<AgentRow, 'admin_state_up' | 'description'>,
): Promise<void> {
  await db.updateTable('agents').set(changes).where('id', '=', id).execute();
}

/** Hides the agent until an agent of its host is started again: see `noteAgent`. */
export async function deleteAgent(db: NeutronDb, id: string, nowMs: number): Promise<void> {
  await db.updateTable('agents').set({ deleted_at_ms: nowMs }).where('id', '=', id).execute();
}

/**
 * No new ports are bound to a host whose heartbeat is older: three checks of 10 s, and some slack.
 */
const silentMs = 45_000;

/**
 * Whether ports may be bound to this host: its ovn-controller is alive. If no ovn-controller of the
 * cloud is, OVN itself is probably unreachable (or not there yet), and every host is accepted.
 */
export async function mayBind(db: NeutronDb, host: string, nowMs: number): Promise<boolean> {
  if (host === '') return true;
  const alive = db
    .selectFrom('agents')
    .select('host')
    .where('binary', '=', 'ovn-controller')
    .where('heartbeat_at_ms', '>', nowMs - silentMs)
    // one that an operator deleted does not count, even while it still runs
    .where('deleted_at_ms', 'is', null)
    .limit(1);
  return (
    (await alive.where('host', '=', host).executeTakeFirst()) !== undefined ||
    (await alive.executeTakeFirst()) === undefined
  );
}

// The network and router that "get me a network" created for a project.
import type { NeutronTables } from './tables.ts';
import type { NeutronDb, NeutronTrx } from './write.ts';

export type AutoTopology = NeutronTables['auto_topologies'];

export async function topologyOf(
  db: NeutronDb,
  projectId: string,
): Promise<AutoTopology | undefined> {
  return await db
    .selectFrom('auto_topologies')
    .selectAll()
    .where('project_id', '=', projectId)
    .executeTakeFirst();
}

export async function keepTopology(trx: NeutronTrx, topology: AutoTopology): Promise<void> {
  await trx.insertInto('auto_topologies').values(topology).execute();
}

export async function forgetTopology(trx: NeutronTrx, projectId: string): Promise<void> {
  await trx.deleteFrom('auto_topologies').where('project_id', '=', projectId).execute();
}

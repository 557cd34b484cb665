// Typed access to Nova's sagas, which are named in contracts/nova/operations.ts: the API enqueues
// them, the conductor defines their steps.
import type { NovaOperations } from '#contracts/nova/operations.ts';
import type { AnySaga, SagaDefinition } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import type { NovaDeps } from './deps.ts';
import type { NovaDb } from './store/servers.ts';

/** Adds the operation to the journal in the caller's transaction. Returns the saga's id. */
export async function enqueueOperation<N extends keyof NovaOperations>(
  { sagas, ids }: Pick<NovaDeps, 'sagas' | 'ids'>,
  trx: NovaDb,
  operation: { name: N; lockKey: string; input: NovaOperations[N]; requestId: string },
): Promise<string> {
  const id = ids.uuid();
  await sagas.enqueue(trx, { id, ...operation });
  return id;
}

/** Defines the saga of an operation, with its input typed by the contract. */
export const defineOperation = <N extends keyof NovaOperations, State = Record<string, never>>(
  definition: SagaDefinition<NovaOperations[N], State> & { name: N },
): AnySaga => saga<NovaOperations[N], State>(definition);

// Long operations with the types of contracts/nova/operations.ts: the API enqueues them, the
// conductor defines their steps.
import type { NovaOperations } from '#contracts/nova/operations.ts';
import type { AnySaga, SagaDefinition } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import type { NovaDeps } from './deps.ts';
import type { NovaDb } from './store/servers.ts';

/** Journals the operation within the caller's transaction. Answers its saga's id. */
export async function enqueueOperation<N extends keyof NovaOperations>(
  { sagas, ids }: Pick<NovaDeps, 'sagas' | 'ids'>,
  trx: NovaDb,
  operation: { name: N; lockKey: string; input: NovaOperations[N]; requestId: string },
): Promise<string> {
  const id = ids.uuid();
  await sagas.enqueue(trx, { id, ...operation });
  return id;
}

/** The steps of an operation. */
export const defineOperation = <N extends keyof NovaOperations, State = Record<string, never>>(
  definition: SagaDefinition<NovaOperations[N], State> & { name: N },
): AnySaga => saga<NovaOperations[N], State>(definition);

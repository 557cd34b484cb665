// Packs the steps of a plan into transactions, and executes them one after the other.
import type { OvsdbClient } from './client.ts';
import type { Operation } from './operations.ts';
import { operationsOf } from './operations.ts';
import type { Step } from './plan.ts';
import type { Link } from './row-index.ts';
import type { DatabaseSchema, RowPatch, Uuid } from './schema.ts';

const defaultMaxSteps = 1_000;

/**
 * Packs steps into transactions. Combines steps of one kind, and their links: a thousand ports of
 * one switch become a single mutation of its row.
 */
export function transactionsOf(
  schema: DatabaseSchema,
  steps: readonly Step[],
  maxSteps = defaultMaxSteps,
): Operation<unknown>[][] {
  const transactions: Operation<unknown>[][] = [];
  for (let at = 0; at < steps.length; at += maxSteps)
    transactions.push(operationsFor(schema, steps.slice(at, at + maxSteps)));
  return transactions;
}

/**
 * Executes a plan. Rejects as `transact` does; transactions before the failed one remain committed.
 * It is always safe to plan again from the actual rows, since rows are found by their keys and
 * inserted with UUIDs derived from those. `lock`: each transaction is refused ("not owner") unless
 * this client holds this lock.
 */
export async function carryOut<S extends DatabaseSchema>(
  client: OvsdbClient<S>,
  schema: S,
  steps: readonly Step[],
  options: { maxSteps?: number; comment?: string; timeoutMs?: number; lock?: string } = {},
): Promise<void> {
  const op = operationsOf(schema);
  const owned = options.lock === undefined ? [] : [op.assert(options.lock)];
  const comment = op.comment(options.comment ?? 'cobaltcore: rows as desired');
  for (const operations of transactionsOf(schema, steps, options.maxSteps)) {
    await client.transact(
      [...owned, ...operations, comment],
      options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs },
    );
  }
}

function operationsFor(schema: DatabaseSchema, steps: readonly Step[]): Operation<unknown>[] {
  const op = operationsOf(schema);
  const rows = steps.flatMap((step): Operation<unknown>[] => {
    const itself = [['_uuid', '==', step.uuid]] as const;
    const columns =
      // Typed by DesiredRow; the encoder checks the values again.
      step.kind === 'delete' ? {} : (step.columns as RowPatch<DatabaseSchema, string>);
    switch (step.kind) {
      case 'insert':
        return [op.insert(step.table, columns, { uuid: step.uuid })];
      case 'update':
        return Object.keys(columns).length > 0 ? [op.update(step.table, itself, columns)] : [];
      case 'delete':
        // Rows of other tables are removed with their last reference.
        return step.isRoot ? [op.delete(step.table, itself)] : [];
    }
  });
  const links = (list: readonly Link[], mutator: 'insert' | 'delete') =>
    gathered(list).map(({ table, uuid, column, children }) =>
      op.mutate(table, [['_uuid', '==', uuid]], [[column, mutator, children]]),
    );
  return [
    ...rows,
    ...links(
      steps.flatMap((step) => step.attach),
      'insert',
    ),
    ...links(
      steps.flatMap((step) => step.detach),
      'delete',
    ),
  ];
}

function gathered(
  links: readonly Link[],
): { table: string; uuid: Uuid; column: string; children: Uuid[] }[] {
  const byParent = new Map<
    string,
    { table: string; uuid: Uuid; column: string; children: Uuid[] }
  >();
  for (const { table, uuid, column, child } of links) {
    const name = `${uuid}.${column}`;
    const group = byParent.get(name);
    if (group) group.children.push(child);
    else byParent.set(name, { table, uuid, column, children: [child] });
  }
  return [...byParent.values()];
}

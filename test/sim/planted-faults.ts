// Faults that are planted into a simulated cloud from outside: each makes a process behave as if it
// were the only one. For planted-faults.test.ts, which proves that simulations find them.
import type { InsertQueryNode, KyselyPlugin, RootOperationNode, ValuesNode } from 'kysely';
import { ValueNode } from 'kysely';
import type { DatabaseName } from '#compose/state-files.ts';
import type { Database } from '#platform/db/database.ts';
import { withoutFence } from '#platform/fence.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { Sdn, SdnListeners } from '#ports/sdn.ts';
import type { SimControlOptions } from './sim-control.ts';
import type { SimProcess } from './sim-process.ts';

export const plantedFaults = {
  'saga order from a clock': () => ({ wrapDatabase: changed(orderByClock) }),
  'writes after its lease': () => ({ wrapSagas: unfenced }),
  'task in two processes': () => ({ wrapDatabase: changed(leaseOfItsOwn) }),
  'two network writers': () => ({ wrapSdn: everybodyWrites() }),
} satisfies Record<string, () => Partial<SimControlOptions>>;
export type PlantedFault = keyof typeof plantedFaults;

type Change = (node: RootOperationNode, process: SimProcess) => RootOperationNode;

function changed(change: Change): NonNullable<SimControlOptions['wrapDatabase']> {
  return <T>(database: Database<T>, _name: DatabaseName, process: SimProcess): Database<T> => {
    const plugin: KyselyPlugin = {
      transformQuery: ({ node }) => change(node, process),
      transformResult: async ({ result }) => result,
    };
    return { ...database, db: database.db.withPlugin(plugin) };
  };
}

/** Orders a key's sagas by the clock of the process that began them, instead of by the database. */
const orderByClock: Change = (node, process) => {
  if (node.kind !== 'InsertQueryNode') return node;
  const { into, columns, values } = node as InsertQueryNode;
  if (into?.table.identifier.name !== 'sagas' || values === undefined) return node;
  const at = columns?.findIndex(({ column }) => column.name === 'seq') ?? -1;
  const seq = ValueNode.create(process.clock.now() * 1_000);
  const rows = (values as ValuesNode).values.map((row) => ({
    ...row,
    values: row.values.map((cell, index) => (index === at ? seq : cell)),
  }));
  return { ...node, values: { ...values, values: rows } } as RootOperationNode;
};

/** A step goes on writing after another process has taken its saga over: its fence is ignored. */
const unfenced = (sagas: readonly AnySaga[]): readonly AnySaga[] =>
  sagas.map((definition) => ({
    ...definition,
    steps: definition.steps.map((step) => ({
      ...step,
      run: async (...args) => await withoutFence(async () => await step.run(...args)),
    })),
  }));

/** Gives each process leases of its own, so that several run a task of scope `one`. */
const leaseOfItsOwn: Change = (node, process) => {
  const isOfLeases = JSON.stringify(node).includes('"name":"task_leases"');
  return isOfLeases ? (renamed(node, process.name) as RootOperationNode) : node;
};

/** The query with the process's name appended to names of tasks. */
function renamed(node: unknown, suffix: string): unknown {
  if (typeof node === 'string') return /^\w+\.[\w-]+$/.test(node) ? `${node}@${suffix}` : node;
  if (Array.isArray(node)) return node.map((each) => renamed(each, suffix));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([name, value]) => [name, renamed(value, suffix)]),
  );
}

/**
 * Makes each process believe that it holds the writers' lock, and the network accepts all its
 * writes.
 */
function everybodyWrites(): NonNullable<SimControlOptions['wrapSdn']> {
  const handles: Sdn[] = [];
  return (open) => (listeners: SdnListeners) => {
    const believe = (): void => listeners.writerChanged?.(true);
    const own = open({ ...listeners, writerChanged: believe });
    handles.push(own);
    queueMicrotask(believe);
    const writer = (): Sdn => handles.find((each) => each.isWriter()) ?? own;
    return {
      ...own,
      isWriter: () => true,
      sync: async (desired) => await writer().sync(desired),
      change: async (put, remove) => await writer().change(put, remove),
    };
  };
}

// Invariants that must hold at every moment of a simulation, whatever its processes do. They are
// observed from outside the product: between a process and its sagas, tasks, databases and network.
// Used by all simulations; planted-faults.test.ts proves that each violation is found.
import { AsyncLocalStorage } from 'node:async_hooks';
import type {
  InsertQueryNode,
  KyselyPlugin,
  PrimitiveValueListNode,
  QueryId,
  RootOperationNode,
  ValueListNode,
  ValuesNode,
} from 'kysely';
import { isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import type { Database } from '#platform/db/database.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { Sdn, SdnListeners } from '#ports/sdn.ts';
import type { SimProcess } from './sim-process.ts';

/** A saga's step or a task that one process runs. */
interface Work {
  what: string;
  process: string;
  /** Another process has taken the work over. */
  isOutdated: boolean;
}

export interface Invariants {
  /** The violations found, each once. */
  violations(): readonly string[];
  watchSagas(sagas: readonly AnySaga[], process: SimProcess): readonly AnySaga[];
  watchTasks(tasks: readonly Task[], process: SimProcess): readonly Task[];
  watchDatabase<T>(database: Database<T>, name: string): Database<T>;
  /**
   * Checks the writers to the network; shared by all processes, since one of them at a time is the
   * writer.
   */
  watchSdn(open: (listeners: SdnListeners) => Sdn): (listeners: SdnListeners) => Sdn;
  /** Runs a call to another process: what that process does is not the caller's work. */
  elsewhere<T>(call: () => T): T;
}

/** Tasks with a shorter period are not judged: the processes' clocks may differ too much. */
const leastJudgedPeriodMs = 30_000;
/** Least share of its period between two runs of a task of scope `one`. */
const leastPeriodShare = 0.8;

export function createInvariants(clock: Clock): Invariants {
  const found = new Set<string>();
  const running = new AsyncLocalStorage<Work | undefined>();
  const latest = new Map<string, Work>();
  /** A process starts the work: from now on, another process that still does it is outdated. */
  const begin = (what: string, process: string): Work => {
    const before = latest.get(what);
    if (before?.process === process) return before;
    if (before) before.isOutdated = true;
    const work = { what, process, isOutdated: false };
    latest.set(what, work);
    return work;
  };
  const writers = new Set<SdnListeners>();
  const order = createOrder(found);
  const turns = createTurns(found, clock);

  const watchSagas: Invariants['watchSagas'] = (sagas, { name }) =>
    sagas.map((definition) => {
      const inWork =
        <A extends unknown[], R>(run: (...args: A) => Promise<R>, sagaIdOf: (args: A) => string) =>
        async (...args: A): Promise<R> => {
          const sagaId = sagaIdOf(args);
          order.stepBegins(sagaId, definition.name);
          return await running.run(begin(`saga ${sagaId}`, name), async () => await run(...args));
        };
      const steps = definition.steps.map((step) => ({
        ...step,
        run: inWork(step.run, ([, , { sagaId }]) => sagaId),
        ...(step.undo ? { undo: inWork(step.undo, ([, , { sagaId }]) => sagaId) } : {}),
      }));
      const failed = inWork(definition.failed, ([, , , { sagaId }]) => sagaId);
      return { ...definition, steps, failed };
    });

  const watchTasks: Invariants['watchTasks'] = (tasks, process) =>
    tasks.map((task) =>
      task.scope === 'every'
        ? task
        : {
            ...task,
            async run(signal) {
              const work = begin(`task ${task.name}`, process.name);
              const ended = turns.begin(task, process);
              await running.run(work, async () => await task.run(signal));
              ended();
            },
          },
    );

  const written = (): void => {
    const work = running.getStore();
    if (work?.isOutdated)
      found.add(`${work.process} wrote for ${work.what} after another had taken it over`);
  };

  return {
    violations: () => [...found],
    watchSagas,
    watchTasks,
    watchDatabase: (database, name) => ({
      ...database,
      db: database.db.withPlugin(
        watchWrites(written, (id, key) => order.sagaBegins(id, `${name}'s ${key}`)),
      ),
    }),
    watchSdn: (open) => watchWriters(open, writers, found),
    elsewhere: (call) => running.run(undefined, call),
  };
}

/** Checks that the sagas of one key run one after the other, in the order of their inserts. */
function createOrder(found: Set<string>) {
  const placeOf = new Map<string, { key: string; place: number }>();
  const lastPlace = new Map<string, number>();
  const latestBegun = new Map<string, number>();
  return {
    sagaBegins(sagaId: string, key: string): void {
      const place = (lastPlace.get(key) ?? 0) + 1;
      lastPlace.set(key, place);
      placeOf.set(sagaId, { key, place });
    },
    stepBegins(sagaId: string, name: string): void {
      const saga = placeOf.get(sagaId);
      if (!saga) return;
      const latest = latestBegun.get(saga.key) ?? 0;
      if (saga.place < latest) found.add(`${name} of ${saga.key} ran after a younger saga`);
      else latestBegun.set(saga.key, saga.place);
    },
  };
}

/**
 * Checks that a task of scope `one` runs once a period, however many processes have it. A run at
 * the start of a process (`atStart`) is additional.
 */
function createTurns(found: Set<string>, clock: Clock) {
  const lastRun = new Map<string, { atMs: number; process: string }>();
  const begunIn = new WeakMap<SimProcess, Set<string>>();
  const isFirstIn = (process: SimProcess, name: string): boolean => {
    const begun = begunIn.get(process) ?? new Set();
    begunIn.set(process, begun);
    return begun.size < begun.add(name).size;
  };
  return {
    /** Notes the start of a run; returns a function to call at its end. */
    begin({ name, everyMs, atStart = false }: Task, process: SimProcess): () => void {
      const atMs = clock.now();
      const before = lastRun.get(name);
      const isRunAtStart = isFirstIn(process, name) && atStart;
      if (
        before &&
        !isRunAtStart &&
        everyMs >= leastJudgedPeriodMs &&
        before.process !== process.name &&
        atMs - before.atMs < everyMs * leastPeriodShare
      )
        found.add(`${name} ran in two processes within its period`);
      const { stops } = process;
      // A run during which the process was paused does not count: it ended too late.
      return () =>
        void (process.stops === stops && lastRun.set(name, { atMs, process: process.name }));
    },
  };
}

const writeKinds: ReadonlySet<string> = new Set([
  'InsertQueryNode',
  'UpdateQueryNode',
  'DeleteQueryNode',
]);

const engineTables = /"name":"(sagas|saga_keys|task_leases)"/;

/** A Kysely plugin that reports completed writes, and inserted sagas. */
function watchWrites(
  written: () => void,
  sagaBegins: (id: string, key: string) => void,
): KyselyPlugin {
  const writes = new WeakSet<QueryId>();
  return {
    transformQuery({ node, queryId }): RootOperationNode {
      // The engines' own tables record who may work; writes to them are not work.
      if (writeKinds.has(node.kind) && !engineTables.test(JSON.stringify(node)))
        writes.add(queryId);
      if (node.kind === 'InsertQueryNode') {
        const saga = insertedSaga(node);
        if (saga) sagaBegins(saga.id, saga.key);
      }
      return node;
    },
    async transformResult({ result, queryId }) {
      if (writes.has(queryId)) written();
      return result;
    },
  };
}

function insertedSaga({
  into,
  columns,
  values,
}: InsertQueryNode): { id: string; key: string } | undefined {
  if (into?.table.identifier.name !== 'sagas' || values?.kind !== 'ValuesNode') return undefined;
  const [row] = (values as ValuesNode).values;
  const cells = (row as ValueListNode | PrimitiveValueListNode).values;
  const cell = (name: string): string => {
    const at = columns?.findIndex(({ column }) => column.name === name) ?? -1;
    const value = cells[at];
    const isNode = typeof value === 'object' && value !== null && 'value' in value;
    return String(isNode ? value.value : value);
  };
  return { id: cell('id'), key: cell('lock_key') };
}

/**
 * Checks that one handle at a time is told that it is the writer, and that only that one writes.
 */
function watchWriters(
  open: (listeners: SdnListeners) => Sdn,
  writers: Set<SdnListeners>,
  found: Set<string>,
): (listeners: SdnListeners) => Sdn {
  return (listeners) => {
    const own: SdnListeners = {
      ...listeners,
      writerChanged(isWriter) {
        if (isWriter) writers.add(own);
        else writers.delete(own);
        if (writers.size > 1) found.add('two processes are told that they write to the network');
        listeners.writerChanged?.(isWriter);
      },
    };
    const wrote = <T>(outcome: T): T => {
      if (!isFault(outcome) && !writers.has(own))
        found.add('a process wrote to the network that is not its writer');
      return outcome;
    };
    const sdn = open(own);
    return {
      ...sdn,
      sync: async (desired) => wrote(await sdn.sync(desired)),
      change: async (put, remove) => wrote(await sdn.change(put, remove)),
      close() {
        writers.delete(own);
        sdn.close();
      },
    };
  };
}

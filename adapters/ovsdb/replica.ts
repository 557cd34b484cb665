// A copy in memory of chosen tables and columns of a database, kept up to date by the server's
// notifications. After a reconnection it fetches only what it missed, if the server still has that
// history, else everything. Created by `OvsdbClient.replicate`.
import { OvsdbDisconnected, OvsdbError, OvsdbTimeout } from './errors.ts';
import { encodeWhere, type Where } from './operations.ts';
import {
  tableOf,
  type AnyRow,
  type ColumnName,
  type DatabaseSchema,
  type Row,
  type Table,
  type TableName,
  type Uuid,
} from './schema.ts';
import { applyDifference, decodeRow, sameValue, type WireRow } from './values.ts';

/**
 * The columns of each table; with `where` the server sends only rows that match one of these
 * conditions (monitor_cond).
 */
export type Selection<S extends DatabaseSchema> = {
  readonly [T in TableName<S>]?: {
    readonly columns: readonly ColumnName<S, T>[];
    readonly where?: Where<S, T>;
  };
};

type Selected<S extends DatabaseSchema, M, T extends keyof M & TableName<S>> = M[T] extends {
  columns: readonly (infer N)[];
}
  ? Row<S, T, N & ColumnName<S, T>>
  : never;

/** The change of one row. The changes of one transaction are reported together. */
export interface Change<S extends DatabaseSchema, M, T extends keyof M & TableName<S>> {
  readonly table: T;
  readonly uuid: Uuid;
  /** The row before the change; null: it is new. */
  readonly old: Selected<S, M, T> | null;
  /** The row after the change; null: it was deleted, or no longer matches. */
  readonly now: Selected<S, M, T> | null;
}
export type AnyChange<S extends DatabaseSchema, M> = {
  [T in keyof M & TableName<S>]: Change<S, M, T>;
}[keyof M & TableName<S>];

export interface ReplicaListeners<S extends DatabaseSchema, M> {
  /**
   * The changes of each transaction, including those during a disconnection. Own changes are
   * reported before `transact` resolves.
   */
  onChanges?(changes: readonly AnyChange<S, M>[]): void;
  /**
   * All rows are present and kept up to date from now on. Called at first, and after each
   * reconnection once its changes have been reported.
   */
  onTrue?(): void;
}

/**
 * How a replica talks to the server. `onAnswer` is called before any notification that follows the
 * answer.
 */
export type Ask = (
  method: string,
  params: readonly unknown[],
  onAnswer: (answer: unknown) => void,
) => Promise<unknown>;

type Method = 'monitor_cond_since' | 'monitor_cond' | 'monitor';
const methods: readonly Method[] = ['monitor_cond_since', 'monitor_cond', 'monitor'];
const noTransaction = '00000000-0000-0000-0000-000000000000';

// <table-updates> of RFC 7047 and <table-updates2> of ovsdb-server(7).
type RowUpdate = {
  initial?: WireRow;
  insert?: WireRow;
  modify?: WireRow;
  delete?: null;
  old?: WireRow;
  new?: WireRow;
};
type TableUpdates = Readonly<Record<string, Readonly<Record<Uuid, RowUpdate>>>>;

/** A change where the schema is not known at compile time. */
export interface RowChange {
  readonly table: string;
  readonly uuid: Uuid;
  readonly old: AnyRow | null;
  readonly now: AnyRow | null;
}

export class Replica<S extends DatabaseSchema, M extends Selection<S>> {
  readonly #schema: S;
  readonly #selection: Readonly<
    Record<
      string,
      { columns: readonly string[]; where?: readonly (readonly [string, string, unknown])[] }
    >
  >;
  readonly #onChanges: (changes: readonly AnyChange<S, M>[]) => void;
  readonly #onTrue: () => void;
  readonly #onClosed: () => void;
  readonly #rows: ReadonlyMap<string, Map<Uuid, AnyRow>>;
  readonly #waiting = new Set<{ resolve(): void; reject(error: Error): void }>();
  #method: Method | undefined;
  #lastTransaction = noTransaction;
  #state: 'away' | 'true' | 'closed' = 'away';
  #resumed = 0;
  #fetched = 0;
  /** Identifies the monitor in notifications. */
  readonly id: string;

  constructor(
    id: string,
    schema: S,
    selection: M,
    listeners: ReplicaListeners<S, M>,
    onClosed: () => void,
  ) {
    this.id = id;
    this.#schema = schema;
    this.#selection = selection as never; // table names are dynamic here
    this.#onChanges = listeners.onChanges ?? (() => undefined);
    this.#onTrue = listeners.onTrue ?? (() => undefined);
    this.#onClosed = onClosed;
    this.#rows = new Map(Object.keys(selection).map((table) => [table, new Map()]));
  }

  /**
   * The rows by UUID. A live view: it may lag by a moment, and is stale while `isTrue` is false.
   */
  rows<T extends keyof M & TableName<S>>(table: T): ReadonlyMap<Uuid, Selected<S, M, T>> {
    const rows = this.#rows.get(table);
    if (!rows) throw new Error(`${table} is not in this replica`);
    // decoded by this table's columns
    return rows as ReadonlyMap<Uuid, AnyRow> as ReadonlyMap<Uuid, Selected<S, M, T>>;
  }

  /** Whether the server's notifications arrive at present. */
  get isTrue(): boolean {
    return this.#state === 'true';
  }

  /**
   * The kind of monitor that the server supports, and the number of starts that fetched only what
   * was missed (`resumed`) or all rows (`fetched`).
   */
  get facts(): { method: Method | undefined; resumed: number; fetched: number } {
    return { method: this.#method, resumed: this.#resumed, fetched: this.#fetched };
  }

  /**
   * Resolves when all rows are present and kept up to date. Rejects with OvsdbTimeout, or
   * OvsdbDisconnected after `close`.
   */
  ready(timeoutMs: number): Promise<void> {
    if (this.#state === 'true') return Promise.resolve();
    if (this.#state === 'closed')
      return Promise.reject(new OvsdbDisconnected('this replica is closed'));
    return new Promise((resolve, reject) => {
      const settle = (work: () => void) => {
        clearTimeout(deadline);
        this.#waiting.delete(waiter);
        work();
      };
      const deadline = setTimeout(
        () =>
          waiter.reject(
            new OvsdbTimeout(`replica of ${this.#schema.name} not ready in ${timeoutMs} ms`),
          ),
        timeoutMs,
      );
      const waiter = {
        resolve: () => settle(resolve),
        reject: (error: Error) => settle(() => reject(error)),
      };
      this.#waiting.add(waiter);
    });
  }

  /** Ends the monitor at the server; the rows remain readable but are no longer updated. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    for (const waiter of this.#waiting)
      waiter.reject(new OvsdbDisconnected('this replica is closed'));
    this.#onClosed();
  }

  /** Called by the client on each new connection. Rejects as a call does. */
  async start(ask: Ask): Promise<void> {
    for (const method of this.#method ? [this.#method] : methods) {
      try {
        const requests = this.#requests(method);
        const since = method === 'monitor_cond_since' ? [this.#lastTransaction] : [];
        await ask(method, [this.#schema.name, this.id, requests, ...since], (answer) =>
          this.#begin(method, answer),
        );
        return;
      } catch (error) {
        const unknown = error instanceof OvsdbError && error.code === 'unknown method';
        if (!unknown || method === 'monitor') throw error;
      }
    }
  }

  /** Called by the client when the connection is lost. */
  lost(): void {
    if (this.#state === 'true') this.#state = 'away';
  }

  /** Called by the client when the rows may be wrong: the next start fetches all of them. */
  distrust(): void {
    this.#lastTransaction = noTransaction;
  }

  /** Called by the client with `update`, `update2` and `update3`. */
  notified(method: string, params: readonly unknown[]): void {
    if (this.#state === 'closed') return;
    const [, second, third] = params;
    if (method === 'update3') this.#lastTransaction = String(second);
    // ovsdb-server(7), 4.1.14 and 4.1.15
    this.#take((method === 'update3' ? third : second) as TableUpdates);
  }

  #requests(method: Method): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(this.#selection).map(([table, { columns, where }]) => [
        table,
        [
          {
            columns,
            ...(where && method !== 'monitor'
              ? { where: encodeWhere(tableOf(this.#schema, table), where) }
              : {}),
          },
        ],
      ]),
    );
  }

  #begin(method: Method, answer: unknown): void {
    if (this.#state === 'closed') return;
    this.#method = method;
    const [found, transaction, updates] =
      method === 'monitor_cond_since'
        ? (answer as [boolean, string, TableUpdates])
        : [false, noTransaction, answer as TableUpdates]; // ovsdb-server(7), 4.1.15
    this.#lastTransaction = transaction;
    this.#state = 'true';
    if (found) {
      this.#resumed += 1;
      this.#take(updates);
    } else {
      this.#fetched += 1;
      this.#replace(updates);
    }
    for (const waiter of this.#waiting) waiter.resolve();
    this.#onTrue();
  }

  #take(updates: TableUpdates): void {
    const changes: RowChange[] = [];
    for (const [name, rows] of Object.entries(updates)) {
      const tableRows = this.#rows.get(name);
      if (!tableRows) continue;
      const table = tableOf(this.#schema, name);
      for (const [uuid, update] of Object.entries(rows)) {
        const old = tableRows.get(uuid) ?? null;
        const now = this.#after(table, name, old, update);
        if (now) tableRows.set(uuid, now);
        else tableRows.delete(uuid);
        if (old || now) changes.push({ table: name, uuid, old, now });
      }
    }
    this.#tell(changes);
  }

  #after(table: Table, name: string, old: AnyRow | null, update: RowUpdate): AnyRow | null {
    const whole = update.initial ?? update.insert ?? update.new;
    const columns = this.#selection[name]?.columns ?? [];
    if (whole) return decodeRow(table, columns, whole);
    if (!update.modify) return null;
    const changed = Object.entries(update.modify).map(([column, wire]) => {
      const type = table.columns[column];
      const before = old?.[column];
      if (!type || before === undefined)
        throw new Error(`the server modifies ${column} of a row of ${name} that it never sent`);
      return [column, applyDifference(type, before, wire)] as const;
    });
    return { ...old, ...Object.fromEntries(changed) };
  }

  /** Replaces all rows; differences from the previous ones are reported as changes. */
  #replace(updates: TableUpdates): void {
    const changes: RowChange[] = [];
    for (const [name, tableRows] of this.#rows) {
      const table = tableOf(this.#schema, name);
      const fresh = new Map(
        Object.entries(updates[name] ?? {}).map(
          ([uuid, update]) => [uuid, this.#after(table, name, null, update)] as const,
        ),
      );
      for (const [uuid, old] of tableRows) {
        if (fresh.has(uuid)) continue;
        tableRows.delete(uuid);
        changes.push({ table: name, uuid, old, now: null });
      }
      for (const [uuid, now] of fresh) {
        const old = tableRows.get(uuid) ?? null;
        if (!now || (old && sameRow(table, old, now))) continue;
        tableRows.set(uuid, now);
        changes.push({ table: name, uuid, old, now });
      }
    }
    this.#tell(changes);
  }

  #tell(changes: readonly RowChange[]): void {
    // The rows were decoded by the selection from which their type is derived.
    if (changes.length > 0) this.#onChanges(changes as unknown as readonly AnyChange<S, M>[]);
  }
}

function sameRow(table: Table, one: AnyRow, other: AnyRow): boolean {
  return Object.entries(one).every(([name, value]) => {
    const column = table.columns[name];
    const counterpart = other[name];
    return (
      column !== undefined && counterpart !== undefined && sameValue(column, value, counterpart)
    );
  });
}

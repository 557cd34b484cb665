// The driver of the port `sdn` for OVN: writes northbound rows by plan and transaction, reads
// southbound facts from a replica. Only compose names this driver.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { Log } from '#platform/log.ts';
import {
  ownerOf,
  sdnPlaces,
  type Chassis,
  type PortBinding,
  type Sdn,
  type SdnDrift,
  type SdnKey,
  type SdnListeners,
  type SdnOwner,
  type SdnRow,
  type SdnTable,
} from '#ports/sdn.ts';
import { OvsdbClient } from './client.ts';
import { OvsdbDisconnected, OvsdbError, OvsdbTimeout, OvsdbTransactionError } from './errors.ts';
import type { Lock } from './lock.ts';
import { northbound } from './northbound.gen.ts';
import { operationsOf } from './operations.ts';
import { MissingRowError, plan, type DesiredRow, type Step } from './plan.ts';
import type { AnyChange, Replica } from './replica.ts';
import { RowIndex, type Scope } from './row-index.ts';
import { southbound } from './southbound.gen.ts';
import { carryOut } from './transactions.ts';

type Northbound = typeof northbound;
const nb = operationsOf(northbound);
const sb = operationsOf(southbound);

/** External id that holds the key of our rows; rows without it are not ours. */
const ownerKey = 'cobalt:key';
/** Attempts at a transaction that OVN refuses, e.g. since a row has changed; each plans it anew. */
const attempts = 3;
/**
 * The fault of writes by a process that does not hold the writers' lock, which allows one at a
 * time.
 */
const notWriter = fault('unavailable', 'OVN: another process writes to it');
/** Name of the writers' lock in the northbound database. */
const writersLock = 'cobaltcore_neutron_writer';

export interface OvnOptions {
  /** Remotes such as `unix:/run/ovn/ovnnb_db.sock`; if one fails, the next is tried. */
  northbound: readonly string[];
  southbound: readonly string[];
  /** Whether `sync` removes rows without our key. 'keep': somebody else also writes to this OVN. */
  strays: 'remove' | 'keep';
  /** How long a call waits for an OVN that does not answer. */
  awayTimeoutMs?: number; // default 5 s
}

const nbSelection = {
  Logical_Switch: {
    columns: ['name', 'other_config', 'external_ids', 'ports', 'acls', 'dns_records'],
  },
  Logical_Switch_Port: {
    columns: [
      'name',
      'type',
      'addresses',
      'port_security',
      'enabled',
      'tag',
      'options',
      'dhcpv4_options',
      'dhcpv6_options',
      'external_ids',
    ],
  },
  Logical_Router: {
    columns: ['name', 'enabled', 'options', 'external_ids', 'ports', 'static_routes', 'nat'],
  },
  Logical_Router_Port: {
    columns: [
      'name',
      'mac',
      'networks',
      'enabled',
      'ipv6_ra_configs',
      'options',
      'external_ids',
      'gateway_chassis',
    ],
  },
  Logical_Router_Static_Route: {
    columns: ['ip_prefix', 'nexthop', 'policy', 'output_port', 'options', 'external_ids'],
  },
  NAT: {
    columns: [
      'type',
      'external_ip',
      'logical_ip',
      'logical_port',
      'external_mac',
      'gateway_port',
      'options',
      'external_ids',
    ],
  },
  Gateway_Chassis: { columns: ['name', 'chassis_name', 'priority', 'options', 'external_ids'] },
  Port_Group: { columns: ['name', 'external_ids', 'ports', 'acls'] },
  ACL: { columns: ['priority', 'direction', 'match', 'action', 'log', 'name', 'external_ids'] },
  Address_Set: { columns: ['name', 'addresses', 'external_ids'] },
  DHCP_Options: { columns: ['cidr', 'options', 'external_ids'] },
  DNS: { columns: ['records', 'external_ids'] },
} as const satisfies Record<SdnTable, unknown>;
const sbSelection = {
  Chassis: { columns: ['name', 'hostname', 'other_config'] },
  Chassis_Private: { columns: ['name', 'nb_cfg'] },
  Port_Binding: { columns: ['logical_port', 'chassis', 'up'] },
} as const;

export function createOvnSdn(
  options: OvnOptions,
  deps: { log: Log },
  listeners: SdnListeners = {},
): Sdn {
  return new OvnSdn(options, deps, listeners);
}

class OvnSdn implements Sdn {
  readonly #north: OvsdbClient<Northbound>;
  readonly #south: OvsdbClient<typeof southbound>;
  readonly #real: RowIndex<Northbound>;
  readonly #northRows: Replica<Northbound, typeof nbSelection>;
  readonly #southRows: Replica<typeof southbound, typeof sbSelection>;
  readonly #portRows = new Map<string, string>();
  /** Owner (external id) -> its rows. */
  readonly #owned = new Map<string, Map<string, SdnKey>>();
  readonly #lock: Lock;
  readonly #awayTimeoutMs: number;
  readonly #log: Log;

  constructor(options: OvnOptions, { log }: { log: Log }, listeners: SdnListeners) {
    this.#log = log;
    this.#awayTimeoutMs = options.awayTimeoutMs ?? 5_000;
    this.#north = new OvsdbClient(
      { remotes: options.northbound, schema: northbound, connectTimeoutMs: this.#awayTimeoutMs },
      { log },
    );
    this.#south = new OvsdbClient(
      { remotes: options.southbound, schema: southbound, connectTimeoutMs: this.#awayTimeoutMs },
      { log },
    );
    const real = new RowIndex(northbound, scopeOf(options.strays));
    this.#real = real;
    // Requested before the rows, so that once the rows are known it is also known whether this
    // process may write.
    this.#lock = this.#north.lock(writersLock, (isHeld) => listeners.writerChanged?.(isHeld));
    this.#northRows = this.#north.replicate(nbSelection, {
      onChanges: (changes) => {
        real.take(changes);
        for (const { table, old, now } of changes)
          this.#noteOwner(table, old?.external_ids[ownerKey], now?.external_ids[ownerKey]);
      },
      onTrue: () => listeners.returned?.(),
    });
    this.#southRows = this.#south.replicate(sbSelection, {
      onChanges: (changes) => {
        for (const port of this.#portsOf(changes))
          listeners.portChanged?.(port, this.binding(port));
      },
      onTrue: () => listeners.bindingsKnown?.(),
    });
  }

  isWriter(): boolean {
    return this.#lock.held;
  }

  async sync(desired: Iterable<SdnRow>): Promise<Outcome<SdnDrift>> {
    const steps = await this.#bring([...desired], 'undesired');
    if (isFault(steps)) return steps;
    const drift = driftOf(steps);
    if (steps.length > 0)
      this.#log.info({ ...drift }, 'northbound rows brought to what they should be');
    return drift;
  }

  async audit(desired: Iterable<SdnRow>): Promise<Outcome<SdnDrift>> {
    return outcomeOf(async () => {
      await this.#northRows.ready(this.#awayTimeoutMs);
      return driftOf(plan(this.#real, [...desired].map(stamped), 'undesired'));
    });
  }

  async change(
    put: readonly SdnRow[],
    remove: readonly (SdnKey | SdnOwner)[],
  ): Promise<Outcome<void>> {
    const namedRows = () =>
      remove.flatMap((each) =>
        'owner' in each ? [...(this.#owned.get(each.owner)?.values() ?? [])] : [each],
      );
    const steps = await this.#bring(put, namedRows, Infinity);
    return isFault(steps) ? steps : undefined;
  }

  async askChassis(): Promise<Outcome<number>> {
    return outcomeOf(async () => {
      // Incremented and read in one transaction, so that no two callers get the same generation.
      const [, global] = await this.#north.transact([
        nb.mutate('NB_Global', [], [['nb_cfg', '+=', 1]]),
        nb.select('NB_Global', [], ['nb_cfg']),
      ]);
      const [only] = global.rows;
      return only
        ? only.nb_cfg
        : fault('unavailable', 'the northbound database has no NB_Global row yet: northd makes it');
    });
  }

  chassis(): Chassis[] {
    const generations = new Map(
      [...this.#southRows.rows('Chassis_Private').values()].map((row) => [row.name, row.nb_cfg]),
    );
    return [...this.#southRows.rows('Chassis').values()].map(
      ({ name, hostname, other_config }) => ({
        name,
        hostname,
        options: other_config,
        generation: generations.get(name) ?? 0,
      }),
    );
  }

  async removeChassis(name: string): Promise<Outcome<void>> {
    // The chassis' encaps are deleted with it, as Encap is no root table: ovn-sb(5).
    return await outcomeOf(async () => {
      await this.#south.transact([
        sb.delete('Chassis', [['name', '==', name]]),
        sb.delete('Chassis_Private', [['name', '==', name]]),
      ]);
    });
  }

  binding(port: string): PortBinding | null {
    const row = this.#southRows.rows('Port_Binding').get(this.#portRows.get(port) ?? '');
    if (!row) return null;
    return {
      port,
      chassis:
        row.chassis === null
          ? null
          : (this.#southRows.rows('Chassis').get(row.chassis)?.name ?? null),
      up: row.up ?? false,
    };
  }

  close(): void {
    this.#north.close();
    this.#south.close();
  }

  /** Updates the map of ports by name, and returns the names of those that changed. */
  #portsOf(changes: readonly AnyChange<typeof southbound, typeof sbSelection>[]): Set<string> {
    const ports = new Set<string>();
    for (const change of changes) {
      if (change.table !== 'Port_Binding') continue;
      if (change.old) {
        ports.add(change.old.logical_port);
        if (this.#portRows.get(change.old.logical_port) === change.uuid)
          this.#portRows.delete(change.old.logical_port);
      }
      if (change.now) {
        ports.add(change.now.logical_port);
        this.#portRows.set(change.now.logical_port, change.uuid);
      }
    }
    return ports;
  }

  #noteOwner(table: SdnTable, before: string | undefined, after: string | undefined): void {
    if (before === after) return;
    if (before !== undefined) {
      const rows = this.#owned.get(ownerOf(before));
      rows?.delete(`${table} ${before}`);
      if (rows?.size === 0) this.#owned.delete(ownerOf(before));
    }
    if (after === undefined) return;
    const rows = this.#owned.get(ownerOf(after)) ?? new Map<string, SdnKey>();
    this.#owned.set(ownerOf(after), rows.set(`${table} ${after}`, { table, key: after }));
  }

  /**
   * Plans and executes. If another process has become the writer meanwhile, its rows arrive here
   * before the refusal, and the plan is made again.
   */
  async #bring(
    rows: readonly SdnRow[],
    removal: 'undesired' | (() => SdnKey[]),
    maxSteps?: number,
  ): Promise<Outcome<Step[]>> {
    const desired = rows.map(stamped);
    return outcomeOf(async () => {
      for (let attempt = 1; ; attempt += 1) {
        await this.#northRows.ready(this.#awayTimeoutMs);
        if (!this.#lock.held) return notWriter;
        const steps = plan(this.#real, desired, removal === 'undesired' ? removal : removal());
        try {
          await carryOut(this.#north, northbound, steps, {
            lock: writersLock,
            ...(maxSteps === undefined ? {} : { maxSteps }),
          });
          return steps;
        } catch (error) {
          if (!(error instanceof OvsdbTransactionError) || attempt === attempts) throw error;
          if (error.code === 'not owner') throw error;
          this.#log.warn(
            { error: error.message, attempt },
            'northbound transaction refused, planned anew',
          );
        }
      }
    });
  }
}

function stamped(row: SdnRow): DesiredRow<Northbound> {
  return {
    ...row,
    columns: { ...row.columns, external_ids: { ...row.columns.external_ids, [ownerKey]: row.key } },
  } as DesiredRow<Northbound>; // a union discriminated by `table`
}

function scopeOf(strays: OvnOptions['strays']): Scope<Northbound> {
  const key = (
    { external_ids }: { external_ids: Readonly<Record<string, string>> },
    uuid: string,
  ) => external_ids[ownerKey] ?? (strays === 'remove' ? `stray ${uuid}` : undefined);
  return Object.fromEntries(
    Object.entries(sdnPlaces).map(([table, places]) => [table, { key, places }]),
  );
}

function driftOf(steps: readonly Step[]): SdnDrift {
  const count = (kind: Step['kind']) => steps.filter((step) => step.kind === kind).length;
  return { inserted: count('insert'), updated: count('update'), deleted: count('delete') };
}

async function outcomeOf<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OvsdbTransactionError && error.code === 'not owner') return notWriter;
    if (error instanceof OvsdbTransactionError || error instanceof MissingRowError)
      return fault('conflict', `OVN: ${error.message}`);
    if (error instanceof OvsdbTimeout) return fault('timeout', `OVN: ${error.message}`);
    if (error instanceof OvsdbDisconnected || error instanceof OvsdbError)
      return fault('unavailable', `OVN: ${error.message}`);
    throw error;
  }
}

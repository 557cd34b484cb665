// What Neutron needs of OVN: rows of a logical network to keep up to date, and reports about ports
// and hosts. Driver: adapters/ovsdb (OVN). The rows use OVN's northbound names (ovn-nb(5)), reduced
// to what Neutron writes. Contract suite: sdn.testing.ts.
import type { Outcome } from '#contracts/common/fault.ts';

type Ids = Readonly<Record<string, string>>;

/** Another row by its key. */
export interface SdnReference {
  readonly key: string;
}

/** The columns of each table. Times are seconds, MTUs bytes, all else as in ovn-nb(5). */
export interface SdnTables {
  Logical_Switch: { name: string; other_config: Ids; external_ids: Ids };
  /** `name` must be the Neutron port's UUID: libvirt accepts nothing else as an interface id. */
  Logical_Switch_Port: {
    name: string;
    type: string;
    addresses: readonly string[];
    port_security: readonly string[];
    enabled: boolean | null;
    tag: number | null;
    options: Ids;
    dhcpv4_options: SdnReference | null;
    dhcpv6_options: SdnReference | null;
    external_ids: Ids;
  };
  Logical_Router: { name: string; enabled: boolean | null; options: Ids; external_ids: Ids };
  Logical_Router_Port: {
    name: string;
    mac: string;
    networks: readonly string[];
    enabled: boolean | null;
    ipv6_ra_configs: Ids;
    options: Ids;
    external_ids: Ids;
  };
  Logical_Router_Static_Route: {
    ip_prefix: string;
    nexthop: string;
    policy: 'src-ip' | 'dst-ip' | null;
    output_port: string | null;
    options: Ids;
    external_ids: Ids;
  };
  NAT: {
    type: 'snat' | 'dnat' | 'dnat_and_snat';
    external_ip: string;
    logical_ip: string;
    logical_port: string | null;
    external_mac: string | null;
    gateway_port: SdnReference | null;
    options: Ids;
    external_ids: Ids;
  };
  Gateway_Chassis: {
    name: string;
    chassis_name: string;
    priority: number;
    options: Ids;
    external_ids: Ids;
  };
  Port_Group: { name: string; external_ids: Ids };
  ACL: {
    priority: number;
    direction: 'from-lport' | 'to-lport';
    match: string;
    action: 'allow' | 'allow-related' | 'allow-stateless' | 'drop' | 'reject';
    log: boolean;
    name: string | null;
    external_ids: Ids;
  };
  Address_Set: { name: string; addresses: readonly string[]; external_ids: Ids };
  DHCP_Options: { cidr: string; options: Ids; external_ids: Ids };
  DNS: { records: Ids; external_ids: Ids };
}
export type SdnTable = keyof SdnTables;

/** The columns that may list rows of a table, and must if the table is not a root table. */
export const sdnPlaces = {
  Logical_Switch: [],
  Logical_Switch_Port: ['Logical_Switch.ports', 'Port_Group.ports'],
  Logical_Router: [],
  Logical_Router_Port: ['Logical_Router.ports'],
  Logical_Router_Static_Route: ['Logical_Router.static_routes'],
  NAT: ['Logical_Router.nat'],
  Gateway_Chassis: ['Logical_Router_Port.gateway_chassis'],
  Port_Group: [],
  ACL: ['Port_Group.acls', 'Logical_Switch.acls'],
  Address_Set: [],
  DHCP_Options: [],
  DNS: ['Logical_Switch.dns_records'],
} as const satisfies Record<SdnTable, readonly string[]>;

/**
 * A desired row, under a key of the caller's that never changes: its owner, and, for an owner with
 * several rows, `#` and what the row is for.
 */
export type SdnRow = {
  [T in SdnTable]: {
    readonly table: T;
    readonly key: string;
    /**
     * Columns that are not named get OVN's default in a new row and stay unchanged in an existing
     * one.
     */
    readonly columns: Readonly<Partial<SdnTables[T]>>;
    /** All rows that list this one: a port names its switch and its port groups. */
    readonly in?: readonly {
      readonly place: (typeof sdnPlaces)[T][number];
      readonly key: string;
    }[];
  };
}[SdnTable];

export interface SdnKey {
  readonly table: SdnTable;
  readonly key: string;
}

/** Every row whose key is `owner`, or begins with `owner#`: all rows of one object of Neutron's. */
export interface SdnOwner {
  readonly owner: string;
}

export function ownerOf(key: string): string {
  const end = key.indexOf('#');
  return end < 0 ? key : key.slice(0, end);
}

/** How many rows were, or would be, corrected. All 0: there was no difference. */
export interface SdnDrift {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export const noDrift: SdnDrift = { inserted: 0, updated: 0, deleted: 0 };

/** Where a port is plugged in, as OVN reports it. */
export interface PortBinding {
  /** The name of the logical switch port. */
  readonly port: string;
  /** null: nowhere. */
  readonly chassis: string | null;
  /** The chassis has installed its flows. */
  readonly up: boolean;
}

/** A host of the network. */
export interface Chassis {
  readonly name: string;
  readonly hostname: string;
  /** `ovn-bridge-mappings` and the like. */
  readonly options: Ids;
  /** The last generation of `askChassis` that it has confirmed; 0: none yet. */
  readonly generation: number;
}

export interface SdnListeners {
  /**
   * Called after each change of a binding; null: the port was deleted. Must not throw. Changes
   * during a lost connection are reported afterwards.
   */
  portChanged?(port: string, binding: PortBinding | null): void;
  /**
   * OVN is reachable, for the first time or again: it may have lost or kept anything, so call
   * `sync`. Must not throw.
   */
  returned?(): void;
  /**
   * All bindings were reported, for the first time or after a reconnection: a port that `binding`
   * does not know is not plugged in. Must not throw.
   */
  bindingsKnown?(): void;
  /**
   * This handle may write from now on, or may not any more: one of all processes at a time, by a
   * lock at OVN itself. Must not throw. A new writer does not know how far the previous one came,
   * so it must call `sync`.
   */
  writerChanged?(isWriter: boolean): void;
}

/**
 * Faults of every call: unavailable, timeout; it is then unknown whether the call took effect:
 * `sync` later, which is always safe. `sync` and `change` of a handle that is not the writer are
 * `unavailable` and have no effect: OVN itself refuses them.
 */
export interface Sdn {
  /** Whether this handle holds the writers' lock, as last reported by OVN. */
  isWriter(): boolean;

  /**
   * Creates, corrects and removes rows until those of ours are exactly `desired`; sends nothing if
   * they are. Not atomic beyond some hundred rows; safe to repeat. conflict: another writer changes
   * the same rows, or a row refers to none.
   */
  sync(desired: Iterable<SdnRow>): Promise<Outcome<SdnDrift>>;

  /** What `sync` would change, without changing it. */
  audit(desired: Iterable<SdnRow>): Promise<Outcome<SdnDrift>>;

  /**
   * Writes these rows and removes those, in one transaction; an unchanged row and an unknown key
   * are fine. Of an owner, the rows that are not in `put` are removed. conflict as in `sync`, which
   * repairs it.
   */
  change(put: readonly SdnRow[], remove: readonly (SdnKey | SdnOwner)[]): Promise<Outcome<void>>;

  /**
   * Asks every chassis for a sign of life and returns the generation that they will report with it.
   */
  askChassis(): Promise<Outcome<number>>;

  /** As last reported: stale at most for as long as OVN is unreachable. */
  chassis(): Chassis[];

  /**
   * Forgets a chassis that is gone for good; one whose ovn-controller runs comes back by itself.
   * Safe to repeat.
   */
  removeChassis(name: string): Promise<Outcome<void>>;
  binding(port: string): PortBinding | null;

  close(): void;
}

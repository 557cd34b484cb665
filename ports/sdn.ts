// What Neutron uses of OVN: rows of logical networks that it keeps up to date, and reports about
// port bindings and chassis. Drivers: adapters/ovsdb, adapters/sim. The rows use OVN's northbound
// names (ovn-nb(5)), reduced to what Neutron writes. Contract suite: sdn.testing.ts.
import type { Outcome } from '#contracts/common/fault.ts';

type Ids = Readonly<Record<string, string>>;

/** A reference to another row, by that row's key. */
export interface SdnReference {
  readonly key: string;
}

/** The columns of each table. Times are in seconds, MTUs in bytes, all else as in ovn-nb(5). */
export interface SdnTables {
  Logical_Switch: { name: string; other_config: Ids; external_ids: Ids };
  /** `name` must be the Neutron port's UUID: libvirt accepts only a UUID as interface id. */
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

/**
 * For each table, the columns of other tables that may list its rows. A row of a table that is no
 * root table must be listed in one, or OVSDB deletes it.
 */
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
 * A desired row. Its key is chosen by the caller and never changes: the id of the owning Neutron
 * object, followed by `#` and a purpose if that object has several rows.
 */
export type SdnRow = {
  [T in SdnTable]: {
    readonly table: T;
    readonly key: string;
    /**
     * Columns that are left out get OVN's default in a new row and stay unchanged in an existing
     * one.
     */
    readonly columns: Readonly<Partial<SdnTables[T]>>;
    /** All rows that list this one; e.g. a port is listed by its switch and its port groups. */
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

/** Selects all rows of one Neutron object: those whose key is `owner` or begins with `owner#`. */
export interface SdnOwner {
  readonly owner: string;
}

/** The owner in a row's key: the part before `#`. */
export function ownerOf(key: string): string {
  const end = key.indexOf('#');
  return end < 0 ? key : key.slice(0, end);
}

/** How many rows were (or, for an audit, would be) corrected. All 0: there was no difference. */
export interface SdnDrift {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export const noDrift: SdnDrift = { inserted: 0, updated: 0, deleted: 0 };

/** Where a port is bound, as OVN's southbound database reports it. */
export interface PortBinding {
  /** The name of the logical switch port. */
  readonly port: string;
  /** Name of the chassis; null if the port is not bound. */
  readonly chassis: string | null;
  /** The chassis has installed the port's flows. */
  readonly up: boolean;
}

/** A chassis in OVN's sense: a host of the network. */
export interface Chassis {
  readonly name: string;
  readonly hostname: string;
  /** The chassis' options, e.g. `ovn-bridge-mappings`. */
  readonly options: Ids;
  /** The last generation of `askChassis` that this chassis has confirmed; 0: none yet. */
  readonly generation: number;
}

export interface SdnListeners {
  /**
   * Called after each change of a binding, with null if the port was deleted. Changes during a lost
   * connection are reported once it is back. Must not throw.
   */
  portChanged?(port: string, binding: PortBinding | null): void;
  /**
   * Called when OVN is reachable, for the first time or again. Its database may have changed in any
   * way meanwhile, so call `sync`. Must not throw.
   */
  returned?(): void;
  /**
   * Called when all bindings were reported, first or after a reconnection: from now on, a port
   * unknown to `binding` is certainly not bound. Must not throw.
   */
  bindingsKnown?(): void;
  /**
   * Called when this driver becomes the writer or stops being it. A lock in OVN's database lets one
   * process at a time write. A new writer does not know what the previous one has written, so it
   * must call `sync`. Must not throw.
   */
  writerChanged?(isWriter: boolean): void;
}

/**
 * The rows of logical networks, and what OVN reports. Faults of every call: unavailable, timeout.
 * Whether the call took effect is then unknown: call `sync` later, which is always safe. If this
 * driver is not the writer, `sync` and `change` return `unavailable` and have no effect: OVN itself
 * refuses them.
 */
export interface Sdn {
  /** Whether this driver holds the writers' lock, as last reported by OVN. */
  isWriter(): boolean;

  /**
   * Creates, corrects and removes rows until the rows that Neutron owns are exactly `desired`;
   * sends nothing if they are. Beyond some hundred rows it takes several transactions. Safe to
   * repeat. conflict: another writer changes the same rows, or a row refers to one that does not
   * exist.
   */
  sync(desired: Iterable<SdnRow>): Promise<Outcome<SdnDrift>>;

  /** Counts what `sync` would change, and changes nothing. */
  audit(desired: Iterable<SdnRow>): Promise<Outcome<SdnDrift>>;

  /**
   * Writes the rows `put` and removes the rows `remove`, in one transaction; rows that are
   * unchanged, and unknown keys, are accepted. For an owner in `remove`, its rows that are not in
   * `put` are removed. conflict: as in `sync`; a later `sync` repairs it.
   */
  change(put: readonly SdnRow[], remove: readonly (SdnKey | SdnOwner)[]): Promise<Outcome<void>>;

  /**
   * Asks every chassis for a sign of life. Returns the generation number that living ones will
   * confirm (see `Chassis.generation`).
   */
  askChassis(): Promise<Outcome<number>>;

  /** All chassis as last reported; outdated only while OVN is unreachable. */
  chassis(): Chassis[];

  /**
   * Removes a chassis that is gone for good. If its ovn-controller still runs, it registers itself
   * again. Safe to repeat.
   */
  removeChassis(name: string): Promise<Outcome<void>>;
  binding(port: string): PortBinding | null;

  close(): void;
}

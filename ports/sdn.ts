// What Neutron needs of the network below it: rows of a logical network to keep true, and facts to
// hear back. Driver: adapters/ovsdb (OVN). The rows speak OVN's northbound words (ovn-nb(5)), cut
// down to what Neutron writes. Contract suite: sdn.testing.ts.
import type { Outcome } from '#contracts/common/fault.ts';

type Ids = Readonly<Record<string, string>>;

/** Another row by its key. */
export interface SdnReference {
  readonly key: string;
}

/** The columns of each table. Times are seconds, MTUs bytes, all else as in ovn-nb(5). */
export interface SdnTables {
  Logical_Switch: { name: string; other_config: Ids; external_ids: Ids };
  /** `name` must be the Neutron port's UUID: libvirt takes nothing else for an interface id. */
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

/** Where rows of a table may hang, and must if the table is not among the roots. */
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
 * A row as it should be, under a key of the caller's that never changes: its owner, and `#` and
 * what the row is for if it has several.
 */
export type SdnRow = {
  [T in SdnTable]: {
    readonly table: T;
    readonly key: string;
    /** What is not named takes OVN's default in a new row and stays in another one. */
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

/**
 * Every row whose key is `owner`, or begins with `owner#`: all that stands for one object of
 * Neutron's.
 */
export interface SdnOwner {
  readonly owner: string;
}

export function ownerOf(key: string): string {
  const end = key.indexOf('#');
  return end < 0 ? key : key.slice(0, end);
}

/** How many rows were, or would be, brought to what they should be. All 0: nothing drifted. */
export interface SdnDrift {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export const noDrift: SdnDrift = { inserted: 0, updated: 0, deleted: 0 };

/** Where a port is plugged in, by the network's own word. */
export interface PortBinding {
  /** The name of the logical switch port. */
  readonly port: string;
  /** null: nowhere. */
  readonly chassis: string | null;
  /** The chassis has its flows in place. */
  readonly up: boolean;
}

/** A host of the network. */
export interface Chassis {
  readonly name: string;
  readonly hostname: string;
  /** `ovn-bridge-mappings` and the like. */
  readonly options: Ids;
  /** The last generation of `askChassis` that it has answered; 0 = none yet. */
  readonly generation: number;
}

export interface SdnListeners {
  /**
   * After each change of a binding; null: the port is gone. Must not throw. A moment without
   * connection is made up for later.
   */
  portChanged?(port: string, binding: PortBinding | null): void;
  /**
   * The network is there, at first or again after it was away: it may have lost or kept anything,
   * so `sync`. Must not throw.
   */
  returned?(): void;
  /**
   * All bindings were told, at first or again after the network was away: what `binding` does not
   * know is not there. Must not throw.
   */
  bindingsKnown?(): void;
  /**
   * This handle may write from now on, or may not any more: one of all processes at a time, by a
   * lock at the network itself. Must not throw. A new writer does not know how far the last one
   * came, so it must `sync`.
   */
  writerChanged?(isWriter: boolean): void;
}

/**
 * Faults of all: unavailable, timeout; then it is unknown whether it was done: `sync` later, which
 * is always safe. `sync` and `change` of a handle that is not the writer are `unavailable`, and
 * nothing was done: the network itself refuses them.
 */
export interface Sdn {
  /** Whether this handle holds the writers' lock, by the network's last word. */
  isWriter(): boolean;

  /**
   * Makes all rows so, and removes every other one that is ours. The empty network is filled, drift
   * is mended, and nothing is sent when all is well. Not atomic beyond some hundred rows; safe to
   * repeat. conflict: somebody else writes against us, or a row refers to none.
   */
  sync(desired: Iterable<SdnRow>): Promise<Outcome<SdnDrift>>;

  /** What `sync` would find to do, without doing it. */
  audit(desired: Iterable<SdnRow>): Promise<Outcome<SdnDrift>>;

  /**
   * Makes these rows so and those gone, in one transaction; a row at rest and a key that is not
   * there are fine. Of an owner those rows go that are not in `put`. conflict as above: `sync`
   * mends.
   */
  change(put: readonly SdnRow[], remove: readonly (SdnKey | SdnOwner)[]): Promise<Outcome<void>>;

  /**
   * Asks every chassis for a sign of life and returns the generation they will show when they have
   * given it.
   */
  askChassis(): Promise<Outcome<number>>;

  /** As last heard: at worst old by as long as the network is away. */
  chassis(): Chassis[];
  binding(port: string): PortBinding | null;

  close(): void;
}

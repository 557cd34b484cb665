// Neutron's own view for `cobalt doctor --audit`, as plain data.

export interface AuditPort {
  id: string;
  networkId: string;
  projectId: string;
  status: string;
  /** The id of the server it belongs to. */
  deviceId: string;
  deviceOwner: string;
  host: string;
}

export interface NeutronAudit {
  ports: AuditPort[];
  /**
   * Inconsistencies between Neutron's own tables, one line each: an address without a port, a port
   * without its network …
   */
  inconsistencies: string[];
  /**
   * Rows in OVN that differ from Neutron's database (inserted: missing, updated: different,
   * deleted: superfluous), and journal entries that are not written yet; a text: why OVN could not
   * be asked.
   */
  sdn: { inserted: number; updated: number; deleted: number; pending: number } | string;
}

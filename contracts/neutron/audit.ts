// Neutron's own view for `cobalt doctor --audit`, as plain data.

export interface AuditPort {
  id: string;
  networkId: string;
  projectId: string;
  status: string;
  /** Of a server: its id. */
  deviceId: string;
  deviceOwner: string;
  host: string;
}

export interface NeutronAudit {
  ports: AuditPort[];
  /**
   * What Neutron's own tables disagree on, one line each: an address without a port, a port without
   * its network …
   */
  inconsistencies: string[];
  /**
   * Rows of the network below that are not as they should be, and changes it does not show yet; a
   * text: why it could not be asked.
   */
  sdn: { inserted: number; updated: number; deleted: number; pending: number } | string;
}

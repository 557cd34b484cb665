// Objects of Nova's API, for other services that use it.
// https://docs.openstack.org/api-ref/compute/

/**
 * An event of another service about a server: api-ref, "Run Events". `tag`: the port, or the
 * volume. `volume-extended` since 2.51.
 */
export interface ServerExternalEvent {
  name:
    | 'network-vif-plugged'
    | 'network-vif-unplugged'
    | 'network-vif-deleted'
    | 'network-changed'
    | 'volume-extended';
  server_uuid: string;
  tag: string;
  status?: 'completed';
}

/**
 * The request for Nova's part in a volume snapshot: api-ref, "Create Assisted Volume Snapshots".
 */
export interface AssistedSnapshot {
  volume_id: string;
  create_info: { snapshot_id: string; new_file: string; type: 'qcow2' };
}

/**
 * A volume of a server: api-ref, "Show a detail of a volume attachment"; the attachment's id since
 * 2.89.
 */
export interface ServerVolumeAttachment {
  attachment_id?: string;
}

/** An entry of GET /os-services, at 2.53. api-ref, "List Compute Services". */
export interface ComputeService {
  id: string;
  binary: string;
  host: string;
  zone: string;
  status: 'enabled' | 'disabled';
  state: 'up' | 'down';
  updated_at: string | null;
  disabled_reason: string | null;
  forced_down: boolean;
}

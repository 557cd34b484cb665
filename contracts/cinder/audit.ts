// What Cinder says of its volumes, for `cobalt doctor --audit` to hold against Nova, the
// hypervisors and the share.

export interface CinderAudit {
  volumes: {
    id: string;
    projectId: string;
    status: string;
    sizeGib: number;
    backend: string | null;
  }[];
  snapshots: { id: string; volumeId: string; status: string }[];
  attachments: { id: string; volumeId: string; serverId: string | null; status: string }[];
  /**
   * Objects whose state says that something is at work while no saga is, e.g. a volume in
   * `creating` for ever.
   */
  stuck: { kind: 'volume' | 'snapshot' | 'backup'; id: string; status: string }[];
  /** By backend; a text: the backend did not tell. */
  backends: Record<string, { missing: string[]; unknown: string[]; strays: string[] } | string>;
  /** Backups without their data, and data without its backup; a text: the store did not tell. */
  backups: { missing: string[]; unknown: string[] } | string;
}

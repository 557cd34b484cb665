// Cinder's own view of its volumes, which `cobalt doctor --audit` compares with Nova, the
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
   * Objects whose state says that an operation is in progress while no saga is, e.g. a volume that
   * stays in `creating`.
   */
  stuck: { kind: 'volume' | 'snapshot' | 'backup'; id: string; status: string }[];
  /**
   * By backend: volumes and snapshots that are missing there or that Cinder does not know, and
   * stray files. A text: why the backend did not answer.
   */
  backends: Record<string, { missing: string[]; unknown: string[]; strays: string[] } | string>;
  /**
   * Backups without their data, and data without its backup; a text: why the store did not answer.
   */
  backups: { missing: string[]; unknown: string[] } | string;
}

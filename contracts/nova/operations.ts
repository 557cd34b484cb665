// Nova's long operations: sagas that the API journals in Nova's database and a conductor executes.
// Names and inputs are stored in the journal: a later release must still be able to read them.
import type { BatchPlace } from '../cortex/external-scheduler.ts';
import type { ImageFacts } from './facts.ts';
import type { PowerState, TaskState, VmState } from './server-states.ts';

/**
 * Changes of one server on its host, each with the task_state that the API sets with the journal
 * entry, and that the conductor clears at the end. From which states: the API's row
 * (services/nova/api/server-actions); what is done and where it ends: the conductor's
 * (services/nova/conductor/server-actions).
 */
export const taskDuring = {
  start: 'powering-on',
  stop: 'powering-off',
  softReboot: 'rebooting',
  hardReboot: 'rebooting_hard',
  pause: 'pausing',
  unpause: 'unpausing',
  suspend: 'suspending',
  resume: 'resuming',
  rescue: 'rescuing',
  unrescue: 'unrescuing',
  rebuild: 'rebuilding',
  unshelve: 'unshelving',
} as const satisfies Record<string, TaskState>;

export type ServerAction = keyof typeof taskDuring;

/** Input of each operation on a server. */
type OfServer = {
  serverId: string;
  /** Its row in the action log. */
  actionId: string;
};

/** `migrationId`: the uuid of its migration, written with the journal entry. */
type OfMove = OfServer & { migrationId: string };

/** Input by operation; plain JSON. */
export type NovaOperations = {
  'nova.build-server': OfServer & {
    forcedHost: string | null;
    zone: string | null;
    /** Hosts on which its build failed. */
    excludedHosts: string[];
    /** Absent: it was the only server of its request. */
    batch?: BatchPlace;
  };
  'nova.delete-server': OfServer;
  'nova.change-server': OfServer & {
    action: ServerAction;
    /** The state before the action: decides the state after a rebuild. */
    before: { vmState: VmState; powerState: PowerState };
    /** The image to rescue with. */
    rescueImage: { [K in keyof ImageFacts]: ImageFacts[K] } | null;
  };
  /** `seq`: the interface's row, for an attachment written with the journal entry. */
  'nova.attach-interface': OfServer & { seq: number };
  'nova.detach-interface': OfServer & { seq: number };
  /** `rowId`: the volume's row, for an attachment written with the journal entry. */
  'nova.attach-volume': OfServer & { rowId: string };
  'nova.detach-volume': OfServer & { rowId: string };
  /** `rotation`: it is a backup; the number of backups of its type that the server keeps. */
  'nova.create-image': OfServer & {
    imageId: string;
    rotation: { type: string; keep: number } | null;
  };
  /** `imageId`: queued already; null: its root disk is a volume. `before`: as of a change. */
  'nova.shelve-server': OfServer & {
    imageId: string | null;
    before: { vmState: VmState; powerState: PowerState };
  };
  /** Takes a shelved server from its host. */
  'nova.offload-server': OfServer;
  /** Builds a server that was offloaded. One on its host is only started: nova.change-server. */
  'nova.unshelve-server': OfServer & { forcedHost: string | null; zone: string | null };
  /** Follows an unshelving; does nothing where that failed. */
  'nova.drop-shelved-image': OfServer & { imageId: string };
  'nova.live-migrate-server': OfServer & {
    /** The uuid of its row in `migrations`. */
    migrationId: string;
    /** The one that the operator named. */
    host: string | null;
    /** Whether its local disks go with it; 'auto': if it has some. */
    blockMigration: boolean | 'auto';
    /** They refused the guest in an earlier attempt. */
    excludedHosts?: string[];
  };
  /** Also a cold migration. The migration says from where, and to which flavor. */
  'nova.resize-server': OfMove & {
    forcedHost: string | null;
    excludedHosts: string[];
    before: { vmState: VmState; powerState: PowerState };
  };
  'nova.confirm-resize': OfMove;
  'nova.revert-resize': OfMove;
  /** `start`: the server runs afterwards. */
  'nova.evacuate-server': OfMove & { forcedHost: string | null; start: boolean };
  'nova.assist-snapshot': {
    serverId: string;
    rowId: string;
    snapshotId: string;
    newFile: string;
  };
};

/** Operations on one server run one after the other. */
export const serverLock = (serverId: string): string => `server:${serverId}`;

/**
 * Help with a volume snapshot does not wait for the server's operations: Cinder holds the volume
 * until the help is finished, and those operations may wait for the volume.
 */
export const assistLock = (volumeId: string): string => `volume:${volumeId}`;

// Nova's long operations: sagas that the API journals in Nova's database and a conductor executes.
// Names and inputs are stored in the journal: a later release must still be able to read them.
import type { BatchPlace } from '../cortex/external-scheduler.ts';
import type { ImageFacts } from './facts.ts';
import type { PowerState, TaskState, VmState } from './server-states.ts';

/**
 * Actions that change one server on its host, with the task_state that the API sets in the
 * transaction that journals the saga; the conductor clears it at the end. From which states an
 * action is allowed is defined in services/nova/api/server-actions; what it does, and the state it
 * ends in, in services/nova/conductor/server-actions.
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
  /** The id of its row in the server's action log. */
  actionId: string;
};

/**
 * Input of an operation that moves a server. `migrationId`: the uuid of the row in `migrations`
 * that is inserted with the journal entry.
 */
type OfMove = OfServer & { migrationId: string };

/** Input by operation; plain JSON. */
export type NovaOperations = {
  'nova.build-server': OfServer & {
    forcedHost: string | null;
    zone: string | null;
    /** Hosts on which the server's build has failed. */
    excludedHosts: string[];
    /** Its place in a request for several servers; absent: it is the only one. */
    batch?: BatchPlace;
  };
  'nova.delete-server': OfServer;
  'nova.change-server': OfServer & {
    action: ServerAction;
    /** The server's state before the action, from which its state after a rebuild follows. */
    before: { vmState: VmState; powerState: PowerState };
    /** The image to rescue with; null: the action is no rescue. */
    rescueImage: { [K in keyof ImageFacts]: ImageFacts[K] } | null;
  };
  /**
   * Attaches an interface. `seq`: the interface's row, which is inserted with the journal entry.
   */
  'nova.attach-interface': OfServer & { seq: number };
  /** Detaches an interface. `seq`: the interface's row. */
  'nova.detach-interface': OfServer & { seq: number };
  /** Attaches a volume. `rowId`: the volume's row, which is inserted with the journal entry. */
  'nova.attach-volume': OfServer & { rowId: string };
  /** Detaches a volume. `rowId`: the volume's row. */
  'nova.detach-volume': OfServer & { rowId: string };
  /**
   * Creates an image of the server. `rotation`: set for a backup; `keep` is how many backups of its
   * type the server keeps.
   */
  'nova.create-image': OfServer & {
    imageId: string;
    rotation: { type: string; keep: number } | null;
  };
  /**
   * Shelves a server. `imageId`: the image of its root disk, already queued; null: the root disk is
   * a volume. `before`: as for nova.change-server.
   */
  'nova.shelve-server': OfServer & {
    imageId: string | null;
    before: { vmState: VmState; powerState: PowerState };
  };
  /** Removes a shelved server from its host. */
  'nova.offload-server': OfServer;
  /**
   * Builds an offloaded server again. A shelved one that is still on its host is only started:
   * nova.change-server.
   */
  'nova.unshelve-server': OfServer & { forcedHost: string | null; zone: string | null };
  /** Deletes the shelved image after an unshelve; no effect if the unshelve failed. */
  'nova.drop-shelved-image': OfServer & { imageId: string };
  'nova.live-migrate-server': OfServer & {
    /** The uuid of its row in `migrations`. */
    migrationId: string;
    /** The destination that the request names; null: the scheduler chooses. */
    host: string | null;
    /** Whether local disks are copied; 'auto': if the server has any. */
    blockMigration: boolean | 'auto';
    /** Hosts that refused the guest in an earlier attempt. */
    excludedHosts?: string[];
  };
  /** Resizes or cold-migrates a server. Source host and new flavor are in the migration's row. */
  'nova.resize-server': OfMove & {
    forcedHost: string | null;
    excludedHosts: string[];
    before: { vmState: VmState; powerState: PowerState };
  };
  'nova.confirm-resize': OfMove;
  'nova.revert-resize': OfMove;
  /**
   * Builds a server anew on another host, since the compute service of its own is down. `start`:
   * whether the server runs afterwards.
   */
  'nova.evacuate-server': OfMove & { forcedHost: string | null; start: boolean };
  'nova.assist-snapshot': {
    serverId: string;
    rowId: string;
    snapshotId: string;
    newFile: string;
  };
};

/** The lock key of a server: its operations run one after another. */
export const serverLock = (serverId: string): string => `server:${serverId}`;

/**
 * The lock key of Nova's part in a volume snapshot. It is not the server's lock, since that might
 * deadlock: Cinder holds the volume until this is finished, and the server's operations may be
 * waiting for the volume.
 */
export const assistLock = (volumeId: string): string => `volume:${volumeId}`;

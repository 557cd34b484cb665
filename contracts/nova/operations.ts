// Nova's long operations: sagas that the API journals in Nova's database and a conductor carries
// out. Names and inputs stand in the journal: a later release must still be able to read them.
import type { ImageFacts } from './facts.ts';
import type { PowerState, VmState } from './server-states.ts';

/** Changes of one server on its host; their rules are a table (domain/server-state.ts). */
export type ServerAction =
  | 'start'
  | 'stop'
  | 'softReboot'
  | 'hardReboot'
  | 'pause'
  | 'unpause'
  | 'suspend'
  | 'resume'
  | 'rescue'
  | 'unrescue'
  | 'rebuild';

/** Of each operation on a server. */
type OfServer = {
  serverId: string;
  /** Its row in the action log. */
  actionId: string;
};

/** Input by operation; plain JSON. */
export type NovaOperations = {
  'nova.build-server': OfServer & {
    forcedHost: string | null;
    zone: string | null;
    /** Hosts that failed to build it. */
    excludedHosts: string[];
  };
  'nova.delete-server': OfServer;
  'nova.change-server': OfServer & {
    action: ServerAction;
    /** Before the action began: decides where a rebuild ends. */
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
  /** `rotation`: it is a backup, and of its type the server keeps so many. */
  'nova.create-image': OfServer & {
    imageId: string;
    rotation: { type: string; keep: number } | null;
  };
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
 * Help with a snapshot does not wait for the server's operations: Cinder holds the volume until it
 * has its answer, and they may wait for the volume.
 */
export const assistLock = (volumeId: string): string => `volume:${volumeId}`;

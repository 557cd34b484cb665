// The image files of one volume and how snapshots order them. Pure; nfs-volumes.ts carries it out
// and keeps it in `volume-<id>.info`. A snapshot freezes the file that took the writes and lays a
// new one over it: `volume-<id>.<snapshot id>`.

export interface Chain {
  /**
   * The oldest first; each lies under the next, the last under `active`. `snapshot` null: deleted,
   * its file waits to be merged into the one above.
   */
  frozen: readonly { file: string; snapshot: string | null }[];
  /** The file that takes writes. */
  active: string;
}

export const baseFile = (volumeId: string): string => `volume-${volumeId}`;
export const infoFile = (volumeId: string): string => `volume-${volumeId}.info`;
export const overlayFile = (volumeId: string, snapshotId: string): string =>
  `volume-${volumeId}.${snapshotId}`;

export const newChain = (volumeId: string): Chain => ({ frozen: [], active: baseFile(volumeId) });

export const snapshotFile = ({ frozen }: Chain, snapshotId: string): string | undefined =>
  frozen.find(({ snapshot }) => snapshot === snapshotId)?.file;
export const snapshotsOf = ({ frozen }: Chain): string[] =>
  frozen.flatMap(({ snapshot }) => (snapshot === null ? [] : [snapshot]));
export const filesOf = ({ frozen, active }: Chain): string[] => [
  ...frozen.map(({ file }) => file),
  active,
];

/** One that is there stays as it is. */
export function withSnapshot(chain: Chain, volumeId: string, snapshotId: string): Chain {
  if (snapshotFile(chain, snapshotId) !== undefined) return chain;
  return {
    frozen: [...chain.frozen, { file: chain.active, snapshot: snapshotId }],
    active: overlayFile(volumeId, snapshotId),
  };
}

export const withoutSnapshot = ({ frozen, active }: Chain, snapshotId: string): Chain => ({
  frozen: frozen.map(({ file, snapshot }) => ({
    file,
    snapshot: snapshot === snapshotId ? null : snapshot,
  })),
  active,
});

/**
 * A deleted snapshot's file: its content goes into `top`, which lies on `below` then (null: on
 * nothing).
 */
export interface Merge {
  file: string;
  top: string;
  below: string | null;
  /** As it is after the merge. */
  chain: Chain;
}

/** What to merge next; null: nothing waits. */
export function nextMerge({ frozen, active }: Chain): Merge | null {
  const index = frozen.findIndex(({ snapshot }) => snapshot === null);
  const dead = frozen[index];
  if (!dead) return null;
  return {
    file: dead.file,
    top: frozen[index + 1]?.file ?? active,
    below: frozen[index - 1]?.file ?? null,
    chain: { frozen: frozen.filter((layer) => layer !== dead), active },
  };
}

export function parseChain(text: string): Chain | null {
  try {
    const { active, frozen } = JSON.parse(text) as Partial<Chain>;
    return typeof active === 'string' &&
      Array.isArray(frozen) &&
      frozen.every((layer) => typeof layer?.file === 'string')
      ? { frozen, active }
      : null;
  } catch {
    return null;
  }
}

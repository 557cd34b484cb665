// The image files of one volume, as a chain of qcow2 backing files. Pure; nfs-volumes.ts executes
// the changes and stores the chain in `volume-<id>.info`. A snapshot freezes the file that is being
// written to and puts a new overlay on top: `volume-<id>.<snapshot id>`.

export interface Chain {
  /**
   * Frozen files, oldest first: each is the backing file of the next, the last one that of
   * `active`. `snapshot` null: the snapshot was deleted, and its file is to be merged into the one
   * above.
   */
  frozen: readonly { file: string; snapshot: string | null }[];
  /** The file that the guest writes to. */
  active: string;
}

export const baseFile = (volumeId: string): string => `volume-${volumeId}`;
export const infoFile = (volumeId: string): string => `volume-${volumeId}.info`;
export const overlayFile = (volumeId: string, snapshotId: string): string =>
  `volume-${volumeId}.${snapshotId}`;

export const newChain = (volumeId: string): Chain => ({ frozen: [], active: baseFile(volumeId) });

/** The file that the snapshot has frozen; undefined: no such snapshot. */
export const snapshotFile = ({ frozen }: Chain, snapshotId: string): string | undefined =>
  frozen.find(({ snapshot }) => snapshot === snapshotId)?.file;
export const snapshotsOf = ({ frozen }: Chain): string[] =>
  frozen.flatMap(({ snapshot }) => (snapshot === null ? [] : [snapshot]));
export const filesOf = ({ frozen, active }: Chain): string[] => [
  ...frozen.map(({ file }) => file),
  active,
];

/** The chain after taking the snapshot; unchanged if it contains the snapshot already. */
export function withSnapshot(chain: Chain, volumeId: string, snapshotId: string): Chain {
  if (snapshotFile(chain, snapshotId) !== undefined) return chain;
  return {
    frozen: [...chain.frozen, { file: chain.active, snapshot: snapshotId }],
    active: overlayFile(volumeId, snapshotId),
  };
}

/** The chain with the snapshot marked as deleted; `nextMerge` then removes its file. */
export const withoutSnapshot = ({ frozen, active }: Chain, snapshotId: string): Chain => ({
  frozen: frozen.map(({ file, snapshot }) => ({
    file,
    snapshot: snapshot === snapshotId ? null : snapshot,
  })),
  active,
});

/**
 * How to remove a deleted snapshot's file: its content is copied into `top`, whose backing file is
 * then `below` (null: none).
 */
export interface Merge {
  file: string;
  top: string;
  below: string | null;
  /** The chain after the merge. */
  chain: Chain;
}

/** The next merge that is due; null if none is. */
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

/** Parses the text of a volume's note; null: it is not a chain. */
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

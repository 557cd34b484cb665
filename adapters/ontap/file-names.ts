// What the files of a volume are called on the filer. Pure; ontap-volumes.ts makes them.
// Each is a whole qcow2 image: a snapshot is a clone that shares blocks on the filer, no image
// refers to another. Without dots and slashes: ONTAP wants those encoded in addresses, and its
// reference does not say whether in a rename's body too.

export const volumeFile = (volumeId: string): string => `volume-${volumeId}`;
export const snapshotFile = ({ id, volumeId }: { id: string; volumeId: string }): string =>
  `volume-${volumeId}-snapshot-${id}`;
/** A file while it is being made; renamed when it is whole. */
export const unfinishedFile = (file: string): string => `${file}-new`;
/** Matches all files of a volume, in ONTAP's query language. */
export const filesOf = (volumeId: string): string => `volume-${volumeId}*`;

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const ownName = new RegExp(`^volume-(${uuid})(?:-snapshot-(${uuid}))?$`);

/** Volumes and their snapshots; whatever is neither, or belongs to no volume, is a stray. */
export function sortFiles(names: readonly string[]): {
  volumes: { id: string; snapshots: string[] }[];
  strays: string[];
} {
  const volumes = new Map(
    names.flatMap((name) => {
      const [, id, snapshot] = ownName.exec(name) ?? [];
      return id === undefined || snapshot !== undefined
        ? []
        : [[id, { id, snapshots: [] as string[] }] as const];
    }),
  );
  const strays: string[] = [];
  for (const name of names) {
    const [, id = '', snapshot] = ownName.exec(name) ?? [];
    const volume = volumes.get(id);
    if (!volume) strays.push(name);
    else if (snapshot !== undefined) volume.snapshots.push(snapshot);
  }
  return { volumes: [...volumes.values()], strays };
}

// The names of a volume's files on the filer. Pure; ontap-volumes.ts creates the files. Each file
// is a complete qcow2 image without a backing file; a snapshot is a file clone, which shares blocks
// on the filer. No dots and slashes: ONTAP wants them encoded in URLs, and its reference does not
// say whether also in the body of a rename.

export const volumeFile = (volumeId: string): string => `volume-${volumeId}`;
export const snapshotFile = ({ id, volumeId }: { id: string; volumeId: string }): string =>
  `volume-${volumeId}-snapshot-${id}`;
/** Name of a file while it is being written; the file is renamed when it is complete. */
export const unfinishedFile = (file: string): string => `${file}-new`;
/** A pattern that matches all files of a volume, in ONTAP's query language. */
export const filesOf = (volumeId: string): string => `volume-${volumeId}*`;

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const ownName = new RegExp(`^volume-(${uuid})(?:-snapshot-(${uuid}))?$`);

/** Sorts file names into volumes with their snapshots, and strays (files of no volume). */
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

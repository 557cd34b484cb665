// The driver of ports/volume-backend.ts on a NetApp filer: qcow2 files in one ONTAP volume. Names,
// copies and snapshots go through the filer's REST interface (a file clone shares blocks, so no
// data are copied); bytes go through NFS, which qemu-img speaks itself. Only compose names this
// driver.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { DiskImages } from '#ports/disk-images.ts';
import type { CopyOptions, VolumeBackend } from '#ports/volume-backend.ts';
import { filesOf, snapshotFile, sortFiles, unfinishedFile, volumeFile } from './file-names.ts';
import { isMissingFile, portFault } from './ontap-errors.ts';
import type { FlexVol, OntapFile, OntapRest } from './ontap-rest.ts';

export interface OntapVolumesOptions {
  rest: OntapRest;
  images: DiskImages;
  /** Name of the SVM (storage virtual machine) that serves the files. */
  svm: string;
  /** Name of the ONTAP volume in the SVM that holds the files. */
  flexVol: string;
  /** The address at which hosts reach the SVM by NFS. */
  nfsServer: string;
  /** Deadline of a qemu-img call that copies no data. */
  shortTimeoutMs?: number;
  /** Deadline of a qemu-img call that copies a volume. */
  copyTimeoutMs?: number;
}

type Place = FlexVol & { junctionPath: string };

const gib = 1024 ** 3;

export function createOntapVolumes({
  rest,
  images,
  svm,
  flexVol,
  nfsServer,
  shortTimeoutMs = 30_000,
  copyTimeoutMs = 3_600_000,
}: OntapVolumesOptions): VolumeBackend {
  let place: Place | undefined;
  const img = async (...args: string[]): Promise<Outcome<void>> =>
    await images.run(args, { timeoutMs: shortTimeoutMs });
  const copy = async (args: string[], { signal }: CopyOptions): Promise<Outcome<void>> =>
    await images.run(['convert', '-U', ...args], { timeoutMs: copyTimeoutMs, signal });
  const url = (volume: Place, file: string): string =>
    `nfs://${nfsServer}${volume.junctionPath}/${file}`;

  async function findVolume(): Promise<Outcome<Place>> {
    const volume = await rest.flexVol(svm, flexVol);
    if (isFault(volume)) return portFault(volume);
    const { junctionPath, state } = volume;
    if (state !== 'online')
      return fault('unavailable', `The volume ${svm}:${flexVol} of the filer is ${state}.`);
    if (junctionPath === null)
      return fault(
        'unavailable',
        `The volume ${svm}:${flexVol} of the filer is exported nowhere: it has no junction path.`,
      );
    return (place = { ...volume, junctionPath });
  }

  /**
   * Runs `work` with the ONTAP volume and translates its faults into those of the port. After a
   * fault, the next call looks the volume up again, since it may have been moved or recreated.
   */
  async function onFiler<T>(work: (volume: Place) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const volume = place ?? (await findVolume());
    const outcome = isFault(volume) ? volume : await work(volume);
    if (!isFault(outcome)) return outcome;
    if (!isMissingFile(outcome)) place = undefined;
    return portFault(outcome);
  }

  async function exists(volume: Place, file: string): Promise<Outcome<boolean>> {
    const facts = await rest.file(volume, file);
    return isFault(facts) ? (isMissingFile(facts) ? false : facts) : true;
  }

  async function fileFacts(volume: Place, file: string): Promise<Outcome<OntapFile>> {
    const facts = await rest.file(volume, file);
    return isFault(facts) && isMissingFile(facts)
      ? fault('notFound', `The filer has no ${file}.`)
      : facts;
  }

  /** Deletes the file, and what an interrupted attempt to create it may have left. */
  async function drop(volume: Place, file: string): Promise<Outcome<void>> {
    const dropped = await rest.deleteFile(volume, file);
    return isFault(dropped) ? dropped : await rest.deleteFile(volume, unfinishedFile(file));
  }

  /**
   * Creates `file` atomically: written under another name, then renamed. An existing file is kept.
   */
  async function makeFile(
    volume: Place,
    file: string,
    make: (unfinished: string) => Promise<Outcome<void>>,
  ): Promise<Outcome<void>> {
    const existing = await exists(volume, file);
    if (isFault(existing) || existing) return withoutValue(existing);
    const unfinished = unfinishedFile(file);
    const makeResult = await whole(volume, unfinished, make);
    const renamed = isFault(makeResult)
      ? makeResult
      : await rest.renameFile(volume, unfinished, file);
    if (!isFault(renamed)) return undefined;
    // The rename may have happened in spite of the fault, so check whether the file exists.
    if (!isFault(makeResult) && (await exists(volume, file)) === true) return undefined;
    await rest.deleteFile(volume, unfinished);
    return renamed;
  }

  /** Deletes what an earlier attempt left, then runs `make`. */
  async function whole(
    volume: Place,
    unfinished: string,
    make: (unfinished: string) => Promise<Outcome<void>>,
  ): Promise<Outcome<void>> {
    const cleared = await rest.deleteFile(volume, unfinished);
    return isFault(cleared) ? cleared : await make(unfinished);
  }

  /** Clones `from` to `to`, which must not exist. */
  async function clone(volume: Place, from: string, to: string): Promise<Outcome<void>> {
    const source = await fileFacts(volume, from);
    if (isFault(source)) return source;
    const cloned = await rest.cloneFile(volume, { from, to, overwrite: false });
    if (cloned !== 'unknown') return withoutValue(cloned);
    const clonedFile = await rest.file(volume, to);
    if (isFault(clonedFile))
      return isMissingFile(clonedFile)
        ? fault(
            'unavailable',
            `The filer knows neither the job that should clone ${from} nor its file.`,
          )
        : clonedFile;
    return clonedFile.sizeBytes === source.sizeBytes
      ? undefined
      : fault(
          'unavailable',
          `The filer has cloned ${clonedFile.sizeBytes} of ${source.sizeBytes} bytes of ${from}.`,
        );
  }
  const cloneAs = async (
    volume: Place,
    from: string,
    to: string,
    finish: (unfinished: string) => Promise<Outcome<void>> = async () => undefined,
  ): Promise<Outcome<void>> =>
    await makeFile(volume, to, async (unfinished) => {
      const cloned = await clone(volume, from, unfinished);
      return isFault(cloned) ? cloned : await finish(unfinished);
    });

  const grow = async (volume: Place, file: string, sizeGib: number): Promise<Outcome<void>> =>
    await images.grow(url(volume, file), sizeGib, { timeoutMs: shortTimeoutMs });

  /** Replaces the content of `file` by that of `unfinished`. */
  async function replace(volume: Place, file: string, unfinished: string): Promise<Outcome<void>> {
    const cloned = await rest.cloneFile(volume, { from: unfinished, to: file, overwrite: true });
    if (cloned === 'unknown')
      return fault('unavailable', `The filer does not say whether it has overwritten ${file}.`);
    return isFault(cloned) ? cloned : await rest.deleteFile(volume, unfinished);
  }

  const withFile = async <T>(
    volumeId: string,
    work: (volume: Place, file: string) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> =>
    await onFiler(async (volume) => {
      const facts = await fileFacts(volume, volumeFile(volumeId));
      return isFault(facts) ? facts : await work(volume, volumeFile(volumeId));
    });

  const backend: VolumeBackend = {
    async facts() {
      const volume = await findVolume();
      if (isFault(volume)) return volume;
      return {
        vendorName: 'NetApp',
        driverVersion: '1.0',
        storageProtocol: 'nfs',
        totalGib: volume.totalBytes / gib,
        freeGib: volume.freeBytes / gib,
      };
    },

    createVolume: async (id, sizeGib, origin) =>
      await onFiler(async (volume) => {
        if (origin.kind === 'blank')
          return await makeFile(
            volume,
            volumeFile(id),
            async (file) =>
              await img('create', '-q', '-f', 'qcow2', url(volume, file), String(sizeGib * gib)),
          );
        const from =
          origin.kind === 'volume' ? volumeFile(origin.id) : snapshotFile(origin.snapshot);
        return await cloneAs(
          volume,
          from,
          volumeFile(id),
          async (file) => await grow(volume, file, sizeGib),
        );
      }),
    deleteVolume: async (id) =>
      await onFiler(async (volume) => {
        const files = await rest.files(volume, filesOf(id));
        if (isFault(files)) return files;
        // The volume's own file is deleted last: while it exists, a repeated call finds the others.
        for (const file of [
          ...files.map(({ name }) => name).filter((name) => name !== volumeFile(id)),
          volumeFile(id),
        ]) {
          const deleted = await rest.deleteFile(volume, file);
          if (isFault(deleted)) return deleted;
        }
        return undefined;
      }),
    extendVolume: async (id, sizeGib) =>
      await withFile(id, async (volume, file) => await grow(volume, file, sizeGib)),

    createSnapshot: async (snapshot) =>
      await onFiler(
        async (volume) =>
          await cloneAs(volume, volumeFile(snapshot.volumeId), snapshotFile(snapshot)),
      ),
    // Works also while a guest uses the volume: no file is the backing file of another.
    deleteSnapshot: async (snapshot) =>
      await onFiler(async (volume) => await drop(volume, snapshotFile(snapshot))),
    async settle() {},

    // A file clone is crash-consistent, as after a power failure: QEMU writes qcow2's tables in an
    // order that survives that.
    async prepareOnlineSnapshot(snapshot) {
      const snapshotResult = await backend.createSnapshot(snapshot);
      return isFault(snapshotResult) ? snapshotResult : {};
    },
    finishOnlineSnapshot: async (snapshot) =>
      await onFiler(async (volume) =>
        withoutValue(await fileFacts(volume, snapshotFile(snapshot))),
      ),
    abandonOnlineSnapshot: async (snapshot) =>
      await backend.deleteSnapshot(snapshot, { inUse: true }),

    connection: async (id) =>
      await withFile(id, async ({ junctionPath }, file) => ({
        protocol: 'nfs' as const,
        server: nfsServer,
        share: junctionPath,
        file,
        format: 'qcow2' as const,
      })),

    importFile: async (id, sizeGib, image, { signal } = {}) =>
      await withFile(id, async (volume, file) => {
        const unfinished = unfinishedFile(file);
        const makeResult = await whole(volume, unfinished, async () => {
          const copied = await images.convert(
            image,
            sizeGib * gib,
            { name: url(volume, unfinished), intoExisting: false },
            { timeoutMs: copyTimeoutMs, signal },
          );
          return isFault(copied) ? copied : await grow(volume, unfinished, sizeGib);
        });
        const replaced = isFault(makeResult) ? makeResult : await replace(volume, file, unfinished);
        if (isFault(replaced)) await rest.deleteFile(volume, unfinished);
        return replaced;
      }),
    exportFile: async (from, { path, format }, options = {}) =>
      await onFiler(async (volume) => {
        const file = 'snapshot' in from ? snapshotFile(from.snapshot) : volumeFile(from.volumeId);
        const source = await fileFacts(volume, file);
        return isFault(source)
          ? source
          : await copy(['-f', 'qcow2', '-O', format, url(volume, file), path], options);
      }),

    inventory: async () =>
      await onFiler(async (volume) => {
        const files = await rest.files(volume, '*');
        return isFault(files) ? files : sortFiles(files.map(({ name }) => name));
      }),
    close: () => rest.close(),
  };
  return backend;
}

const withoutValue = (outcome: Outcome<unknown>): Outcome<void> =>
  isFault(outcome) ? outcome : undefined;

// The ONTAP driver on a failing filer: returns a clear fault of the port, leaves nothing half
// created, and repairs what can be repaired.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createOntapRest } from '#adapters/ontap/ontap-rest.ts';
import { createOntapVolumes } from '#adapters/ontap/ontap-volumes.ts';
import { createQemuDiskImages } from '#adapters/qemu-img/qemu-disk-images.ts';
import { Fault, isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { Secret, silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import type { TestFiler } from './filer.testing.ts';
import { filerMissing, startFiler } from './filer.testing.ts';
import type { TestOntap } from './ontap-server.testing.ts';
import { startOntap } from './ontap-server.testing.ts';

const clonePath = 'POST /api/storage/file/clone';

describe('a NetApp filer in trouble', { skip: filerMissing(), timeout: 120_000 }, () => {
  let filer: TestFiler;
  let ontap: TestOntap;
  let backend: VolumeBackend;
  let volume: string;

  const open = (changes: { password?: string; nfsServer?: string } = {}): VolumeBackend => {
    const address = {
      ...ontap.address,
      ...(changes.password === undefined ? {} : { password: new Secret(changes.password) }),
    };
    const rest = createOntapRest({
      address,
      clock: {
        ...systemClock,
        sleep: async (ms, options) => await systemClock.sleep(ms / 10, options),
      },
      ids: systemIds,
      log: silentLog,
      timeoutMs: 500,
      jobTimeoutMs: 1_000,
    });
    return createOntapVolumes({
      rest,
      images: createQemuDiskImages({ log: silentLog }),
      svm: ontap.svm,
      flexVol: ontap.flexVol,
      nfsServer: changes.nfsServer ?? filer.server,
      shortTimeoutMs: 3_000,
    });
  };
  const sure = <T>(outcome: T): Exclude<T, Fault> => {
    assert.ok(!isFault(outcome), isFault(outcome) ? outcome.message : '');
    return outcome as Exclude<T, Fault>; // asserted above
  };
  const refused = (outcome: unknown, kind: string): string => {
    assert.ok(outcome instanceof Fault, 'a fault');
    assert.equal(outcome.kind, kind, outcome.message);
    return outcome.message;
  };
  const copyOf = async (id: string): Promise<unknown> =>
    await backend.createVolume(id, 1, { kind: 'volume', id: volume });
  const filesOf = (id: string): string[] =>
    readdirSync(filer.folder).filter((name) => name.includes(id));

  before(async () => {
    filer = await startFiler();
    ontap = await startOntap(filer, { jobMs: 20 });
    backend = open();
    volume = randomUUID();
    sure(await backend.createVolume(volume, 1, { kind: 'blank' }));
  });
  beforeEach(() => void ontap.requests.splice(0));
  after(async () => {
    backend.close();
    await ontap.close();
    await filer.close();
  });

  test('wrong credentials are unavailable, said once, and told to nobody', async () => {
    const stranger = open({ password: 'not-the-password' });
    const message = refused(await stranger.facts(), 'unavailable');
    assert.match(message, /not authorized/);
    assert.doesNotMatch(message, /not-the-password/);
    assert.equal(ontap.requests.length, 1, 'no second try: accounts are locked for that');
    stranger.close();
  });

  test('reads and deletions are repeated when the filer stumbles', async () => {
    for (const as of ['error', 'cut', 'silence', 'nonsense'] as const) {
      ontap.trouble({
        at: 'GET /api/storage/volumes',
        as,
        status: 503,
        error: { message: 'busy', code: '0' },
      });
      sure(await backend.facts());
    }
    const id = randomUUID();
    sure(await backend.createVolume(id, 1, { kind: 'blank' }));
    ontap.trouble({ at: `DELETE`, as: 'cut after' });
    sure(await backend.deleteVolume(id));
    assert.deepEqual(filesOf(id), []);
  });

  test('but not for ever', async () => {
    ontap.trouble({
      at: 'GET /api/storage/volumes',
      as: 'error',
      status: 500,
      error: { message: 'internal', code: '0' },
      times: 3,
    });
    refused(await backend.facts(), 'unavailable');
    assert.equal(ontap.requests.length, 3);
    ontap.trouble({ at: 'GET /api/storage/volumes', as: 'silence', times: 3 });
    refused(await backend.facts(), 'timeout');
    sure(await backend.facts());
  });

  test('a change is judged by the file, not by an answer that got lost', async () => {
    const id = randomUUID();
    ontap.trouble({ at: 'PATCH', as: 'cut after' });
    sure(await copyOf(id));
    assert.deepEqual(filesOf(id), [`volume-${id}`]);
    ontap.trouble({ at: 'PATCH', as: 'cut' });
    const other = randomUUID();
    refused(await copyOf(other), 'unavailable');
    assert.deepEqual(filesOf(other), []);
    sure(await backend.deleteVolume(id));
  });

  test('a full filer is over quota, and leaves nothing half made', async () => {
    const id = randomUUID();
    ontap.trouble({
      at: clonePath,
      as: 'error',
      status: 500,
      error: { message: 'The volume is full.', code: '9437549' },
    });
    refused(await copyOf(id), 'overQuota');
    refused(await backend.connection(id), 'notFound');
    assert.deepEqual(filesOf(id), []);
    sure(await copyOf(id));
    sure(await backend.deleteVolume(id));
  });

  test('a failed, a lost, and an endless job of a clone', async () => {
    // The job before the clone's deletes what an earlier attempt left, the one after it cleans up.
    const cases = [
      [
        { as: 'failure', error: { message: 'No space left on device', code: '6684700' } },
        'overQuota',
      ],
      [{ as: 'failure', error: { message: 'Clone operation failed', code: '13' } }, 'unavailable'],
      [{ as: 'lost undone' }, 'unavailable'],
      [{ as: 'endless' }, 'timeout'],
    ] as const;
    for (const [trouble, kind] of cases) {
      const id = randomUUID();
      ontap.nextJob({ as: 'lost' });
      ontap.nextJob(trouble);
      refused(await copyOf(id), kind);
      assert.deepEqual(filesOf(id), [], trouble.as);
    }
    const id = randomUUID();
    ontap.nextJob({ as: 'lost' });
    // The job is done but its record is gone: the driver checks the file.
    ontap.nextJob({ as: 'lost' });
    sure(await copyOf(id));
    assert.deepEqual(filesOf(id), [`volume-${id}`]);
    sure(await backend.deleteVolume(id));
  });

  test('a deletion whose job is lost is done when the file is gone', async () => {
    const id = randomUUID();
    sure(await copyOf(id));
    ontap.nextJob({ as: 'lost undone' });
    refused(await backend.deleteVolume(id), 'unavailable');
    assert.deepEqual(filesOf(id), [`volume-${id}`]);
    ontap.nextJob({ as: 'lost' });
    sure(await backend.deleteVolume(id));
    assert.deepEqual(filesOf(id), []);
  });

  test('leftovers of a crashed copy or snapshot are not used, and are removed with it', async () => {
    const id = randomUUID();
    writeFileSync(join(filer.folder, `volume-${id}-new`), 'half a file');
    assert.ok(
      sure(await backend.inventory()).strays.includes(`volume-${id}-new`),
      'the audit sees it',
    );
    sure(await copyOf(id));
    assert.ok(
      readFileSync(join(filer.folder, `volume-${id}`))
        .subarray(0, 4)
        .equals(Buffer.from('QFI\xfb', 'latin1')),
    );
    const snapshot = { id: randomUUID(), volumeId: id };
    writeFileSync(
      join(filer.folder, `volume-${id}-snapshot-${snapshot.id}-new`),
      'half a snapshot',
    );
    sure(await backend.deleteSnapshot(snapshot, { inUse: false }));
    assert.deepEqual(filesOf(id), [`volume-${id}`]);
    writeFileSync(join(filer.folder, `volume-${id}-snapshot-${randomUUID()}`), 'left over');
    sure(await backend.deleteVolume(id));
    assert.deepEqual(filesOf(id), []);
  });

  test('an overwriting import that fails leaves the volume as it was', async () => {
    const path = join(filer.folder, '..', 'image.raw');
    writeFileSync(path, Buffer.alloc(65_536, 7));
    const before = readFileSync(join(filer.folder, `volume-${volume}`));
    ontap.trouble({
      at: clonePath,
      as: 'error',
      status: 409,
      error: { message: 'The resource is in use.', code: '8' },
    });
    refused(await backend.importFile(volume, 1, { path, diskFormat: 'raw' }), 'unavailable');
    assert.ok(readFileSync(join(filer.folder, `volume-${volume}`)).equals(before));
    assert.deepEqual(filesOf(volume), [`volume-${volume}`]);
  });

  test('an ONTAP volume that is offline, exported nowhere, gone, or made anew', async () => {
    const refusalText = async (): Promise<string> => refused(await backend.facts(), 'unavailable');
    ontap.volume.state = 'offline';
    assert.match(await refusalText(), /offline/);
    Object.assign(ontap.volume, { state: 'online', junctionPath: null });
    assert.match(await refusalText(), /junction path/);
    Object.assign(ontap.volume, { junctionPath: filer.path, exists: false });
    assert.match(await refusalText(), /no volume/);
    refused(await backend.connection(volume), 'unavailable');
    Object.assign(ontap.volume, { exists: true, uuid: randomUUID() });
    sure(await backend.connection(volume));
    ontap.volume.uuid = randomUUID();
    refused(await backend.connection(volume), 'unavailable');
    sure(await backend.connection(volume));
  });

  test('a filer that manages but does not serve files', async () => {
    const id = randomUUID();
    const deaf = open({ nfsServer: filer.server.replace(/\d+$/, '253') });
    const outcome = await deaf.createVolume(id, 1, { kind: 'blank' });
    assert.ok(
      isFault(outcome) && ['unavailable', 'timeout'].includes(outcome.kind),
      JSON.stringify(outcome),
    );
    assert.deepEqual(filesOf(id), []);
    deaf.close();
  });

  test('a list of many pages is read to its end', async () => {
    const ids = Array.from({ length: 12 }, () => randomUUID());
    for (const id of ids) sure(await backend.createVolume(id, 1, { kind: 'blank' }));
    ontap.requests.splice(0);
    const { volumes, strays } = sure(await backend.inventory());
    assert.deepEqual(volumes.map(({ id }) => id).sort(), [...ids, volume].sort());
    assert.deepEqual(strays, []);
    assert.ok(ontap.requests.filter((request) => request.includes('start.index')).length >= 2);
    for (const id of ids) sure(await backend.deleteVolume(id));
  });

  test('a snapshot under a writer holds what was written before, and the writer goes on in the same file', async (t) => {
    const at = sure(await backend.connection(volume));
    assert.ok(at.protocol === 'nfs');
    const writer = spawn('qemu-io', ['-f', 'qcow2', `nfs://${at.server}${at.share}/${at.file}`], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    t.after(() => writer.kill());
    const holds = async (
      source: Parameters<VolumeBackend['exportFile']>[0],
      pattern: number,
    ): Promise<boolean> => {
      const path = join(filer.folder, '..', 'out.raw');
      sure(await backend.exportFile(source, { path, format: 'raw' }));
      const [start, file] = [Buffer.alloc(65_536), openSync(path, 'r')];
      readSync(file, start);
      closeSync(file);
      return start.equals(Buffer.alloc(65_536, pattern));
    };
    const write = async (pattern: number): Promise<void> => {
      writer.stdin.write(`write -P ${pattern} 0 64k\nflush\n`);
      await eventually(async () => await holds({ volumeId: volume }, pattern), {
        withinMs: 20_000,
        what: `the writer to have written ${pattern}`,
      });
    };
    const [snapshot, dropped] = [
      { id: randomUUID(), volumeId: volume },
      { id: randomUUID(), volumeId: volume },
    ];
    await write(1);
    assert.equal(
      sure(await backend.prepareOnlineSnapshot(snapshot)).newFile,
      undefined,
      'nothing for the hypervisor to switch to',
    );
    sure(await backend.prepareOnlineSnapshot(dropped));
    await write(2);
    sure(await backend.abandonOnlineSnapshot(dropped));
    sure(await backend.finishOnlineSnapshot(snapshot));
    await write(3);
    assert.deepEqual(sure(await backend.connection(volume)), at);
    writer.stdin.end('quit\n');
    await eventually(() => writer.exitCode === 0, { withinMs: 10_000, what: 'the writer to end' });
    assert.ok(await holds({ snapshot }, 1));
    assert.ok(await holds({ volumeId: volume }, 3));
    refused(await backend.finishOnlineSnapshot(dropped), 'notFound');
    sure(await backend.deleteSnapshot(snapshot, { inUse: true }));
  });
});

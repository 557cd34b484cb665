// A corpus of hostile images through Glance, Nova's image cache (boot and rescue) and Cinder's
// volumes: no process of the cloud may open another file or connect to an address because of them,
// and none may be left behind. Observed by strace.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeHostileImages } from '#adapters/qemu-img/hostile-images.testing.ts';
import { whatIsMissing } from '#platform/testing/real-daemon.ts';
import { filerMissing, startFiler, type TestFiler } from '../storage/filer.testing.ts';
import type { Fate, Job } from './hostile-images.testing.ts';
import { readTrace, type Trace } from './opened-files.ts';

const run = promisify(execFile);
const tools = ['/usr/bin/qemu-img', '/usr/bin/qemu-nbd', '/usr/bin/bwrap', '/usr/bin/strace'];
const skip = filerMissing() || ((await whatIsMissing(tools)) ?? false);
/**
 * Files that QEMU, its libraries and the loader open for every image; a tenant cannot choose them.
 */
const ownFiles =
  /^(\/usr)?(\/bin\/\.\.)?\/lib(64)?\/|^\/etc\/(ld\.so\.cache|services|nsswitch\.conf)$|^\/dev\/(null|urandom)$|^\/proc\/(sys\/|self\/status$)|^\/sys\/devices\/system\//;

describe('hostile images', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let filer: TestFiler | undefined;
  let listener: Server | undefined;
  let [calls, port] = [0, 0];
  let fates: Fate[] = [];
  let trace: Trace;
  let names: string[] = [];
  const secret = randomBytes(24).toString('hex');

  before(async () => {
    folder = await mkdtemp('/tmp/cc-hostile-');
    for (const name of ['corpus', 'exported', 'host']) await mkdir(join(folder, name));
    // As long as the largest extent that refers to it, so that QEMU could read all that it asks
    // for.
    await writeFile(join(folder, 'secret'), secret.repeat(Math.ceil(2 ** 20 / secret.length)));
    listener = createServer((socket) => {
      calls += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    ({ port } = listener.address() as AddressInfo); // cast: the server listens on TCP
    filer = await startFiler();
    const images = await makeHostileImages(join(folder, 'corpus'), {
      file: join(folder, 'secret'),
      port,
    });
    names = images.map(({ name }) => name);
    const job: Job = { folder, share: { server: filer.server, path: filer.path }, images };
    const script = fileURLToPath(new URL('hostile-images.testing.ts', import.meta.url));
    const [log, jobFile] = [join(folder, 'strace.log'), join(folder, 'job.json')];
    await writeFile(jobFile, JSON.stringify(job));
    const watch = [
      '-f',
      '--seccomp-bpf',
      '-qq',
      '-s',
      '4096',
      '-e',
      'trace=open,openat,openat2,execve,connect,clone,clone3,fork,vfork',
      '-e',
      'signal=none',
      '-o',
      log,
    ];
    const { stdout } = await run('strace', [...watch, process.execPath, script, jobFile], {
      maxBuffer: 16 * 2 ** 20,
      timeout: 240_000,
    });
    fates = JSON.parse(stdout) as Fate[];
    trace = readTrace(await readFile(log, 'utf8'));
  });
  after(async () => {
    listener?.close();
    await filer?.close();
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  });

  it('are at least 60, and each went every way', () => {
    assert.ok(names.length >= 60, String(names.length));
    assert.deepEqual(fates.map(({ name }) => name).toSorted(), names.toSorted());
    for (const program of ['/usr/bin/qemu-img', '/usr/bin/qemu-nbd', '/usr/bin/bwrap'])
      assert.ok((trace.programs.get(program) ?? 0) > 0, program);
    assert.ok(
      (trace.programs.get('/usr/bin/qemu-img') ?? 0) > names.length,
      'the trace sees the children of children',
    );
  });

  it('make nobody open the file they point at', () => {
    assert.ok(trace.opened.length > 10_000, 'the trace has something to show');
    assert.deepEqual(
      trace.opened.filter(({ path }) => path === join(folder, 'secret')),
      [],
    );
  });

  it("make QEMU open nothing but the image and the cloud's own files", () => {
    const byQemu = trace.opened.filter(({ program }) => program.startsWith('/usr/bin/qemu-'));
    assert.ok(
      byQemu.some(({ path }) => path === '/image'),
      'the image in the sandbox',
    );
    const own = (path: string): boolean =>
      ownFiles.test(path) ||
      path === '/image' ||
      path.startsWith(`${folder}/corpus/`) ||
      path.startsWith(`${folder}/exported/`) ||
      path.startsWith(`${folder}/host/images/`);
    assert.deepEqual([...new Set(byQemu.map(({ path }) => path).filter((path) => !own(path)))], []);
  });

  it('make nobody call an address', () => {
    assert.equal(calls, 0);
    assert.deepEqual(
      trace.called.filter(({ address }) => address.includes(`htons(${port})`)),
      [],
    );
  });

  it('carry the bytes of no other file anywhere', async () => {
    let files = 0;
    for (const part of ['exported', 'host/images']) {
      for (const name of await readdir(join(folder, part)).catch(() => [])) {
        files += 1;
        assert.ok(!(await contains(join(folder, part, name), secret)), name);
      }
    }
    assert.ok(files > names.length, `${files} files were looked through`);
    assert.ok(await contains(join(folder, 'secret'), secret), 'the search can find it');
  });

  it('are refused by what they are, with a reason that names no path', () => {
    const harmless =
      /said to be (raw|an ISO)$|^dmg$|^ploop, cut off|whose descriptor says flat$|beyond its end$/;
    for (const { name, glance, boot, rescue, volume } of fates) {
      for (const outcome of [boot, rescue, volume]) {
        assert.match(outcome, /^(accepted|badRequest: |tooLarge: |-$)/, `${name}: ${outcome}`);
        assert.doesNotMatch(
          outcome,
          /\/(tmp|etc|image|usr|export)|nfs:|qemu/,
          `${name}: ${outcome}`,
        );
        if (outcome === 'accepted') assert.match(name, harmless, 'accepted');
      }
      assert.equal(boot, rescue, name);
      // Exempt are other images that are raw to Glance: what QEMU would make of their content does
      // not matter, since it is never asked to parse it.
      if (/backing file|data file|vmdk descriptor|encrypted|^LUKS|said to be/.test(name))
        assert.equal(glance, 415, `${name} at Glance`);
    }
  });

  it('leave no process and no file of a conversion behind', async () => {
    const lines = await Promise.all(
      (await readdir('/proc'))
        .filter((pid) => /^\d+$/.test(pid) && pid !== String(process.pid))
        .map(async (pid) => await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    );
    assert.deepEqual(
      lines.filter((line) => line.includes(folder) && line.includes('qemu')),
      [],
    );
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('cobalt-nbd-')),
      [],
    );
    assert.deepEqual(
      (await readdir(join(folder, 'host/images'))).filter((name) => name.endsWith('.part')),
      [],
    );
    const slowest = Math.max(...fates.map(({ slowestMs }) => slowestMs));
    assert.ok(slowest < 120_000, `the slowest took ${slowest} ms: no image holds its request up`);
  });
});

async function contains(path: string, text: string): Promise<boolean> {
  let last = '';
  for await (const chunk of createReadStream(path, {
    encoding: 'latin1',
  }) as AsyncIterable<string>) {
    if ((last + chunk).includes(text)) return true;
    last = chunk.slice(-text.length);
  }
  return false;
}

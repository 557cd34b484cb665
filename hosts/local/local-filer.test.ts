// The filer, with a real NFS server. Needs root and the packages of `test`.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Fault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import { filerPaths } from './host-paths.ts';
import { createLocalFiler } from './local-filer.ts';
import type { FilerFacts } from './local-filer.ts';
import { createLocalNetwork } from './local-network.ts';
import type { NetworkFacts } from './network-facts.ts';
import { runTool, tryTool } from './run-tool.ts';
import { signalFiler } from './signal-filer.testing.ts';

const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : !existsSync('/usr/bin/ganesha.nfsd')
      ? 'needs nfs-ganesha'
      : false;

describe('the filer', { skip, timeout: 60_000 }, () => {
  const stateDir = ownedFolder('/tmp/cc-filer-');
  const deps = { stateDir, log: silentLog, clock: systemClock };
  const network = createLocalNetwork(deps);
  const filer = createLocalFiler(deps);
  let wires: NetworkFacts;
  let facts: FilerFacts;
  const sure = <T>(outcome: T): Exclude<T, Fault> => {
    assert.ok(!(outcome instanceof Fault), outcome instanceof Fault ? outcome.message : '');
    return outcome as Exclude<T, Fault>; // asserted above
  };
  const url = (file: string): string => `nfs://${facts.server}${facts.share}/${file}`;

  before(async () => {
    wires = sure(await network.start({ publicCidr: null }));
    facts = sure(await filer.start(wires));
  });
  after(async () => {
    sure(await filer.remove());
    sure(await network.remove());
    assert.equal(existsSync(`/run/netns/${filerPaths(stateDir).netns}`), false);
    removeOwnedFolder(stateDir);
  });

  test('serves its folder to QEMU over NFS', async () => {
    await runTool('qemu-img', ['create', '-q', '-f', 'qcow2', url('one.qcow2'), '1G']);
    assert.ok(existsSync(join(filerPaths(stateDir).exportDir, 'one.qcow2')));
    assert.match(await runTool('qemu-img', ['info', url('one.qcow2')]), /virtual size: 1 GiB/);
  });

  test('a server that dies comes back with its files', async () => {
    await signalFiler(filerPaths(stateDir).dir, 'KILL');
    await eventually(
      async () =>
        (await tryTool('qemu-img', ['info', url('one.qcow2')], { timeoutMs: 2_000 })).code === 0,
      { withinMs: 20_000, what: 'the file to be readable again' },
    );
  });

  test('starting again is at rest, and a stopped one starts with its files', async () => {
    assert.deepEqual(sure(await filer.start(wires)), facts);
    sure(await filer.stop());
    assert.equal(await filer.running(), false);
    sure(await filer.start(wires));
    assert.match(await runTool('qemu-img', ['info', url('one.qcow2')]), /qcow2/);
  });

  test('on a machine that never booted, without /etc/mtab, the share is there all the same', async () => {
    sure(await filer.stop());
    const { dir, netns } = filerPaths(stateDir);
    const script = `mount -t tmpfs etc /mnt && cp -a /etc/. /mnt && rm -f /mnt/mtab && mount --bind /mnt /etc && exec /bin/sh '${join(import.meta.dirname, 'filer-init.sh')}' '${dir}' ${facts.server}`;
    const init = spawn(
      'ip',
      [
        'netns',
        'exec',
        netns,
        'unshare',
        '--mount',
        '--uts',
        '--ipc',
        '--pid',
        '--fork',
        '--propagation',
        'private',
        '/bin/sh',
        '-c',
        script,
      ],
      { stdio: 'ignore' },
    );
    const ended = once(init, 'close');
    await eventually(async () => await filer.running(), { withinMs: 5_000, what: 'the init' });
    sure(await filer.start(wires));
    assert.match(await runTool('qemu-img', ['info', url('one.qcow2')]), /qcow2/);
    sure(await filer.stop());
    await ended;
  });
});

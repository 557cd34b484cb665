// For tests of storage: a real filer on the management network of a temporary cloud, removed
// afterwards.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { isFault } from '#contracts/common/fault.ts';
import { filerPaths } from '#hosts/local/host-paths.ts';
import { createLocalFiler } from '#hosts/local/local-filer.ts';
import { createLocalNetwork } from '#hosts/local/local-network.ts';
import { signalFiler } from '#hosts/local/signal-filer.testing.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';

export interface TestFiler {
  server: string;
  path: string;
  /** The exported folder as seen from this machine. */
  folder: string;
  /** Kills the server with SIGKILL; the filer's init starts another within seconds. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** The reason why no filer can run on this machine, for a test's `skip`; false if it can. */
export const filerMissing = (): string | false =>
  process.getuid?.() !== 0
    ? 'needs root (namespaces)'
    : existsSync('/usr/bin/ganesha.nfsd')
      ? false
      : 'needs nfs-ganesha (./cobalt test installs it)';

export async function startFiler(): Promise<TestFiler> {
  const stateDir = ownedFolder('/tmp/cc-filer-');
  const deps = { stateDir, log: silentLog, clock: systemClock };
  const [network, filer] = [createLocalNetwork(deps), createLocalFiler(deps)];
  const wires = await network.start({ publicCidr: null });
  assert.ok(!isFault(wires), isFault(wires) ? wires.message : '');
  const facts = await filer.start(wires);
  assert.ok(!isFault(facts), isFault(facts) ? facts.message : '');
  const { dir, exportDir } = filerPaths(stateDir);
  return {
    server: facts.server,
    path: facts.share,
    folder: exportDir,
    kill: async () => await signalFiler(dir, 'KILL'),
    async close() {
      for (const removal of [await filer.remove(), await network.remove()])
        assert.ok(!isFault(removal));
      removeOwnedFolder(stateDir);
    },
  };
}

// The filer of a cloud on one machine: an NFS server in its own namespace, in the management
// network. Used by compose and the CLI.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { addressIn } from './free-cidr.ts';
import { filerPaths } from './host-paths.ts';
import { cutPower, initState, removeInit } from './init-life.ts';
import type { LocalDeps } from './local-deps.ts';
import { checkNeeds } from './needs.ts';
import { ensureNetns } from './netns.ts';
import type { NetworkFacts } from './network-facts.ts';
import { realStateDir } from './real-state-dir.ts';
import { startInit } from './start-init.ts';
import { plugManagement } from './underlay.ts';

export interface FilerFacts {
  /** The filer's address, for NFSv3 with NLM locks and for NFSv4, both over TCP. */
  server: string;
  /** The exported path. */
  share: string;
}

export interface LocalFiler {
  /**
   * Starts the filer unless it runs, and waits until it answers (about 0.1 s). It outlives this
   * process. Faults: unavailable, forbidden, timeout.
   */
  start(network: NetworkFacts): Promise<Outcome<FilerFacts>>;
  running(): Promise<boolean>;
  /** Stops the filer; the volumes stay. */
  stop(): Promise<Outcome<void>>;
  /** Stops the filer and deletes the volumes. */
  remove(): Promise<Outcome<void>>;
}

const initScript = join(import.meta.dirname, 'filer-init.sh');
/**
 * Number of the filer's address in the management /24: the last usable one, since hosts count from
 * the start.
 */
const filerNumber = 254;
const needed = [
  ['/usr/bin/ganesha.nfsd', 'nfs-ganesha nfs-ganesha-vfs'],
  ['/sbin/rpcbind', 'rpcbind'],
  ['/sbin/rpc.statd', 'nfs-common'],
] as const;

/** The address and share of a cloud's filer, whether it runs or not. */
export const filerFacts = ({ managementCidr }: NetworkFacts): FilerFacts => ({
  server: addressIn(managementCidr, filerNumber),
  share: '/vol',
});

export function createLocalFiler({ stateDir: configuredDir, log, clock }: LocalDeps): LocalFiler {
  const paths = filerPaths(realStateDir(configuredDir));
  return {
    async start(network) {
      const refusal = checkNeeds('the filer needs', needed);
      if (refusal) return refusal;
      await mkdir(paths.exportDir, { recursive: true });
      const facts = filerFacts(network);
      const { state } = await initState(paths);
      if (state === 'off') {
        const cleared = await cutPower(paths, { clock, log });
        if (isFault(cleared)) return cleared;
        await ensureNetns(paths.netns);
      }
      await plugManagement(paths.netns, 'filer', filerNumber, network);
      const started = await startInit(paths, {
        script: state === 'off' ? [initScript, paths.dir, facts.server] : undefined,
        clock,
      });
      return isFault(started) ? started : facts;
    },
    running: async () => (await initState(paths)).state === 'running',
    stop: async () => await cutPower(paths, { clock, log }),
    remove: async () => await removeInit(paths, { clock, log }),
  };
}

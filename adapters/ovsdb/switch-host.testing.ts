// A host's network for tests: its own Open vSwitch (userspace) and ovn-controller in its own
// network namespace. Leaves nothing behind.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '#platform/testing/eventually.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import { whatIsMissing } from '#platform/testing/real-daemon.ts';

const run = promisify(execFile);
const needed = [
  '/usr/sbin/ovs-vswitchd',
  '/usr/bin/ovn-controller',
  '/usr/bin/ovs-vsctl',
  '/dev/net/tun',
];

/** Why the tests cannot run here; null: they can. */
export async function whyNoSwitchHost(): Promise<string | null> {
  return process.getuid?.() === 0 ? await whatIsMissing(needed) : 'network namespaces need root';
}

export interface SwitchHost {
  ovsdb: string;
  runFolder: string;
  enter: readonly string[];
  vsctl(...words: string[]): Promise<string>;
  /** Kills ovs-vswitchd (kill -9) and starts it again. */
  restartSwitch(): Promise<void>;
  killController(): Promise<void>;
  /** Runs a command on the host. */
  inside(...command: string[]): Promise<string>;
  close(): Promise<void>;
}

/**
 * Starts a host's network. `south`: the southbound database at which the host registers as `name`.
 */
export async function startSwitchHost(name: string, south: string): Promise<SwitchHost> {
  const folder = ownedFolder(path.join(os.tmpdir(), 'cobalt-switch-'));
  const netns = path.basename(folder);
  const env = {
    ...process.env,
    OVS_RUNDIR: folder,
    OVN_RUNDIR: folder,
    OVS_DBDIR: folder,
    OVS_SYSCONFDIR: folder,
    OVS_LOGDIR: folder,
    OVN_LOGDIR: folder,
  };
  const enter = ['/usr/bin/nsenter', `--net=/run/netns/${netns}`];
  const ovsdb = `unix:${folder}/db.sock`;
  const children = new Set<ChildProcess>();
  const shoot = (): void => children.forEach((child) => child.kill('SIGKILL'));
  process.once('exit', shoot);
  const start = (file: string, ...args: string[]): ChildProcess => {
    const child = spawn(enter[0] as string, [...enter.slice(1), file, ...args, '-vconsole:off'], {
      env,
      cwd: folder,
      stdio: 'ignore',
    }); // enter is not empty
    children.add(child);
    return child;
  };
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await exit;
    }
    children.delete(child);
  };
  const vsctl = async (...words: string[]): Promise<string> =>
    (
      await run('/usr/bin/ovs-vsctl', ['--no-wait', `--db=${ovsdb}`, '--timeout=10', ...words], {
        env,
      })
    ).stdout.trim();
  const inside = async (...command: string[]): Promise<string> =>
    (await run(enter[0] as string, [...enter.slice(1), ...command], { env, timeout: 20_000 }))
      .stdout; // enter is not empty

  await run('/usr/sbin/ip', ['netns', 'add', netns]);
  await inside('ip', 'link', 'set', 'lo', 'up');
  await run('/usr/bin/ovsdb-tool', [
    'create',
    `${folder}/db`,
    '/usr/share/openvswitch/vswitch.ovsschema',
  ]);
  start(
    '/usr/sbin/ovsdb-server',
    `--remote=punix:${folder}/db.sock`,
    `--unixctl=${folder}/ovsdb.ctl`,
    `${folder}/db`,
  );
  await eventually(async () => (await vsctl('init').catch(() => null)) !== null, {
    withinMs: 10_000,
    what: 'ovsdb-server answers',
  });
  await vsctl(
    'set',
    'Open_vSwitch',
    '.',
    `external-ids:system-id=${name}`,
    `external-ids:hostname=${name}`,
    `external-ids:ovn-remote=${south}`,
    'external-ids:ovn-encap-type=geneve',
    'external-ids:ovn-encap-ip=127.0.0.1',
    'external-ids:ovn-bridge-datapath-type=netdev',
    'external-ids:ovn-bridge-mappings=physnet1:br-ex',
  );
  const startSwitch = (): ChildProcess => start('/usr/sbin/ovs-vswitchd', ovsdb);
  let vswitchd = startSwitch();
  const controller = start('/usr/bin/ovn-controller', ovsdb);
  await eventually(async () => (await vsctl('list-br')).includes('br-int'), {
    withinMs: 10_000,
    what: 'ovn-controller makes br-int',
  });
  return {
    ovsdb,
    runFolder: folder,
    enter,
    vsctl,
    inside,
    async restartSwitch() {
      await end(vswitchd);
      vswitchd = startSwitch();
    },
    killController: async () => await end(controller),
    async close() {
      for (const child of children) await end(child);
      process.removeListener('exit', shoot);
      await run('/usr/sbin/ip', ['netns', 'delete', netns]);
      removeOwnedFolder(folder);
      if ((await readdir('/run/netns').catch((): string[] => [])).includes(netns))
        throw new Error(`${netns} is still there`);
    },
  };
}

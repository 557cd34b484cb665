// Hosts in real namespaces with a real libvirtd. Needs root and the packages of `up`.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Fault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import { certificateFolder, ensureCertificate } from './host-certificates.ts';
import { netnsPrefix } from './host-paths.ts';
import { createLocalHosts } from './local-hosts.ts';
import type { LocalHost, LocalHosts } from './local-hosts.ts';
import { createLocalNetwork } from './local-network.ts';
import { listNetns } from './netns.ts';
import type { NetworkFacts } from './network-facts.ts';
import { runTool, tryTool } from './run-tool.ts';
import { managementAddress } from './underlay.ts';

const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : !existsSync('/usr/sbin/libvirtd')
      ? 'needs libvirt-daemon'
      : false;

const open = (stateDir: string): LocalHosts =>
  createLocalHosts({ stateDir, log: silentLog, clock: systemClock, kvm: false });
const uri = (host: LocalHost): string => `qemu+unix:///system?socket=${host.libvirtSocket}`;
const virsh = (host: LocalHost, ...args: string[]): Promise<string> =>
  runTool('virsh', ['-q', '-c', uri(host), ...args]);
const inHost = (host: LocalHost, ...argv: string[]): Promise<string> =>
  runTool('nsenter', ['-t', String(host.initPid), '-m', '-u', '-n', '-p', '-i', ...argv]);

let network: NetworkFacts;

async function on(hosts: LocalHosts, name: string, index: number): Promise<LocalHost> {
  const host = await hosts.powerOn(name, { index, network });
  assert.ok(!(host instanceof Fault), String((host as Fault).message));
  return host;
}

/** The smallest guest: firmware that finds nothing to boot. */
const guestXml = (
  name: string,
): string => `<domain type='qemu'><name>${name}</name><memory unit='MiB'>16</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>`;

async function runGuest(host: LocalHost, name: string): Promise<number> {
  const file = join(host.dataDir, `${name}.xml`);
  await writeFile(file, guestXml(name));
  await virsh(host, 'create', file);
  return eventually(() => qemuPids(host)[0], { withinMs: 10_000, what: 'a QEMU in the host' });
}

const qemuPids = (host: LocalHost): number[] =>
  execFileSync('ip', ['netns', 'pids', host.netns], { encoding: 'utf8' })
    .split('\n')
    .filter((pid) => pid && commandLine(pid).startsWith('/usr/bin/qemu-system'))
    .map(Number);

function commandLine(pid: string): string {
  try {
    return execFileSync('cat', [`/proc/${pid}/cmdline`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return '';
  }
}

describe('namespaced hosts', { skip, timeout: 120_000 }, () => {
  const stateDir = ownedFolder('/tmp/cc-hosts-');
  const hosts = open(stateDir);
  const localNetwork = createLocalNetwork({ stateDir, log: silentLog, clock: systemClock });
  before(async () => {
    const started = await localNetwork.start({ publicCidr: null });
    assert.ok(!(started instanceof Fault), String((started as Fault).message));
    network = started;
  });
  after(async () => {
    assert.equal(await hosts.removeAll(), undefined);
    assert.equal(await localNetwork.remove(), undefined);
    assert.deepEqual(await listNetns(netnsPrefix(stateDir)), []);
    removeOwnedFolder(stateDir);
  });

  test('two hosts start together, each with its own name, libvirt and devices', async () => {
    const startedAt = Date.now();
    const [h1, h2] = await Promise.all([on(hosts, 'h1', 1), on(hosts, 'h2', 2)]);
    assert.ok(Date.now() - startedAt < 10_000);
    assert.equal((await virsh(h1, 'hostname')).trim(), 'h1');
    assert.equal((await virsh(h2, 'hostname')).trim(), 'h2');
    assert.equal((await inHost(h1, '/bin/ls', '/dev', '/run')).includes('kvm'), false);
    assert.match(await inHost(h2, '/usr/bin/getent', 'hosts', 'h2'), /^127\.0\.1\.2\s+h2/);
    const uuids = await Promise.all(
      [h1, h2].map((host) =>
        virsh(host, 'capabilities').then((xml) => /<uuid>(.*)<\/uuid>/.exec(xml)?.[1]),
      ),
    );
    assert.notEqual(uuids[0], uuids[1]);
    assert.deepEqual(
      (await hosts.list()).map(({ name, state }) => `${name} ${state}`),
      ['h1 running', 'h2 running'],
    );
    assert.deepEqual(
      [h1.nfsClient, h2.nfsClient],
      ['libnfs', 'libnfs'],
      'no filer here whose share a kernel could mount',
    );
  });

  test('a host is reached by those of its cloud alone, by TLS at its management address', async () => {
    const [h1, h2] = await Promise.all([on(hosts, 'h1', 1), on(hosts, 'h2', 2)]);
    const address = managementAddress(network, 2);
    const remote = `qemu+tls://${address}/system`;
    const listening = (await inHost(h2, '/usr/bin/ss', '-Hltn'))
      .split('\n')
      .map((line) => line.split(/\s+/)[3]);
    assert.deepEqual(
      listening.filter((each) => each !== undefined),
      [`${address}:16514`],
    );
    assert.equal((await inHost(h1, '/usr/bin/virsh', '-c', remote, 'hostname')).trim(), 'h2');

    const stranger = { name: 'h1', dir: join(stateDir, 'stranger'), address };
    assert.equal(await ensureCertificate(stranger.dir, stranger, Date.now()), true);
    const theirs = certificateFolder(stranger);
    await copyFile(join(certificateFolder(h1), 'authority.crt'), join(theirs, 'cacert.pem'));
    await copyFile(join(theirs, 'host.crt'), join(theirs, 'clientcert.pem'));
    await copyFile(join(theirs, 'host.key'), join(theirs, 'clientkey.pem'));
    const unknown = await tryTool('virsh', ['-c', `${remote}?pkipath=${theirs}`, 'hostname']);
    assert.notEqual(unknown.code, 0, 'a certificate of another authority opens nothing');
    await copyFile(join(certificateFolder(h1), 'host.crt'), join(theirs, 'clientcert.pem'));
    await copyFile(join(certificateFolder(h1), 'host.key'), join(theirs, 'clientkey.pem'));
    const hostname = await runTool('virsh', ['-c', `${remote}?pkipath=${theirs}`, 'hostname']);
    assert.equal(hostname.trim(), 'h2');
  });

  test('a certificate is renewed in time, and libvirtd serves the new one without a restart', async () => {
    const [h1, h2] = await Promise.all([on(hosts, 'h1', 1), on(hosts, 'h2', 2)]);
    const [index, address] = [2, managementAddress(network, 2)];
    const file = join(h2.dir, 'etc/pki/cobalt/host.crt');
    const served = async (): Promise<string> => {
      const pki = certificateFolder(h1);
      const handshake = `s_client -connect ${address}:16514 -verify_return_error -CAfile ${pki}/authority.crt`;
      const shown = `-cert ${pki}/host.crt -key ${pki}/host.key`;
      const text = await runTool('openssl', `${handshake} ${shown}`.split(' '));
      return new X509Certificate(/-----BEGIN[^]*?END CERTIFICATE-----/.exec(text)?.[0] ?? '')
        .serialNumber;
    };
    const serial = async (): Promise<string> =>
      new X509Certificate(await readFile(file)).serialNumber;
    const first = await serial();
    assert.equal(await hosts.renewCertificate('h2', { index, network }), undefined);
    assert.equal(await serial(), first, 'there is time');
    const inAYear = { now: () => Date.now() + 340 * 24 * 3_600_000 };
    const later = createLocalHosts({
      stateDir,
      log: silentLog,
      clock: { ...systemClock, ...inAYear },
      kvm: false,
    });
    assert.equal(await later.renewCertificate('h2', { index, network }), undefined);
    assert.notEqual(await serial(), first);
    assert.equal(await served(), await serial());
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(join(h2.dir, 'etc/pki/cobalt/host.key'))).mode & 0o777, 0o600);
  });

  test('power on again finds the running host, also for a control plane that was started anew', async () => {
    const before = await on(hosts, 'h1', 1);
    assert.equal((await on(open(stateDir), 'h1', 1)).initPid, before.initPid);
  });

  test('a host outlives the kill -9 of the control plane that started it', async () => {
    await hosts.powerOff('h1');
    const program = `
      import { createLocalHosts } from './local-hosts.ts';
      import { systemClock } from '#platform/clock.ts';
      import { silentLog } from '#platform/log.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
      const hosts = createLocalHosts({ stateDir: ${JSON.stringify(stateDir)}, log: silentLog, clock: systemClock, kvm: false });
      await hosts.powerOn('h1', { index: 1, network: ${JSON.stringify(network)} });
      process.kill(process.pid, 'SIGKILL');`;
    const killed = await tryTool(
      process.execPath,
      ['--input-type=module-typescript', '-e', program],
      { cwd: import.meta.dirname },
    );
    assert.equal(killed.code, 137, killed.stderr);
    const state = await hosts.state('h1');
    assert.ok(!(state instanceof Fault) && state.state === 'running');
    assert.equal((await virsh(state, 'hostname')).trim(), 'h1');
  });

  test('a host whose libvirtd dies gets a new one, and its guest goes on', async () => {
    const h1 = await on(hosts, 'h1', 1);
    const qemu = await runGuest(h1, 'g1');
    const old = (
      await readFile(join(stateDir, 'hosts/h1/run/libvirt/libvirtd.pid'), 'utf8')
    ).trim();
    await inHost(h1, '/bin/kill', '-9', old);
    await eventually(async () => (await virsh(h1, 'list', '--name')).trim() === 'g1', {
      withinMs: 20_000,
      what: 'the new libvirtd to list the guest',
    });
    assert.deepEqual(qemuPids(h1), [qemu]);
  });

  test('power off takes every process of the host with it and leaves the other host alone', async () => {
    const [h1, h2] = [await on(hosts, 'h1', 1), await on(hosts, 'h2', 2)];
    assert.notDeepEqual(qemuPids(h1), []);
    assert.equal(await hosts.powerOff('h1'), undefined);
    assert.equal(execFileSync('ip', ['netns', 'pids', h1.netns], { encoding: 'utf8' }), '');
    assert.equal((await virsh(h2, 'hostname')).trim(), 'h2');
    const state = await hosts.state('h1');
    assert.ok(!(state instanceof Fault) && state.state === 'off');
    assert.equal(await hosts.powerOff('h1'), undefined);
  });

  test('after kill -9 of its init the host starts again, with its data', async () => {
    const h1 = await on(hosts, 'h1', 1);
    await writeFile(join(h1.dataDir, 'disk'), 'kept');
    process.kill(h1.initPid!, 'SIGKILL'); // a running host has an init
    await eventually(async () => ((await hosts.state('h1')) as LocalHost).state === 'off', {
      withinMs: 10_000,
      what: 'the host to be off',
    });
    const again = await on(hosts, 'h1', 1);
    assert.notEqual(again.initPid, h1.initPid);
    assert.equal(await readFile(join(again.dataDir, 'disk'), 'utf8'), 'kept');
  });

  test('a PID that now belongs to a stranger is not killed', async () => {
    await on(hosts, 'h1', 1);
    await hosts.powerOff('h1');
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      const [boot, , startTime] = (await readFile(join(stateDir, 'hosts/h1/init.pid'), 'utf8'))
        .trim()
        .split(' ');
      await writeFile(
        join(stateDir, 'hosts/h1/init.pid'),
        `${boot} ${stranger.pid} ${startTime}\n`,
      );
      assert.equal(await hosts.powerOff('h1'), undefined);
      await on(hosts, 'h1', 1);
      assert.equal(stranger.exitCode ?? stranger.signalCode, null);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  test('a running host whose folder was deleted is found by its namespace and removed', async () => {
    const h2 = await on(hosts, 'h2', 2);
    rmSync(join(stateDir, 'hosts/h2'), { recursive: true, force: true });
    assert.ok((await hosts.list()).some((host) => host.name === 'h2'));
    assert.equal(await hosts.remove('h2'), undefined);
    assert.equal(existsSync(`/run/netns/${h2.netns}`), false);
    const state = await hosts.state('h2');
    assert.ok(!(state instanceof Fault) && state.state === 'absent');
  });

  test('an init that cannot start says why', async () => {
    await hosts.remove('h3');
    // A folder in place of the lock file makes taking the lock fail.
    await runTool('mkdir', ['-p', join(stateDir, 'hosts/h3/init.lock')]);
    const failed = await hosts.powerOn('h3', { index: 3, network });
    assert.ok(failed instanceof Fault);
    assert.equal(failed.kind, 'unavailable');
    assert.match(failed.message, /init\.lock/);
  });
});

test('names and folders in which no host can live are refused with what to do', async () => {
  const long = `/tmp/${'x'.repeat(90)}`;
  for (const [stateDir, name, message] of [
    ['/tmp/s', '../h1', /no host name/],
    [long, 'h1', /shorter state folder/],
    ['/run/cobalt', 'h1', /choose another/],
  ] as const) {
    const refusal = await open(stateDir).powerOn(name, { index: 1, network });
    assert.ok(refusal instanceof Fault && refusal.kind === 'badRequest');
    assert.match(refusal.message, message);
  }
});

// The libvirt driver of node facts on a real libvirtd in namespaces of its own, and its parsing of
// files and XML as hosts unlike this machine have them, written by hand.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { nodeFactsContract } from '#ports/node-facts.testing.ts';
import type { NodeFixture } from '#ports/node-facts.testing.ts';
import { domainCapabilities, guestShare, hostCapabilities, nodeset } from './capabilities-xml.ts';
import { Domains } from './domains.ts';
import { startPrivateLibvirtd, whyNoLibvirtd } from './libvirtd.testing.ts';
import { migrationJob } from './migration-job.ts';
import { createLibvirtNodeFacts } from './node-facts.ts';
import { LibvirtClient } from './rpc/client.ts';
import { JOB_MIGRATION_OUT, JOB_TYPE } from './rpc/flags.ts';
import { remote } from './rpc/protocol.ts';
import { firmwareDate, hypervisorUnits, parseOsRelease, systemFacts } from './system-facts.ts';

const missing = await whyNoLibvirtd();
if (missing !== null) it('node facts of libvirt', { skip: missing });
else nodeFactsContract('libvirt', libvirtFixture);

async function libvirtFixture(): Promise<NodeFixture> {
  const libvirtd = await startPrivateLibvirtd();
  const { socketPath } = libvirtd;
  const root = await libvirtd.root();
  const client = new LibvirtClient({ socketPath }, { log: silentLog });
  const domains = new Domains(client);
  const domainOf = async (uuid: string) =>
    (await client.call(remote.domainLookupByUuid, { uuid })).domain;
  return {
    open: () =>
      createLibvirtNodeFacts(
        {
          socketPath,
          root,
          acceleration: 'tcg',
          // The test's host runs no OVN.
          units: hypervisorUnits.slice(0, 2),
        },
        { log: silentLog, clock: systemClock },
      ),
    async startGuest({ uuid, name, vcpus, memoryMib }) {
      const xml = `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid>
        <memory unit='MiB'>${memoryMib}</memory><vcpu>${vcpus}</vcpu>
        <os><type arch='x86_64'>hvm</type></os></domain>`;
      const { domain } = await client.call(remote.domainDefineXmlFlags, { xml, flags: 0 });
      await client.call(remote.domainCreateWithFlags, { domain, flags: 0 }, 60_000);
    },
    async stopGuest(uuid) {
      await client.call(remote.domainDestroyFlags, { domain: await domainOf(uuid), flags: 0 });
    },
    async removeGuest(uuid) {
      const domain = await domainOf(uuid);
      await domains.powerOff(domain); // may have died with its daemon
      await domains.undefine(domain);
    },
    breakHypervisor: libvirtd.holdDaemon,
    mendHypervisor: libvirtd.releaseDaemon,
    async close() {
      client.close();
      await libvirtd.close();
    },
  };
}

describe('files of a host', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'cobalt-node-'));
    const files = {
      'proc/sys/kernel/osrelease': '6.12.1-cloud-amd64\n',
      'etc/os-release':
        '# made by a build\nPRETTY_NAME="Garden Linux 1877.3"\nVERSION_ID=1\nGARDENLINUX_VERSION=1877.3\n' +
        'GARDENLINUX_FEATURES=base,kvm,\nGARDENLINUX_COMMIT_ID_LONG=abc\nVARIANT_ID=kvm\nBAD LINE\n',
      'sys/class/dmi/id/sys_vendor': 'Dell Inc.\n',
      'sys/class/dmi/id/product_name': 'PowerEdge R750\n',
      'sys/class/dmi/id/bios_date': '05/17/2023\n',
    };
    for (const [file, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(root, file)), { recursive: true });
      await writeFile(path.join(root, file), content);
    }
  });
  after(async () => await rm(root, { recursive: true, force: true }));

  it('say what it is; what they do not say is missing', async () => {
    const { machine, ...facts } = await systemFacts(root);
    assert.ok(machine);
    assert.deepEqual(facts, {
      version: '1877.3',
      variantId: 'kvm',
      prettyName: 'Garden Linux 1877.3',
      gardenLinuxCommitId: 'abc',
      gardenLinuxFeatures: ['base', 'kvm'],
      kernelRelease: '6.12.1-cloud-amd64',
      hardwareVendor: 'Dell Inc.',
      hardwareModel: 'PowerEdge R750',
      firmwareDate: '2023-05-17T00:00:00Z',
    });
  });

  it('of a host that has ended are none', async () => {
    await assert.rejects(systemFacts(path.join(root, 'gone')), { code: 'ENOENT' });
  });

  it('are read as a shell reads them', () => {
    const read = parseOsRelease(`A="x \\"y\\""\nB='single'\nC=plain\nD="\nE\n=f`);
    assert.deepEqual(
      [...read],
      [
        ['A', 'x "y"'],
        ['B', 'single'],
        ['C', 'plain'],
        ['D', '"'],
      ],
    );
    assert.equal(firmwareDate('99/99/2023'), undefined);
    assert.equal(firmwareDate('2023-05-17'), undefined);
  });
});

describe("libvirt's XML", () => {
  it('has the cells of a host with their huge pages', () => {
    const cell = (id: number) => `<cell id='${id}'><memory unit='KiB'>4194304</memory>
      <pages unit='KiB' size='4'>524288</pages><pages unit='KiB' size='2048'>1024</pages>
      <cpus num='8'><cpu id='0'/></cpus></cell>`;
    const { cpuArch, cells } = hostCapabilities(
      `<capabilities><host><cpu><arch>x86_64</arch></cpu><topology><cells num='2'>${cell(0)}${cell(1)}</cells></topology></host></capabilities>`,
    );
    assert.equal(cpuArch, 'x86_64');
    assert.deepEqual(cells[1], {
      id: 1,
      cpus: 8,
      memoryBytes: 4 * 1024 ** 3,
      hugePages: [{ sizeBytes: 2 * 1024 ** 2, count: 1024 }],
    });
    assert.throws(() => hostCapabilities('<nothing/>'), /have no host/);
  });

  it('says what guests can be given', () => {
    assert.deepEqual(
      domainCapabilities(
        `<domainCapabilities><domain>kvm</domain><arch>x86_64</arch>
        <cpu><mode name='host-passthrough' supported='yes'><enum name='m'><value>on</value></enum></mode><mode name='maximum' supported='no'/></cpu>
        <devices><disk supported='yes'><enum name='bus'><value>virtio</value><value>scsi</value></enum></disk><video supported='no'><enum name='t'><value>vga</value></enum></video></devices>
        <features><gic supported='no'/><sev supported='yes'/></features></domainCapabilities>`,
      ),
      {
        arch: 'x86_64',
        hypervisorType: 'kvm',
        devices: ['disk', 'disk/scsi', 'disk/virtio'],
        cpuModes: ['mode/host-passthrough'],
        features: ['sev'],
      },
    );
  });

  it('says what a guest has, bound to cells or not, and of a broken one nothing', () => {
    const bound = guestShare(
      `<domain><memory unit='GiB'>1</memory><vcpu placement='static' current='1'>4</vcpu>
      <memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking>
      <numatune><memory mode='strict' nodeset='0-1,^0'/></numatune></domain>`,
    );
    assert.deepEqual(bound, {
      vcpus: 4,
      memoryBytes: 1024 ** 3,
      cells: [1],
      hugePageBytes: 2 * 1024 ** 2,
    });
    assert.deepEqual(guestShare('<domain><memory unit="?">x</memory></domain>'), {
      vcpus: 0,
      memoryBytes: 0,
      cells: [],
      hugePageBytes: null,
    });
    assert.deepEqual(nodeset('0,2-3,^2,x,9999999999-1'), [0, 3]);
  });

  it("has a job's statistics by their names", () => {
    const parameters = Object.entries({
      operation: JOB_MIGRATION_OUT,
      time_elapsed: 1_500n,
      data_total: 300n,
      data_processed: 200n,
      data_remaining: 100n,
      memory_iteration: 3n,
      auto_converge_throttle: 20,
    }).map(([field, value]) => ({ field, value }));
    assert.deepEqual(migrationJob(JOB_TYPE.unbounded, parameters), {
      state: 'unbounded',
      elapsedMs: 1_500,
      data: { total: 300, processed: 200, remaining: 100 },
      memoryDetail: { iteration: 3 },
      autoConvergePercent: 20,
    });
    assert.equal(migrationJob(JOB_TYPE.none, parameters), null);
    const failed = [...parameters, { field: 'success', value: false }];
    assert.equal(migrationJob(JOB_TYPE.completed, failed)?.state, 'failed');
    const incoming = [{ field: 'operation', value: JOB_MIGRATION_OUT + 1 }];
    assert.equal(migrationJob(JOB_TYPE.completed, incoming), null);
  });
});

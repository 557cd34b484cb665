// Facts about the host's resources and abilities, read from libvirt and the file system at each
// call; CPU features are read once for each daemon.
import { mkdir, statfs } from 'node:fs/promises';
import { uptime } from 'node:os';
import { XMLParser } from 'fast-xml-parser';
import type { Outcome } from '#contracts/common/fault.ts';
import type { HostFacts } from '#contracts/nova/guest.ts';
import type { Driver } from './driver.ts';
import { gib } from './guest-plan.ts';
import { asOutcome } from './outcome.ts';
import type { LibvirtClient } from './rpc/client.ts';
import { BASELINE_EXPAND_FEATURES } from './rpc/flags.ts';
import { remote } from './rpc/protocol.ts';
import { escape } from './xml-text.ts';

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  isArray: (name) => name === 'feature',
});

const allCells = -1;
const linuxMemoryStats = 4; // total, free, buffers, cached; no other count is accepted

/**
 * Total memory in KiB. nodeGetInfo and the capabilities report only what the first NUMA cell had at
 * boot; these statistics come from /proc/meminfo and include hotplugged memory.
 */
export async function wholeMemoryKib(client: LibvirtClient): Promise<bigint | undefined> {
  const { stats } = await client.call(remote.nodeGetMemoryStats, {
    count: linuxMemoryStats,
    cell: allCells,
    flags: 0,
  });
  return stats.find(({ field }) => field === 'total')?.value;
}

interface CpuXml {
  arch?: string;
  model?: string | { '#text': string };
  vendor?: string;
  topology?: { sockets: string; cores: string; threads: string };
  feature?: { name: string; policy?: string }[];
}

export function hostFacts(driver: Driver): Promise<Outcome<HostFacts>> {
  return asOutcome(async () => {
    await mkdir(driver.settings.stateDir, { recursive: true });
    const [{ hostname }, { version }, node, memoryKib, capabilities, disk, guestFeatures] =
      await Promise.all([
        driver.client.call(remote.connectGetHostname, undefined),
        driver.client.call(remote.connectGetVersion, undefined),
        driver.client.call(remote.nodeGetInfo, undefined),
        wholeMemoryKib(driver.client),
        driver.client.call(remote.connectGetCapabilities, undefined),
        statfs(driver.settings.stateDir),
        guestCpuFeatures(driver),
      ]);
    const host = (parser.parse(capabilities.xml) as { capabilities: { host: { cpu: CpuXml } } })
      .capabilities.host;
    return {
      hostname,
      hypervisorType: driver.settings.acceleration === 'kvm' ? 'KVM' : 'QEMU',
      hypervisorVersion: Number(version),
      acceleration: driver.settings.acceleration,
      arch: host.cpu.arch ?? driver.settings.arch,
      vcpus: node.cpus,
      memoryMib: Number((memoryKib ?? node.memoryKib) / 1024n),
      diskGib: Math.floor((disk.blocks * disk.bsize) / gib),
      freeDiskGib: Math.floor((disk.bavail * disk.bsize) / gib),
      hostIp: driver.settings.hostIp,
      bootedAtMs: Math.round((Date.now() - uptime() * 1000) / 60_000) * 60_000,
      cpu: {
        arch: host.cpu.arch ?? driver.settings.arch,
        model: modelName(host.cpu) ?? 'unknown',
        vendor: host.cpu.vendor ?? 'unknown',
        features: (host.cpu.feature ?? []).map((feature) => feature.name).sort(),
        topology: {
          cells: node.nodes,
          sockets: node.sockets,
          cores: node.cores,
          threads: node.threads,
        },
      },
      traits: [
        ...platformTraits,
        ...guestFeatures.flatMap((feature) => cpuTraits[feature] ?? []),
      ].sort(),
    };
  });
}

function modelName(cpu: CpuXml): string | undefined {
  return typeof cpu.model === 'object' ? cpu.model['#text'] : cpu.model;
}

const featuresOf = new WeakMap<Driver, Promise<string[]>>();

/** The CPU features that guests get, not the hardware's: a trait is a promise to the guest. */
function guestCpuFeatures(driver: Driver): Promise<string[]> {
  let features = featuresOf.get(driver);
  if (!features) {
    features = askGuestCpuFeatures(driver);
    // The next caller asks again; this one gets the failure.
    features.catch(() => featuresOf.delete(driver));
    featuresOf.set(driver, features);
  }
  return features;
}

async function askGuestCpuFeatures(driver: Driver): Promise<string[]> {
  const { acceleration, arch, emulator, machineType, cpuModel } = driver.settings;
  const target = {
    emulator,
    arch,
    machine: machineType,
    virtType: acceleration === 'kvm' ? 'kvm' : 'qemu',
  };
  const cpu =
    cpuModel === null
      ? hostModel(
          (await driver.client.call(remote.connectGetDomainCapabilities, { ...target, flags: 0 }))
            .xml,
        )
      : `<cpu><model>${escape(cpuModel)}</model></cpu>`;
  const expanded = await driver.client.call(remote.connectBaselineHypervisorCpu, {
    ...target,
    cpus: [cpu],
    flags: BASELINE_EXPAND_FEATURES,
  });
  const parsed = (parser.parse(expanded.xml) as { cpu: CpuXml }).cpu;
  return (parsed.feature ?? [])
    .filter((feature) => feature.policy !== 'disable')
    .map((feature) => feature.name);
}

/** The host-model CPU of the domain capabilities, as a `<cpu>` element. */
function hostModel(xml: string): string {
  const inner = /<mode name=['"]host-model['"][^>]*>([\s\S]*?)<\/mode>/.exec(xml)?.[1] ?? '';
  return `<cpu>${inner.replace(/<maxphysaddr[^>]*\/>/, '')}</cpu>`;
}

const platformTraits = [
  'COMPUTE_NODE',
  'COMPUTE_STORAGE_BUS_VIRTIO',
  'COMPUTE_STORAGE_BUS_SCSI',
  'COMPUTE_STORAGE_BUS_IDE',
  'COMPUTE_STORAGE_BUS_SATA',
  'COMPUTE_GRAPHICS_MODEL_VGA',
  'COMPUTE_IMAGE_TYPE_RAW',
  'COMPUTE_IMAGE_TYPE_QCOW2',
  'COMPUTE_IMAGE_TYPE_ISO',
  'COMPUTE_IMAGE_TYPE_AKI',
  'COMPUTE_IMAGE_TYPE_AMI',
  'COMPUTE_IMAGE_TYPE_ARI',
];

/** libvirt's feature names and their os-traits (os_traits/hw/cpu/x86). */
const cpuTraits: Record<string, string[]> = {
  '3dnow': ['HW_CPU_X86_3DNOW'],
  abm: ['HW_CPU_X86_ABM'],
  aes: ['HW_CPU_X86_AESNI'],
  avx: ['HW_CPU_X86_AVX'],
  avx2: ['HW_CPU_X86_AVX2'],
  avx512bw: ['HW_CPU_X86_AVX512BW'],
  avx512cd: ['HW_CPU_X86_AVX512CD'],
  avx512dq: ['HW_CPU_X86_AVX512DQ'],
  avx512f: ['HW_CPU_X86_AVX512F'],
  avx512vl: ['HW_CPU_X86_AVX512VL'],
  bmi1: ['HW_CPU_X86_BMI'],
  bmi2: ['HW_CPU_X86_BMI2'],
  f16c: ['HW_CPU_X86_F16C'],
  fma: ['HW_CPU_X86_FMA3'],
  fma4: ['HW_CPU_X86_FMA4'],
  mmx: ['HW_CPU_X86_MMX'],
  mpx: ['HW_CPU_X86_MPX'],
  pclmuldq: ['HW_CPU_X86_CLMUL'],
  'sha-ni': ['HW_CPU_X86_SHA'],
  sse: ['HW_CPU_X86_SSE'],
  sse2: ['HW_CPU_X86_SSE2'],
  pni: ['HW_CPU_X86_SSE3'],
  ssse3: ['HW_CPU_X86_SSSE3'],
  'sse4.1': ['HW_CPU_X86_SSE41'],
  'sse4.2': ['HW_CPU_X86_SSE42'],
  sse4a: ['HW_CPU_X86_SSE4A'],
  svm: ['HW_CPU_X86_SVM', 'HW_CPU_X86_AMD_SVM'],
  vmx: ['HW_CPU_X86_VMX', 'HW_CPU_X86_INTEL_VMX'],
  tbm: ['HW_CPU_X86_TBM'],
  tsx: ['HW_CPU_X86_TSX'],
  xop: ['HW_CPU_X86_XOP'],
};

// Pure: a guest's libvirt domain as XML. Its golden files are in domain-xml.golden/. Format:
// libvirt.org/formatdomain.html.
import type { GuestSpec } from '#contracts/nova/guest.ts';
import type { GuestDisk, GuestPlan } from './guest-plan.ts';
import { nicXml } from './nic-xml.ts';
import { volumeXml } from './volume-xml.ts';
import { escape } from './xml-text.ts';

export interface DomainSetting {
  acceleration: 'kvm' | 'tcg';
  emulator: string; // '/usr/bin/qemu-system-x86_64'
  arch: string; // 'x86_64'
  machineType: string; // 'pc'; the guest's own machine type overrides it
  /**
   * A named CPU model; null: host-model. Under TCG it is always a named one: a host model depends
   * on the QEMU build and breaks live migration.
   */
  cpuModel: string | null;
  diskCache: 'none' | 'writeback';
  consoleLogPath: string;
  vncSocketPath: string;
  userspaceSwitch: boolean;
}

export const metadataNamespace = 'https://cobaltcore.cloud/xmlns/instance/1';

export function domainXml(spec: GuestSpec, plan: GuestPlan, setting: DomainSetting): string {
  const volumes = plan.volumes.flatMap((each) =>
    volumeXml(each, setting).map((line) => `    ${line}`),
  );
  const lines = [
    `<domain type='${setting.acceleration === 'kvm' ? 'kvm' : 'qemu'}'>`,
    `  <name>${escape(spec.name)}</name>`,
    `  <uuid>${escape(spec.uuid)}</uuid>`,
    ...metadata(spec),
    `  <memory unit='MiB'>${spec.memoryMib}</memory>`,
    `  <vcpu placement='static'>${spec.vcpus}</vcpu>`,
    // cloud-init recognises an OpenStack guest by this product name (tools/ds-identify).
    `  <sysinfo type='smbios'>`,
    `    <system>`,
    `      <entry name='manufacturer'>OpenStack Foundation</entry>`,
    `      <entry name='product'>OpenStack Nova</entry>`,
    `      <entry name='serial'>${escape(spec.uuid)}</entry>`,
    `      <entry name='uuid'>${escape(spec.uuid)}</entry>`,
    `      <entry name='family'>Virtual Machine</entry>`,
    `    </system>`,
    `  </sysinfo>`,
    ...operatingSystem(spec, plan, setting),
    `  <features><acpi/><apic/></features>`,
    ...cpu(spec, setting),
    `  <clock offset='utc'>`,
    `    <timer name='rtc' tickpolicy='catchup'/>`,
    `    <timer name='pit' tickpolicy='delay'/>`,
    `    <timer name='hpet' present='no'/>`,
    `  </clock>`,
    `  <on_poweroff>destroy</on_poweroff>`,
    `  <on_reboot>restart</on_reboot>`,
    `  <on_crash>destroy</on_crash>`,
    `  <devices>`,
    `    <emulator>${escape(setting.emulator)}</emulator>`,
    // libvirt boots from the first disk in the list.
    ...(spec.rootDisk ? [] : volumes),
    ...plan.disks.flatMap((each) => disk(each, setting)),
    ...(spec.rootDisk ? volumes : []),
    ...([...plan.disks, ...plan.volumes.map(({ volume }) => volume)].some(
      (each) => each.bus === 'scsi',
    )
      ? [`    <controller type='scsi' index='0' model='virtio-scsi'/>`]
      : []),
    ...spec.nics.flatMap((nic) => nicXml(nic, setting).map((line) => `    ${line}`)),
    ...hotplugPorts(spec.machineType ?? setting.machineType),
    `    <controller type='virtio-serial' index='0'/>`,
    `    <serial type='pty'>`,
    // append: QEMU opens the file with O_APPEND, so that console-log.ts may truncate it while the
    // guest writes.
    `      <log file='${escape(setting.consoleLogPath)}' append='on'/>`,
    `      <target port='0'/>`,
    `    </serial>`,
    `    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>`,
    `    <graphics type='vnc' socket='${escape(setting.vncSocketPath)}'/>`,
    `    <video><model type='vga'/></video>`,
    `    <memballoon model='virtio'><stats period='10'/></memballoon>`,
    `    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>`,
    `  </devices>`,
    `</domain>`,
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * What an operator on the host wants to know of a domain, in the format of Nova's libvirt driver.
 */
function metadata(spec: GuestSpec): string[] {
  return [
    `  <metadata>`,
    `    <cobalt:instance xmlns:cobalt='${metadataNamespace}'>`,
    `      <cobalt:name>${escape(spec.displayName)}</cobalt:name>`,
    `      <cobalt:flavor memoryMib='${spec.memoryMib}' vcpus='${spec.vcpus}' diskGib='${spec.rootDisk?.sizeGib ?? 0}' ephemeralGib='${spec.ephemeralGib}' swapMib='${spec.swapMib}'/>`,
    `      <cobalt:owner project='${escape(spec.projectId)}' user='${escape(spec.userId)}'/>`,
    ...(spec.rootDisk?.image
      ? [`      <cobalt:root type='image' uuid='${escape(spec.rootDisk.image.id)}'/>`]
      : []),
    `    </cobalt:instance>`,
    `  </metadata>`,
  ];
}

function operatingSystem(spec: GuestSpec, plan: GuestPlan, setting: DomainSetting): string[] {
  const boot = plan.kernel
    ? [
        `    <kernel>${escape(plan.kernel.kernelPath)}</kernel>`,
        ...(plan.kernel.ramdiskPath === null
          ? []
          : [`    <initrd>${escape(plan.kernel.ramdiskPath)}</initrd>`]),
        `    <cmdline>${escape(plan.kernel.commandLine)}</cmdline>`,
      ]
    : [`    <boot dev='hd'/>`];
  return [
    `  <os>`,
    `    <type arch='${escape(setting.arch)}' machine='${escape(spec.machineType ?? setting.machineType)}'>hvm</type>`,
    ...boot,
    `    <smbios mode='sysinfo'/>`,
    `  </os>`,
  ];
}

function cpu(spec: GuestSpec, setting: DomainSetting): string[] {
  const model = spec.cpuModel ?? setting.cpuModel;
  const topology = `    <topology sockets='${spec.vcpus}' cores='1' threads='1'/>`;
  if (model === null) return [`  <cpu mode='host-model' check='partial'>`, topology, `  </cpu>`];
  return [
    `  <cpu mode='custom' match='exact' check='${setting.acceleration === 'kvm' ? 'partial' : 'none'}'>`,
    `    <model fallback='forbid'>${escape(model)}</model>`,
    topology,
    `  </cpu>`,
  ];
}

// On PCI Express each device needs a root port, and root ports cannot be hot-plugged:
// libvirt.org/pci-hotplug.html.
const expressPorts = 16;

function hotplugPorts(machineType: string): string[] {
  if (!machineType.includes('q35')) return [];
  return [
    `    <controller type='pci' model='pcie-root'/>`,
    ...Array.from(
      { length: expressPorts },
      () => `    <controller type='pci' model='pcie-root-port'/>`,
    ),
  ];
}

function disk(each: GuestDisk, setting: DomainSetting): string[] {
  const isReadonly = each.serial === 'config-2';
  return [
    `    <disk type='file' device='${each.device}'>`,
    `      <driver name='qemu' type='${each.format}' cache='${setting.diskCache}'${isReadonly ? '' : ` discard='unmap'`}/>`,
    `      <source file='${escape(each.path)}'/>`,
    `      <target dev='${each.target}' bus='${each.bus}'/>`,
    `      <serial>${escape(each.serial)}</serial>`,
    ...(isReadonly ? [`      <readonly/>`] : []),
    `    </disk>`,
  ];
}

// Pure: one network interface of a domain as XML, for definitions and for hot plugging. Format:
// libvirt.org/formatdomain.html#bridge-to-lan.
import type { GuestNic } from '#contracts/nova/guest.ts';
import { deviceAlias } from './device-alias.ts';
import { escape } from './xml-text.ts';

export interface NicSetting {
  /** The switch runs in user space: it drops packets whose checksums are left to a device. */
  userspaceSwitch: boolean;
}

// A userspace datapath drops frames with partial checksums: ping works, TCP hangs.
const withoutOffloads = [
  `  <driver name='qemu'>`,
  `    <host csum='off' gso='off' tso4='off' tso6='off' ecn='off' ufo='off'/>`,
  `    <guest csum='off' tso4='off' tso6='off' ecn='off' ufo='off'/>`,
  `  </driver>`,
];

/**
 * The lines of one interface. The switch knows it by its port's id, the host as `tap` plus the id's
 * first 11 characters, which is Nova's naming.
 */
export function nicXml(nic: GuestNic, setting: NicSetting): string[] {
  return [
    `<interface type='bridge'>`,
    `  <mac address='${escape(nic.mac)}'/>`,
    `  <source bridge='${escape(nic.bridge)}'/>`,
    `  <virtualport type='openvswitch'><parameters interfaceid='${escape(nic.portId)}'/></virtualport>`,
    `  <target dev='${escape(tapName(nic.portId))}'/>`,
    `  <model type='${nic.model}'/>`,
    ...(setting.userspaceSwitch && nic.model === 'virtio' ? withoutOffloads : []),
    `  <mtu size='${nic.mtu}'/>`,
    `  <alias name='${escape(deviceAlias(nic.portId))}'/>`,
    // Guests do not boot from the network, and the boot ROM costs an emulated guest half a second.
    `  <rom enabled='no'/>`,
    `</interface>`,
  ];
}

export const tapName = (portId: string): string => `tap${portId.slice(0, 11)}`;

/** The port ids of a domain's interfaces, in order, from its XML. */
export function portsIn(xml: string): string[] {
  return [...xml.matchAll(/<parameters [^>]*?\binterfaceid=['"]([^'"]+)['"]/g)].map(
    ([, portId]) => portId ?? '',
  );
}

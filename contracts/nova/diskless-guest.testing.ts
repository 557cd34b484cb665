// A minimal guest without disk, network, volume and kernel, to which tests add what they need.
import type { GuestSpec } from './guest.ts';

export const disklessGuest = (guest: Pick<GuestSpec, 'uuid'> & Partial<GuestSpec>): GuestSpec => ({
  name: `instance-${guest.uuid}`,
  displayName: 'vm',
  projectId: 'p',
  userId: 'u',
  vcpus: 1,
  memoryMib: 128,
  rootDisk: null,
  ephemeralGib: 0,
  swapMib: 0,
  kernel: null,
  configDrive: null,
  machineType: null,
  cpuModel: null,
  nics: [],
  volumes: [],
  ...guest,
});

// Lists the processes of a distributed cloud on one machine. Pure; used by distributed.ts.
import type { mounts } from './catalog.ts';
import type { RoleName } from './roles/table.ts';
import type { Part } from './serve.ts';

export interface PlannedProcess {
  /** E.g. 'nova-api-2'. */
  name: string;
  part: Part;
  /** Index of its port among the cloud's ports. */
  portIndex: number;
  /** Settings for this process only, as environment variables. */
  settings: Readonly<Record<string, string>>;
}

/** A service's path below the cloud's address, also one that no other service calls. */
type Mount = (typeof mounts)[keyof typeof mounts] | '/instance-ha' | '/console';

/** The paths below the cloud's one address that each role serves. */
export const pathsOf = {
  keystone: ['/identity'],
  glance: ['/image'],
  placement: ['/placement'],
  'nova-api': ['/compute'],
  'nova-metadata': ['/metadata'],
  'neutron-api': ['/network'],
  'cinder-api': ['/volume'],
  'ha-api': ['/ha', '/instance-ha'],
  'console-proxy': ['/console'],
} as const satisfies Partial<Record<Part, readonly Mount[]>>;

/** Roles of which two processes are started, so that each may fail; any number could run. */
const doubled: readonly RoleName[] = [
  'keystone',
  'glance',
  'placement',
  'nova-api',
  'nova-metadata',
  'nova-conductor',
  'nova-scheduler',
  'neutron-api',
  'neutron-ovn-writer',
  'cinder-api',
  'cinder-scheduler',
  'cinder-volume',
  'cinder-backup',
];
const haRoles: readonly RoleName[] = ['ha-api', 'ha-engine'];
const copies = 2;

export function processPlan({
  localHosts,
  simulatedHosts,
  ha,
}: {
  localHosts: readonly string[];
  simulatedHosts: number;
  /** Include the roles of the HA Service. */
  ha: boolean;
}): PlannedProcess[] {
  // Without local hosts the network is simulated, in the memory of its one writer process.
  const copiesOf = (part: RoleName): number =>
    part === 'neutron-ovn-writer' && localHosts.length === 0 ? 1 : copies;
  const all: Omit<PlannedProcess, 'portIndex'>[] = [
    ...[...doubled, ...(ha ? haRoles : [])].flatMap((part) =>
      Array.from({ length: copiesOf(part) }, (_, index) => ({
        name: `${part}-${index + 1}`,
        part,
        settings: {},
      })),
    ),
    { name: 'console-proxy', part: 'console-proxy', settings: {} },
    ...localHosts.map((host, index) => ({
      name: `agents-${host}`,
      part: 'local-host' as const,
      settings: { COBALT_HOST__INDEX: String(index + 1) },
    })),
    ...(simulatedHosts > 0
      ? [{ name: 'agents-simulated', part: 'simulated-hosts' as const, settings: {} }]
      : []),
  ];
  return all.map((planned, portIndex) => ({ ...planned, portIndex }));
}

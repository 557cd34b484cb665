// Which processes make up a distributed cloud on one machine. Pure; used by distributed.ts.
import type { mounts } from './catalog.ts';
import type { RoleName } from './roles/table.ts';
import type { Part } from './serve.ts';

export interface PlannedProcess {
  /** e.g. 'nova-api-2'. */
  name: string;
  part: Part;
  /** Where it listens: the n-th of the cloud's ports. */
  portIndex: number;
  /** Settings of its own, by variable. */
  settings: Readonly<Record<string, string>>;
}

/** Also those that no other service asks. */
type Mount = (typeof mounts)[keyof typeof mounts] | '/instance-ha' | '/console';

/** Paths of the one address, by the role that answers there. */
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

/** Any number of processes may run these; two of each, so that no one of them is needed. */
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
  /** With the roles of the HA Service. */
  ha: boolean;
}): PlannedProcess[] {
  // A simulated network lives in the memory of its one writer.
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

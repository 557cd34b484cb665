// The metrics of Hypervisors and Evictions, computed at each scrape from the objects that the
// operator follows. Names, labels and values are those that kube-state-metrics makes of the same
// objects by CobaltCore's configuration, so that existing alerts and dashboards work on both.
// https://github.com/kubernetes/kube-state-metrics: "Custom Resource State Metrics"
// https://github.com/cobaltcore-dev/openstack-hypervisor-operator: metrics-*-cm.yaml of its chart
import type { Eviction, Hypervisor } from '#contracts/kube/kinds.ts';
import { labels as labelKeys } from '#contracts/kube/kinds.ts';
import type { Condition } from '#contracts/kube/object.ts';
import { parseQuantity } from '#contracts/kube/quantity.ts';
import type { Family, Labels, Metrics, Sample } from '#platform/metrics/metrics.ts';

interface ResourceFamily<T> {
  /** After `kube_customresource_`. */
  name: string;
  help: string;
  /** Labels beside those that all families of the kind have. */
  labelNames?: readonly string[];
  samples(object: T): readonly Sample[];
}

const prefix = 'kube_customresource_';

/** Labels that all families of the kind have. */
const hypervisorLabels = ({ metadata, spec }: Hypervisor) => ({
  name: metadata.name ?? '',
  zone: metadata.labels?.[labelKeys.zone] ?? '',
  building_block: metadata.labels?.['kubernetes.metal.cloud.sap/bb'] ?? '',
  worker_group: metadata.labels?.['worker.garden.sapcloud.io/group'] ?? '',
  maintenance: spec.maintenance ?? '',
});
const evictionLabels = ({ metadata }: Eviction) => ({ name: metadata.name ?? '' });

const one = (value: number | boolean | undefined): readonly Sample[] => [
  { value: Number(value ?? 0) },
];

/** 1 for True alone; kube-state-metrics maps False and Unknown to 0. */
const conditionSamples = (conditions: readonly Condition[] = []): readonly Sample[] =>
  conditions.map(({ type, reason, status }) => ({
    labels: { condition: type, reason },
    value: status === 'True' ? 1 : 0,
  }));

const hypervisorFamilies: readonly ResourceFamily<Hypervisor>[] = [
  {
    name: 'hypervisor_info',
    help: 'Always 1; versions and hardware of the hypervisor are labels',
    labelNames: ['hypervisor_version', 'libvirt_version', 'hardware_model', 'os_version'],
    samples: ({ status }) => [
      {
        labels: {
          hypervisor_version: status?.hypervisorVersion ?? '',
          libvirt_version: status?.libVirtVersion ?? '',
          hardware_model: status?.operatingSystem?.hardwareModel ?? '',
          os_version: status?.operatingSystem?.prettyVersion ?? '',
        },
        value: 1,
      },
    ],
  },
  {
    name: 'hypervisor_num_instances',
    help: 'Virtual machines on the hypervisor',
    samples: ({ status }) => one(status?.numInstances),
  },
  {
    name: 'hypervisor_evicted',
    help: '1: an eviction has emptied the hypervisor',
    samples: ({ status }) => one(status?.evicted),
  },
  {
    name: 'hypervisor_condition',
    help: '1: the condition of the hypervisor is True; 0: False or Unknown',
    labelNames: ['condition', 'reason'],
    samples: ({ status }) => conditionSamples(status?.conditions),
  },
  {
    name: 'hypervisor_capability_cpus',
    help: 'Logical CPUs of the hypervisor',
    samples: ({ status }) => one(parseQuantity(status?.capabilities?.cpus)),
  },
  {
    name: 'hypervisor_lifecycle_enabled',
    help: '1: the operator onboards and offboards the hypervisor',
    samples: ({ spec }) => one(spec.lifecycleEnabled),
  },
  {
    name: 'hypervisor_high_availability',
    help: '1: HA is wanted for the hypervisor',
    samples: ({ spec }) => one(spec.highAvailability),
  },
];

const evictionFamilies: readonly ResourceFamily<Eviction>[] = [
  {
    name: 'eviction_info',
    help: 'Always 1; the hypervisor and the reason of the eviction are labels',
    labelNames: ['hypervisor', 'reason'],
    samples: ({ spec: { hypervisor, reason } }) => [{ labels: { hypervisor, reason }, value: 1 }],
  },
  {
    name: 'eviction_outstanding_ram_mb',
    help: 'Memory in MiB of the virtual machines that the eviction has still to move',
    samples: ({ status }) => one(status?.outstandingRamMb),
  },
  {
    name: 'eviction_condition',
    help: '1: the condition of the eviction is True; 0: False or Unknown',
    labelNames: ['condition', 'reason'],
    samples: ({ status }) => conditionSamples(status?.conditions),
  },
];

interface Listed<T> {
  list(): readonly T[];
}

/** Declares the families; call once per process. */
export function exposeResources(
  metrics: Pick<Metrics, 'gauge'>,
  world: { hypervisors: Listed<Hypervisor>; evictions: Listed<Eviction> },
): void {
  const hypervisorLabelNames = ['name', 'zone', 'building_block', 'worker_group', 'maintenance'];
  expose(metrics, hypervisorFamilies, hypervisorLabelNames, hypervisorLabels, world.hypervisors);
  expose(metrics, evictionFamilies, ['name'], evictionLabels, world.evictions);
}

function expose<T extends object>(
  metrics: Pick<Metrics, 'gauge'>,
  families: readonly ResourceFamily<T>[],
  commonNames: readonly string[],
  labelsOf: (object: T) => Labels,
  objects: Listed<T>,
): void {
  // A change replaces the object in the list, so cached labels are never stale.
  const labelsByObject = new WeakMap<T, Labels>();
  const commonOf = (object: T): Labels => {
    const common = labelsByObject.get(object) ?? labelsOf(object);
    labelsByObject.set(object, common);
    return common;
  };
  for (const { name, help, labelNames = [], samples } of families) {
    const family: Family = {
      name: `${prefix}${name}`,
      help,
      labelNames: [...commonNames, ...labelNames],
    };
    metrics.gauge(family, () =>
      objects.list().flatMap((object) => {
        const common = commonOf(object);
        return samples(object).map((sample) => ({ ...sample, common }));
      }),
    );
  }
}

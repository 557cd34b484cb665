// Small fleets built by hand, and requests with few demands, for tests of single rules.
import { isFault } from '#contracts/common/fault.ts';
import type { StepParameter } from '#contracts/cortex/pipeline.ts';
import { Fleet } from './fleet/fleet.ts';
import type { HostFacts } from './fleet/host-facts.ts';
import { buildPipeline } from './pipeline/build-pipeline.ts';
import type { Pipeline } from './pipeline/build-pipeline.ts';
import { defaultPipelines } from './pipeline/default-pipelines.ts';
import type { Decision } from './pipeline/engine.ts';
import { Engine } from './pipeline/engine.ts';
import { generalPurpose } from './request/infer-pipeline.ts';
import type { PlacementRequest } from './request/placement-request.ts';
import { noRequest } from './request/placement-request.ts';

export const gib = 1024;

interface Sizes {
  vcpus?: readonly [used: number, capacity: number];
  memoryGib?: readonly [used: number, capacity: number];
  diskGib?: readonly [used: number, capacity: number];
}

/**
 * A host of the fleet; by default ready, in az1, with 32 vCPUs, 256 GiB of memory and 1,000 GiB of
 * disk, all free.
 */
export function host(name: string, facts: Partial<HostFacts> & Sizes = {}): HostFacts {
  const { vcpus = [0, 32], memoryGib = [0, 256], diskGib = [0, 1_000], ...rest } = facts;
  return {
    name,
    zone: 'az1',
    ready: true,
    disabled: false,
    terminating: false,
    hypervisorType: 'QEMU',
    architecture: 'x86_64',
    guestFeatures: [],
    traits: [],
    aggregates: [],
    allowedProjects: [],
    servers: [],
    ...rest,
    resources: {
      VCPU: { used: vcpus[0], capacity: vcpus[1] },
      MEMORY_MB: { used: memoryGib[0] * gib, capacity: memoryGib[1] * gib },
      DISK_GB: { used: diskGib[0], capacity: diskGib[1] },
      ...rest.resources,
    },
  };
}

export function fleetOf(...hosts: HostFacts[]): Fleet {
  const fleet = new Fleet();
  for (const one of hosts) fleet.apply(one);
  return fleet;
}

interface RequestOptions extends Partial<PlacementRequest> {
  vcpus?: number;
  memoryGib?: number;
  diskGib?: number;
}

/** A placement request; by default for 2 vCPUs, 8 GiB of memory and 20 GiB of disk. */
export function requestFor({
  vcpus = 2,
  memoryGib = 8,
  diskGib = 20,
  ...rest
}: RequestOptions = {}) {
  return {
    ...noRequest,
    serverId: 'server',
    projectId: 'project',
    flavor: 'flavor',
    ...rest,
    resources: new Map([
      ['VCPU', vcpus],
      ['MEMORY_MB', memoryGib * gib],
      ['DISK_GB', diskGib],
      ...(rest.resources ?? []),
    ]),
  } satisfies PlacementRequest;
}

export function pipelineOf(name = generalPurpose): Pipeline {
  const spec = defaultPipelines[name];
  const pipeline = spec && buildPipeline(name, spec);
  if (!pipeline || isFault(pipeline)) throw new Error(`no pipeline ${name}`);
  return pipeline;
}

export const decide = (
  fleet: Fleet,
  request: PlacementRequest,
  pipeline = pipelineOf(),
): Decision => new Engine(fleet).decide(pipeline, request, { explained: 3 });

/** Names of the hosts that remain after this filter alone, sorted. */
export function remainingHosts(
  filter: string,
  fleet: Fleet,
  request: PlacementRequest,
  params: StepParameter[] = [],
): string[] {
  const pipeline = buildPipeline('one', {
    schedulingDomain: 'nova',
    type: 'filter-weigher',
    filters: [{ name: filter, params }],
  });
  if (isFault(pipeline)) throw new Error(pipeline.message);
  return decide(fleet, request, pipeline)
    .targets.map(({ name }) => name)
    .sort();
}

// Resources of cortex.cloud/v1alpha1 that our Cortex reads and writes; definitions in
// contracts/kube/crds. Source: cobaltcore-dev/cortex 1742e3e, api/v1alpha1.
import type { Condition, KubeKind, KubeObject } from '../kube/object.ts';
import type { PipelineSpec } from './pipeline.ts';

const group = 'cortex.cloud';
const version = 'v1alpha1';

export interface PipelineResource extends KubeObject {
  spec: PipelineSpec;
  /** Ready, AllStepsReady (parameters) and AllStepsIndexed (names). */
  status?: { conditions?: Condition[] };
}

export const pipelines: KubeKind<PipelineResource> = {
  group,
  version,
  kind: 'Pipeline',
  plural: 'pipelines',
  namespaced: false,
};

/** A summary of one decision. */
export interface HistoryEntry {
  /** RFC 3339 in whole seconds. */
  timestamp: string;
  pipelineRef: { name: string };
  intent: string;
  successful: boolean;
  targetHost?: string;
  explanation: string;
  /** Best first, at most three. */
  orderedHosts: string[];
}

/** The last decisions on one server. The resource's name is `nova-<uuid>`. */
export interface HistoryResource extends KubeObject {
  spec: { schedulingDomain: 'nova'; resourceID: string; availabilityZone?: string };
  status?: {
    current?: HistoryEntry;
    /** Decisions before `current`, newest first, at most ten. */
    history?: HistoryEntry[];
    /** Ready; reasons SchedulingSucceeded, NoHostFound. */
    conditions?: Condition[];
  };
}

export const histories: KubeKind<HistoryResource> = {
  group,
  version,
  kind: 'History',
  plural: 'histories',
  namespaced: false,
};

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

/** One decision, in short. */
export interface HistoryEntry {
  /** RFC 3339 in whole seconds. */
  timestamp: string;
  pipelineRef: { name: string };
  intent: string;
  successful: boolean;
  targetHost?: string;
  explanation: string;
  /** Best first, three at most. */
  orderedHosts: string[];
}

/** The last decisions on one server; its name is `nova-<uuid>`. */
export interface HistoryResource extends KubeObject {
  spec: { schedulingDomain: 'nova'; resourceID: string; availabilityZone?: string };
  status?: {
    current?: HistoryEntry;
    /** Those before `current`, newest first, ten at most. */
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

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

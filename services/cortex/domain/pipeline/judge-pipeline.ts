// Judges a `Pipeline` resource: whether this Cortex can use it, and the conditions that say so and
// name a wrong field. Pure.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { PipelineSpec } from '#contracts/cortex/pipeline.ts';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { buildPipeline } from './build-pipeline.ts';

/** Whether the pipeline can be used. badRequest with `detail.field`: it cannot. */
export function judgePipeline(name: string, spec: PipelineSpec): Outcome<void> {
  if (spec.schedulingDomain !== 'nova')
    return fault('badRequest', `Pipelines of ${spec.schedulingDomain} are not used here.`, {
      field: 'spec.schedulingDomain',
    });
  if (spec.type !== 'filter-weigher')
    return fault('badRequest', `Pipelines of type ${spec.type} are not used here.`, {
      field: 'spec.type',
    });
  const pipeline = buildPipeline(name, spec);
  return isFault(pipeline) ? pipeline : undefined;
}

/**
 * The conditions of the resource for a judgement; `wrong`: why it cannot be used. `inForce`: which
 * version decides instead, if the resource cannot be used.
 */
export function pipelineConditions(
  wrong: Fault | undefined,
  inForce: 'an earlier version' | 'nothing',
): WantedCondition[] {
  const of = (type: string, refusal: Fault | undefined): WantedCondition =>
    refusal
      ? { type, status: 'False', reason: 'Invalid', message: refusalText(refusal, inForce) }
      : { type, status: 'True', reason: 'Valid', message: '' };
  const isUnknown = wrong?.detail['unknown'] !== undefined;
  return [
    of('Ready', wrong),
    of('AllStepsReady', wrong),
    of('AllStepsIndexed', isUnknown ? wrong : undefined),
  ];
}

const refusalText = ({ message, detail }: Fault, inForce: string): string =>
  `${detail['field'] ?? 'spec'}: ${message} In force: ${inForce}.`;

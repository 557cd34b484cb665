// Turns a pipeline's spec into a runnable pipeline: looks up its steps and parses their parameters.
// So errors show when the pipeline is set, not at the first request.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { PipelineSpec } from '#contracts/cortex/pipeline.ts';
import { filters } from '../filters/table.ts';
import { weighers } from '../weighers/table.ts';
import type { Filter, FilterStep, WeigherStep } from './step.ts';

export interface Pipeline {
  name: string;
  ignoresPreselection: boolean;
  filters: readonly { name: string; onFailure: Filter['onFailure']; apply: FilterStep }[];
  weighers: readonly { name: string; multiplier: number; weigh: WeigherStep }[];
}

const filterOf = new Map(filters.map((filter) => [filter.name, filter]));
const weigherOf = new Map(weighers.map((weigher) => [weigher.name, weigher]));

/**
 * Builds the steps of a pipeline from its spec. badRequest: a step is unknown, appears twice, or
 * has wrong parameters. `detail.field` is the path in the resource; `detail.unknown` is set if
 * there is no such step.
 */
export function buildPipeline(name: string, spec: PipelineSpec): Outcome<Pipeline> {
  const pipeline = {
    name,
    ignoresPreselection: spec.ignorePreselection ?? false,
    filters: [] as Pipeline['filters'][number][],
    weighers: [] as Pipeline['weighers'][number][],
  };
  for (const [index, { name: step, params = [] }] of (spec.filters ?? []).entries()) {
    const at = `spec.filters[${index}]`;
    const filter = filterOf.get(step);
    if (!filter) return unknownStep(`There is no filter ${step}.`, at);
    if (pipeline.filters.some((one) => one.name === step))
      return fault('badRequest', `The filter ${step} is there twice.`, { field: `${at}.name` });
    const apply = filter.build(params);
    if (isFault(apply)) return wrongParameters(apply, at);
    pipeline.filters.push({ name: step, onFailure: filter.onFailure, apply });
  }
  for (const [index, weigherSpec] of (spec.weighers ?? []).entries()) {
    const { name: step, params = [], multiplier = 1 } = weigherSpec;
    const at = `spec.weighers[${index}]`;
    const weigher = weigherOf.get(step);
    if (!weigher) return unknownStep(`There is no weigher ${step}.`, at);
    const weigh = weigher.build(params);
    if (isFault(weigh)) return wrongParameters(weigh, at);
    pipeline.weighers.push({ name: step, multiplier, weigh });
  }
  return pipeline;
}

const unknownStep = (message: string, at: string): Fault =>
  fault('badRequest', message, { field: `${at}.name`, unknown: 'step' });

const wrongParameters = ({ kind, message }: Fault, at: string): Fault =>
  fault(kind, message, { field: `${at}.params` });

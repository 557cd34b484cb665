// Conditions of an object's status. Pure.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/condition/
import type { Condition } from './object.ts';

export interface WantedCondition {
  type: string;
  status: Condition['status'];
  reason: string;
  message: string;
}

interface HasConditions {
  status?: { conditions?: Condition[] };
}

export const conditionOf = ({ status }: HasConditions, type: string): Condition | undefined =>
  status?.conditions?.find((each) => each.type === type);

export const isTrue = (object: HasConditions, type: string): boolean =>
  conditionOf(object, type)?.status === 'True';

export const isFalse = (object: HasConditions, type: string): boolean =>
  conditionOf(object, type)?.status === 'False';

/**
 * The wanted condition, with the time of its last change of status: now, or that of the object's
 * present condition.
 */
export function stamped(object: HasConditions, wanted: WantedCondition, nowMs: number): Condition {
  const before = conditionOf(object, wanted.type);
  return {
    ...wanted,
    lastTransitionTime:
      before?.status === wanted.status
        ? before.lastTransitionTime
        : `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
  };
}

export const isSameCondition = (object: HasConditions, wanted: WantedCondition): boolean => {
  const current = conditionOf(object, wanted.type);
  return (
    current !== undefined &&
    current.status === wanted.status &&
    current.reason === wanted.reason &&
    current.message === wanted.message
  );
};

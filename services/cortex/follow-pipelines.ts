// Watches the `Pipeline` resources of a Kubernetes API; changes apply from the next decision on. A
// wrong resource gets a condition that names the field, and its last valid version stays in force.
// A missing default pipeline is created, so that an operator can find and edit it, and restore it
// by deleting it. Started by compose if there is such an API.
import { isFault } from '#contracts/common/fault.ts';
import type { PipelineResource } from '#contracts/cortex/resources.ts';
import { pipelines } from '#contracts/cortex/resources.ts';
import { isSameCondition, stamped } from '#contracts/kube/conditions.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { Followed, Kube } from '#ports/kube.ts';
import { defaultPipelines } from './domain/pipeline/default-pipelines.ts';
import { judgePipeline, pipelineConditions } from './domain/pipeline/judge-pipeline.ts';
import type { Scheduling } from './domain/scheduling.ts';

export interface PipelineDeps {
  kube: Pick<Kube, 'follow' | 'create' | 'patch'>;
  scheduling: Pick<Scheduling, 'setPipeline' | 'removePipeline' | 'pipeline'>;
  clock: Pick<Clock, 'now' | 'every'>;
  log: Log;
}

/** How often failed writes are retried. */
const pollEveryMs = 30_000;

const nameOf = ({ metadata }: PipelineResource): string => metadata.name ?? '';

export function followPipelines(deps: PipelineDeps): Pick<Followed<never>, 'ready' | 'stop'> {
  const { kube, scheduling, clock, log } = deps;
  /** Writes run one after another, in the order of the changes. */
  let writes: Promise<unknown> = Promise.resolve();
  const write = (work: () => Promise<void>): void => {
    writes = writes.then(work).catch((error: unknown) => log.error({ error }, 'pipelines'));
  };

  const onChange = (object: PipelineResource, isGone: boolean): void => {
    const name = nameOf(object);
    if (isGone) {
      const spec = defaultPipelines[name];
      if (spec) scheduling.setPipeline(name, spec);
      else scheduling.removePipeline(name);
      write(writeDefaults);
      return;
    }
    if (!isFault(judgePipeline(name, object.spec))) scheduling.setPipeline(name, object.spec);
    write(async () => await writeConditions(name));
  };

  const followed = kube.follow(pipelines, {
    onChange,
    onTrouble: ({ message }) => log.warn({ why: message }, 'pipelines cannot be followed now'),
  });

  async function writeDefaults(): Promise<void> {
    for (const [name, spec] of Object.entries(defaultPipelines)) {
      if (followed.get({ name })) continue;
      const created = await kube.create(pipelines, { metadata: { name }, spec });
      if (isFault(created) && created.kind !== 'conflict')
        log.warn({ pipeline: name, why: created.message }, 'a default pipeline is not written');
    }
  }

  /** Writes conditions for the object as it is now; a later change causes a call of its own. */
  async function writeConditions(name: string): Promise<void> {
    const object = followed.get({ name });
    if (!object) return;
    const judged = judgePipeline(name, object.spec);
    const wanted = pipelineConditions(
      isFault(judged) ? judged : undefined,
      scheduling.pipeline(name) ? 'an earlier version' : 'nothing',
    );
    const { generation, resourceVersion } = object.metadata;
    const isWritten = object.status?.conditions?.every(
      (one) => one.observedGeneration === generation,
    );
    if (isWritten && wanted.every((one) => isSameCondition(object, one))) return;
    const conditions = wanted.map((one) => ({
      ...stamped(object, one, clock.now()),
      ...(generation !== undefined && { observedGeneration: generation }),
    }));
    const patched = await kube.patch(
      pipelines,
      { name },
      { metadata: { resourceVersion }, status: { conditions } },
      { subresource: 'status' },
    );
    // A conflict is ignored: the newer version causes a call of its own.
    if (isFault(patched) && !['concurrentUpdate', 'notFound'].includes(patched.kind))
      log.warn({ pipeline: name, why: patched.message }, 'conditions are not written');
  }

  const ready = followed.ready.then(async () => {
    write(writeDefaults);
    await writes;
  });
  const polling = clock.every(
    pollEveryMs,
    () => {
      write(writeDefaults);
      for (const object of followed.list())
        write(async () => await writeConditions(nameOf(object)));
    },
    { onError: (error) => log.error({ error }, 'pipelines') },
  );
  return {
    ready,
    async stop() {
      await polling.stop();
      await followed.stop();
      await writes;
    },
  };
}

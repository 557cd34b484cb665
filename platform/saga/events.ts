// Tells who waits for a saga in this process that it moved on or ended: the runner tells, queue.ts
// waits. Other processes' sagas are noticed by a slow poll.

export interface SagaEvents {
  /** Of the saga with this id and lock key: a step was journalled, or it ended. */
  emit(sagaId: string, lockKey: string): void;
  /** `topic`: a saga's id or a lock key. Returns what ends it. */
  on(topic: string, listener: () => void): () => void;
}

export function createSagaEvents(): SagaEvents {
  const listeners = new Map<string, Set<() => void>>();
  return {
    emit: (...topics) => {
      for (const topic of topics) for (const listener of listeners.get(topic) ?? []) listener();
    },
    on: (topic, listener) => {
      const ofTopic = listeners.get(topic) ?? new Set();
      listeners.set(topic, ofTopic.add(listener));
      return () => {
        ofTopic.delete(listener);
        if (ofTopic.size === 0) listeners.delete(topic);
      };
    },
  };
}

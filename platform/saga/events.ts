// In-process notifications that a saga moved on or ended: the runner emits them, the waiting
// requests of queue.ts listen. Sagas that run in other processes are noticed by polling.

export interface SagaEvents {
  /** Called for a saga, by its id and lock key, when a step was journalled or the saga ended. */
  emit(sagaId: string, lockKey: string): void;
  /**
   * Adds a listener. `topic`: a saga's id or a lock key. Returns a function that removes the
   * listener.
   */
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

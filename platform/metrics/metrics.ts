// Prometheus metrics. Callers are the platform's own tables (route, rpc, saga, task); rooms never count by hand.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface Metrics {
  http(labels: { service: string; route: string; method: string; status: number }, ms: number): void;
  rpc(labels: { topic: string; method: string; outcome: string }, ms: number): void;
  sagaStep(labels: { saga: string; step: string; direction: 'run' | 'undo'; outcome: string }, ms: number): void;
  task(labels: { task: string; outcome: string }, ms: number): void;
  gauge(name: string, help: string, read: () => number): void;
  /** The exposition text of everything. */
  text(): Promise<string>;
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L> =>
    new Histogram({ name, help, labelNames, buckets: seconds, registers: [registry] });
  const http = histogram('cobalt_http_request_seconds', 'Time to answer a request', ['service', 'route', 'method', 'status']);
  const rpc = histogram('cobalt_rpc_seconds', 'Time to handle a message', ['topic', 'method', 'outcome']);
  const saga = histogram('cobalt_saga_step_seconds', 'Time of one saga step', ['saga', 'step', 'direction', 'outcome']);
  const task = histogram('cobalt_task_seconds', 'Time of one run of a background task', ['task', 'outcome']);
  new Counter({ name: 'cobalt_starts_total', help: 'Starts of this process', registers: [registry] }).inc();
  for (const part of ['rss', 'heapTotal', 'heapUsed', 'external', 'arrayBuffers'] as const) {
    new Gauge({ name: `cobalt_process_memory_${part.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_bytes`, help: `process.memoryUsage().${part}`, registers: [registry], collect() { this.set(process.memoryUsage()[part]); } });
  }
  return {
    http: (labels, ms) => http.observe(labels, ms / 1000),
    // One label value for all hosts: a topic a host would be a series a host.
    rpc: ({ topic, ...labels }, ms) => rpc.observe({ topic: topic.replace(/\..*/, '.*'), ...labels }, ms / 1000),
    sagaStep: (labels, ms) => saga.observe(labels, ms / 1000),
    task: (labels, ms) => task.observe(labels, ms / 1000),
    gauge: (name, help, read) => {
      new Gauge({ name, help, registers: [registry], collect() { this.set(read()); } });
    },
    text: async () => await registry.metrics(),
  };
}

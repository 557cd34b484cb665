// Prometheus metrics. Platform and openstack record them where they run routes, RPC, sagas and
// tasks; a component may declare families of its own in one file.
// docs/adr/0037-metrics-of-components.md
import { Counter, Histogram, Registry } from 'prom-client';
import { ReadGauge } from './read-gauge.ts';

/** A metric with all its labels' values. */
export interface Family {
  /** With Prometheus' units and suffixes: https://prometheus.io/docs/practices/naming/ */
  name: string;
  help: string;
  /** None by default. */
  labelNames?: readonly string[];
}

export type Labels = Readonly<Record<string, string>>;

/** One value of a family; an empty label is left out. */
export interface Sample {
  labels?: Labels;
  /** More labels. An object that many samples share, unchanged: its text is made once. */
  common?: Labels;
  value: number;
}

export interface Metrics {
  http(
    labels: { service: string; route: string; method: string; status: number },
    ms: number,
  ): void;
  rpc(labels: { topic: string; method: string; outcome: string }, ms: number): void;
  sagaStep(
    labels: { saga: string; step: string; direction: 'run' | 'undo'; outcome: string },
    ms: number,
  ): void;
  task(labels: { task: string; outcome: string }, ms: number): void;
  /** `read` gives the values of now at each scrape, from memory: it must not wait. */
  gauge(family: Family, read: () => Iterable<Sample>): void;
  /** All that were declared, in the order of the text. */
  readonly families: readonly (Family & { type: 'counter' | 'gauge' | 'histogram' })[];
  /** All metrics in Prometheus' text format. */
  text(): Promise<string>;
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

// The names are those of Node's process.memoryUsage().
const memoryParts = [
  ['rss', 'rss', 'of memory the process holds in all (resident set)'],
  ['heapTotal', 'heap_total', 'reserved for JavaScript objects'],
  ['heapUsed', 'heap_used', 'that JavaScript objects take'],
  ['external', 'external', 'outside the heap that belong to JavaScript objects, buffers included'],
  ['arrayBuffers', 'array_buffers', 'of buffers outside the heap (a part of external)'],
] as const;

export function createMetrics(): Metrics {
  const registry = new Registry();
  const families: Metrics['families'][number][] = [];
  const histogram = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
  ): Histogram<L> => {
    families.push({ name, help, labelNames, type: 'histogram' });
    return new Histogram({ name, help, labelNames, buckets: seconds, registers: [registry] });
  };
  const gauge: Metrics['gauge'] = (family, read) => {
    families.push({ ...family, type: 'gauge' });
    new ReadGauge(family, read, registry);
  };
  const http = histogram(
    'cobalt_http_request_seconds',
    "Seconds from a request's arrival to its answer's head, by service, route, method and status",
    ['service', 'route', 'method', 'status'],
  );
  const rpc = histogram(
    'cobalt_rpc_seconds',
    'Seconds an agent or service took to handle one message, by topic, method and outcome',
    ['topic', 'method', 'outcome'],
  );
  const saga = histogram(
    'cobalt_saga_step_seconds',
    "Seconds one step of an operation took (a saga's step, run or undone), by saga, step, direction and outcome",
    ['saga', 'step', 'direction', 'outcome'],
  );
  const task = histogram(
    'cobalt_task_seconds',
    'Seconds one run of a periodic background task took, by task and outcome',
    ['task', 'outcome'],
  );
  const starts = {
    name: 'cobalt_starts_total',
    help: 'Starts of this process, counted from 1: a restart begins anew',
  };
  families.push({ ...starts, type: 'counter' });
  new Counter({ ...starts, registers: [registry] }).inc();
  for (const [part, name, help] of memoryParts)
    gauge({ name: `cobalt_process_memory_${name}_bytes`, help: `Bytes ${help}` }, () => [
      { value: process.memoryUsage()[part] },
    ]);
  return {
    http: (labels, ms) => http.observe(labels, ms / 1000),
    // Topics of hosts (`compute.<host>`) share one label value: otherwise each host would add time
    // series.
    rpc: ({ topic, ...labels }, ms) =>
      rpc.observe({ topic: topic.replace(/\..*/, '.*'), ...labels }, ms / 1000),
    sagaStep: (labels, ms) => saga.observe(labels, ms / 1000),
    task: (labels, ms) => task.observe(labels, ms / 1000),
    gauge,
    families,
    text: async () => await registry.metrics(),
  };
}

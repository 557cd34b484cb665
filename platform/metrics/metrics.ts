// Prometheus metrics. Platform and openstack record them where they run routes, RPC, sagas and
// tasks; a component may declare families of its own in one file.
// docs/adr/0037-metrics-of-components.md
import { Counter, Histogram, Registry } from 'prom-client';
import { ReadGauge } from './read-gauge.ts';

/** A metric: its name, and one time series for each combination of label values. */
export interface Family {
  /** With Prometheus' units and suffixes: https://prometheus.io/docs/practices/naming/ */
  name: string;
  help: string;
  /** None by default. */
  labelNames?: readonly string[];
}

export type Labels = Readonly<Record<string, string>>;

/** The value of one time series of a family; labels with an empty value are left out. */
export interface Sample {
  labels?: Labels;
  /** More labels. Samples may share this object; its text is then formatted once and cached. */
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
  /**
   * Declares a counter; returns the function that adds to it, 1 by default; adding 0 creates the
   * time series.
   */
  counter(family: Family): (labels: Labels, by?: number) => void;
  /**
   * Declares a histogram; returns the function that records a value. `buckets`: upper bounds;
   * default: for requests.
   */
  histogram(family: Family, buckets?: readonly number[]): (labels: Labels, value: number) => void;
  /**
   * Declares a gauge. `read` is called at each scrape and returns the current values; it must not
   * block.
   */
  gauge(family: Family, read: () => Iterable<Sample>): void;
  /** All families declared so far, in the order of the text. */
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
  const registers = [registry];
  const families: Metrics['families'][number][] = [];
  const histogram: Metrics['histogram'] = (family, buckets = seconds) => {
    families.push({ ...family, type: 'histogram' });
    const metric = new Histogram({ ...family, buckets: [...buckets], registers });
    return (labels, value) => metric.observe(labels, value);
  };
  const counter: Metrics['counter'] = (family) => {
    families.push({ ...family, type: 'counter' });
    const metric = new Counter({ ...family, registers });
    return (labels, by = 1) => metric.inc(labels, by);
  };
  const gauge: Metrics['gauge'] = (family, read) => {
    families.push({ ...family, type: 'gauge' });
    new ReadGauge(family, read, registry);
  };
  const http = histogram({
    name: 'cobalt_http_request_seconds',
    help: "Seconds from a request's arrival to its answer's head, by service, route, method and status",
    labelNames: ['service', 'route', 'method', 'status'],
  });
  const rpc = histogram({
    name: 'cobalt_rpc_seconds',
    help: 'Seconds an agent or service took to handle one message, by topic, method and outcome',
    labelNames: ['topic', 'method', 'outcome'],
  });
  const saga = histogram({
    name: 'cobalt_saga_step_seconds',
    help: "Seconds one step of an operation took (a saga's step, run or undone), by saga, step, direction and outcome",
    labelNames: ['saga', 'step', 'direction', 'outcome'],
  });
  const task = histogram({
    name: 'cobalt_task_seconds',
    help: 'Seconds one run of a periodic background task took, by task and outcome',
    labelNames: ['task', 'outcome'],
  });
  const starts = counter({
    name: 'cobalt_starts_total',
    help: 'Starts of this process, counted from 1: a restart begins anew',
  });
  starts({});
  for (const [part, name, help] of memoryParts)
    gauge({ name: `cobalt_process_memory_${name}_bytes`, help: `Bytes ${help}` }, () => [
      { value: process.memoryUsage()[part] },
    ]);
  return {
    http: ({ status, ...labels }, ms) => http({ ...labels, status: String(status) }, ms / 1000),
    // Topics of hosts (`compute.<host>`) share one label value: otherwise each host would add time
    // series.
    rpc: ({ topic, ...labels }, ms) =>
      rpc({ topic: topic.replace(/\..*/, '.*'), ...labels }, ms / 1000),
    sagaStep: (labels, ms) => saga(labels, ms / 1000),
    task: (labels, ms) => task(labels, ms / 1000),
    counter,
    histogram,
    gauge,
    families,
    text: async () => await registry.metrics(),
  };
}

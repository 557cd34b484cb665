// A gauge whose values are computed at each scrape. prom-client's Gauge stores every value in a map
// by its labels; with thousands of values that change at each scrape, this takes longer than
// formatting the text.
import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client';
import { Gauge } from 'prom-client';
import type { Family, Labels, Sample } from './metrics.ts';

export class ReadGauge extends Gauge {
  readonly #read: () => Iterable<Sample>;

  constructor({ name, help }: Family, read: () => Iterable<Sample>, registry: Registry) {
    super({ name, help, registers: [registry] });
    this.#read = read;
  }

  override async get(): Promise<MetricObjectWithValues<MetricValue<string>>> {
    const values = Array.from(this.#read(), ({ labels = {}, common = none, value }) => ({
      labels: withoutEmpty(labels),
      // prom-client caches the text of this object; it does so for the buckets of a histogram
      sharedLabels: cachedWithoutEmpty(common),
      value,
    }));
    return { ...(await super.get()), values };
  }
}

/**
 * Leaves out empty labels: one is the same as a missing one:
 * https://prometheus.io/docs/concepts/data_model/
 */
function withoutEmpty(labels: Labels): Record<string, string> {
  const full: Record<string, string> = {};
  for (const [label, value] of Object.entries(labels)) if (value !== '') full[label] = value;
  return full;
}

const none: Labels = {};
/** By the labels that samples share: the same object each time, so that its text is cached. */
const cachedLabels = new WeakMap<Labels, Record<string, string>>();
function cachedWithoutEmpty(labels: Labels): Record<string, string> {
  const full = cachedLabels.get(labels) ?? withoutEmpty(labels);
  cachedLabels.set(labels, full);
  return full;
}

// Recent load samples of hosts and guests: one ring buffer per subject and metric, bounded in
// number and age.

export interface Sample {
  atMs: number;
  value: number;
}

/** Percentages: `cpu` and `steal` of guests and hosts, `memory` of hosts. */
export type LoadMetric = 'cpu' | 'steal' | 'memory';

const samplesKept = 120;

export class LoadHistory {
  readonly #keptMs: number;
  readonly #samples = new Map<string, Sample[]>();

  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  /** A subject's samples must be added in the order of their times. */
  add(subject: string, metric: LoadMetric, sample: Sample): void {
    const key = `${metric}\n${subject}`;
    const samples = this.#samples.get(key) ?? [];
    samples.push(sample);
    if (samples.length > samplesKept) samples.shift();
    this.#samples.set(key, samples);
  }

  /** Samples that are not too old. */
  of(subject: string, metric: LoadMetric, nowMs: number): readonly Sample[] {
    const samples = this.#samples.get(`${metric}\n${subject}`) ?? [];
    return samples.filter(({ atMs }) => nowMs - atMs < this.#keptMs);
  }

  forget(subject: string): void {
    for (const metric of ['cpu', 'steal', 'memory'] as const)
      this.#samples.delete(`${metric}\n${subject}`);
  }
}

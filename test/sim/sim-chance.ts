// Random delays of a simulated cloud's messages and requests, from its seed, so that some overtake
// others; and a trace of all events. The users' actions have another random stream.
import { isFault } from '#contracts/common/fault.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Bus } from '#platform/bus/bus.ts';
import { copyJson } from '#platform/bus/copy-json.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';

const longestBusDelayMs = 5;
const longestHttpDelayMs = 3;

interface Chance {
  clock: Clock;
  ids: Pick<Ids, 'random'>;
  trace: Trace;
}

/** Delays each message randomly, on its way there and on its way back. */
export function lateBus(bus: Bus, { clock, ids, trace }: Chance): Bus {
  const late = async (): Promise<void> => await clock.sleep(ids.random() * longestBusDelayMs);
  return {
    serve: (topic, handlers, options) => bus.serve(topic, handlers, options),
    async call(topic, method, params, options) {
      const sent = copyJson(params);
      await late();
      trace.add('call', { topic, method, ...options, params: sent });
      const outcome = await bus.call(topic, method, sent, options);
      trace.add('return', { topic, method, requestId: options.requestId, outcome });
      await late();
      return outcome;
    },
    async cast(topic, method, params, options) {
      const sent = copyJson(params);
      await late();
      trace.add('cast', { topic, method, ...options, params: sent });
      return await bus.cast(topic, method, sent, options);
    },
    async fanout(topic, method, params, options) {
      const sent = copyJson(params);
      await late();
      trace.add('fanout', { topic, method, ...options, params: sent });
      await bus.fanout(topic, method, sent, options);
    },
    close: async () => await bus.close(),
  };
}

/** Delays each request and each answer randomly. */
export function lateHttp(http: HttpClient, { clock, ids, trace }: Chance): HttpClient {
  const late = async (): Promise<void> => await clock.sleep(ids.random() * longestHttpDelayMs);
  return {
    async send(call) {
      const sent = call.body === undefined ? call : { ...call, body: structuredClone(call.body) };
      await late();
      const { service, method, path } = call;
      trace.add('request', { service, method, path, body: sent.body });
      const answer = await http.send(sent);
      const outcome = isFault(answer) ? answer.kind : { status: answer.status, body: answer.body };
      trace.add('answer', { service, method, path, outcome });
      await late();
      return answer;
    },
  };
}

export interface Trace {
  add(what: string, facts: object): void;
  /** One line for each event: virtual time, event, facts. */
  text(): string;
  /** Traces requests, messages, saga steps and tasks when they end. */
  metrics: Metrics;
  /** A destination for log lines. */
  log: { write(line: string): void };
}

/**
 * Starts an empty trace. `hidden`: text that differs from run to run, e.g. a folder's name, and is
 * removed from the trace.
 */
export function createTrace(clock: Clock, hidden: string): Trace {
  const lines: string[] = [];
  const startMs = clock.now();
  const add = (what: string, facts: object): void => {
    const text = JSON.stringify(facts).replaceAll(hidden, '<folder>');
    lines.push(`${(clock.now() - startMs).toString().padStart(8)} ${what} ${text}`);
  };
  return {
    add,
    text: () => `${lines.join('\n')}\n`,
    metrics: {
      http: (labels, ms) => add('http', { ...labels, ms }),
      rpc: (labels, ms) => add('rpc', { ...labels, ms }),
      sagaStep: (labels, ms) => add('saga', { ...labels, ms }),
      task: (labels, ms) => add('task', { ...labels, ms }),
      counter: () => () => undefined,
      histogram: () => () => undefined,
      gauge: () => undefined,
      families: [],
      text: async () => '',
    },
    log: {
      write(line) {
        const { time: _realTime, ...facts } = JSON.parse(line) as Record<string, unknown>;
        add('log', facts);
      },
    },
  };
}

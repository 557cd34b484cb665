// Sends a BMC's events to its subscribers by HTTP: a few attempts each, without following
// redirects, in the background. Used by emulated BMCs, and by compose for simulated ones.
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Clock } from '#platform/clock.ts';
import { sendRequest } from '#platform/http/send-request.ts';
import type { Log } from '#platform/log.ts';
import { isoTime } from './redfish-documents.ts';

export interface SentEvent {
  id: string;
  atMs: number;
  severity: 'OK' | 'Warning' | 'Critical';
  message: string;
  messageId: string;
  /** Path of the Redfish resource that the event is about. */
  origin: string;
}

export interface EventSender {
  /**
   * Sends in the background and returns at once. Events to one receiver may arrive out of order.
   */
  send(receiver: { url: string; context: string }, event: SentEvent): void;
  /** Aborts the attempts in progress. */
  close(): Promise<void>;
}

const [attempts, pauseMs, timeoutMs, maxAnswerBytes] = [3, 1_000, 5_000, 64 * 1024];
/**
 * Events beyond this many unsent ones are dropped, so that a dead receiver cannot fill the memory.
 */
const maxUnderWay = 200;

export function createEventSender({ clock, log }: { clock: Clock; log: Log }): EventSender {
  const closing = new AbortController();
  const underWay = new Set<Promise<void>>();

  async function deliver(url: string, body: string): Promise<void> {
    for (let attempt = 1; attempt <= attempts && !closing.signal.aborted; attempt += 1) {
      const headers = { 'content-type': 'application/json' };
      const answer = await sendRequest(
        { method: 'POST', url: new URL(url), headers, body, timeoutMs, maxAnswerBytes },
        clock,
      );
      if (!isFault(answer) && answer.status < 300) return;
      const reason = isFault(answer) ? answer.message : `status ${answer.status}`;
      log.warn({ reason, attempt }, 'event of a BMC was not taken');
      await clock
        .sleep(pauseMs * attempt, { signal: closing.signal, unref: true })
        .catch(() => undefined);
    }
  }

  return {
    send({ url, context }, event) {
      if (underWay.size >= maxUnderWay) return log.warn({}, 'event of a BMC is dropped');
      const delivery = deliver(url, JSON.stringify(eventDocument(context, event)))
        .catch((error: unknown) => log.error({ err: error }, 'event of a BMC'))
        .finally(() => underWay.delete(delivery));
      underWay.add(delivery);
    },
    async close() {
      closing.abort();
      await Promise.all(underWay);
    },
  };
}

/** The event as a Redfish document. DSP8010, Event. */
export const eventDocument = (
  context: string,
  { id, atMs, severity, message, messageId, origin }: SentEvent,
): Json => ({
  '@odata.type': '#Event.v1_4_0.Event',
  Id: id,
  Name: 'Event of a BMC',
  Context: context,
  Events: [
    {
      MemberId: '0',
      EventId: id,
      EventType: 'Alert',
      EventTimestamp: isoTime(atMs),
      Severity: severity,
      MessageSeverity: severity,
      Message: message,
      MessageId: messageId,
      OriginOfCondition: { '@odata.id': origin },
    },
  ],
});

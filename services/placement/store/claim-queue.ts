// Group commit: claims that arrive while a transaction is being written wait, and are written
// together in the next one. If nothing is being written, a claim waits for one turn of the event
// loop. See docs/adr/0005-placement-world-in-memory.md. Called by the routes of allocations.
import { setImmediate } from 'node:timers/promises';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { isUnavailable, isUniqueViolation } from '#platform/db/errors.ts';
import { withoutFence } from '#platform/fence.ts';
import type { ConsumerClaim } from '../domain/settle-claims.ts';

/** Returns the refusals in the order of the requests. */
type Write = (requests: readonly (readonly ConsumerClaim[])[]) => Promise<(Fault | undefined)[]>;

interface Waiting {
  claims: readonly ConsumerClaim[];
  resolve(outcome: Outcome<void>): void;
  reject(error: unknown): void;
}

/** Maximum number of claims in one transaction; a single request may have more. */
const mostTogether = 64;
/**
 * Maximum number of waiting requests, equal to that of queries waiting for a MariaDB connection.
 */
const mostWaiting = 2_000;

export class ClaimQueue {
  readonly #write: Write;
  #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(write: Write) {
    this.#write = write;
  }

  /**
   * Writes the claims of one request, all or none. Faults as in `replaceAllocations`, and
   * unavailable: too many requests are waiting. Throws errors of the database.
   */
  async add(claims: readonly ConsumerClaim[]): Promise<Outcome<void>> {
    if (this.#waiting.length >= mostWaiting)
      return fault('unavailable', 'Too many claims wait to be written; try again.');
    const { promise, resolve, reject } = Promise.withResolvers<Outcome<void>>();
    this.#waiting.push({ claims, resolve, reject });
    // Without a fence: the transaction serves several requests, and the fence of one of them must
    // not end it for all.
    if (!this.#isWriting) withoutFence(() => void this.#writeAll());
    return await promise;
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      // Yields once to the event loop: requests that have arrived together form one batch, and
      // other requests are served between two transactions.
      await setImmediate();
      await this.#writeTogether(this.#takeNext());
    }
    this.#isWriting = false;
  }

  /**
   * The next batch: the first waiting requests, in order. A request for a consumer that an earlier
   * one names must wait for the next batch.
   */
  #takeNext(): Waiting[] {
    const [batch, rest]: [Waiting[], Waiting[]] = [[], []];
    const consumers = new Set<string>();
    for (const one of this.#waiting) {
      const ids = one.claims.map((claim) => claim.consumerUuid);
      const hasRoom = batch.length === 0 || consumers.size + ids.length <= mostTogether;
      (hasRoom && !ids.some((id) => consumers.has(id)) ? batch : rest).push(one);
      // Also for requests that keep waiting, so that a later request for the same consumer does not
      // overtake them.
      for (const id of ids) consumers.add(id);
    }
    this.#waiting = rest;
    return batch;
  }

  async #writeTogether(batch: readonly Waiting[]): Promise<void> {
    try {
      const refusals = await this.#write(batch.map((one) => one.claims));
      for (const [at, one] of batch.entries()) one.resolve(refusals[at]);
    } catch (error) {
      // Written one by one, so that a request that the database cannot store does not fail the
      // others.
      if (batch.length > 1 && !isUnavailable(error))
        for (const one of batch) await this.#writeAlone(one);
      else if (batch[0] && isUniqueViolation(error)) await this.#writeAlone(batch[0]);
      else for (const one of batch) one.reject(error);
    }
  }

  async #writeAlone({ claims, resolve, reject }: Waiting): Promise<void> {
    try {
      const [refusal] = await this.#write([claims]);
      resolve(refusal);
    } catch (error) {
      reject(error);
    }
  }
}

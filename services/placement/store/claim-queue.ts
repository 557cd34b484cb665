// Group commit: while one transaction of claims is written, those that come meanwhile wait, and go
// together into the next. Where nobody writes, a claim waits for one turn of the event loop. See
// docs/adr/0005-placement-world-in-memory.md. Called by the routes of allocations.
import { setImmediate } from 'node:timers/promises';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { isUnavailable, isUniqueViolation } from '#platform/db/errors.ts';
import { withoutFence } from '#platform/fence.ts';
import type { ConsumerClaim } from '../domain/settle-claims.ts';

/** Refusals by request, in their order. */
type Write = (requests: readonly (readonly ConsumerClaim[])[]) => Promise<(Fault | undefined)[]>;

interface Waiting {
  claims: readonly ConsumerClaim[];
  resolve(outcome: Outcome<void>): void;
  reject(error: unknown): void;
}

/** Claims in one transaction; a request alone may have more. */
const mostTogether = 64;
/** Requests that wait; as many as queries for a connection to MariaDB. */
const mostWaiting = 2_000;

export class ClaimQueue {
  readonly #write: Write;
  #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(write: Write) {
    this.#write = write;
  }

  /**
   * Writes the claims of one request, all or none; faults as `replaceAllocations`, and unavailable:
   * too many wait. Throws what the database throws.
   */
  async add(claims: readonly ConsumerClaim[]): Promise<Outcome<void>> {
    if (this.#waiting.length >= mostWaiting)
      return fault('unavailable', 'Too many claims wait to be written; try again.');
    const { promise, resolve, reject } = Promise.withResolvers<Outcome<void>>();
    this.#waiting.push({ claims, resolve, reject });
    // The transaction is of several requests: the fence of one is not that of all.
    if (!this.#isWriting) withoutFence(() => void this.#writeAll());
    return await promise;
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      // One turn of the event loop: what has come with the first of them goes with it, and what
      // is no claim is served between two transactions.
      await setImmediate();
      await this.#writeTogether(this.#takeNext());
    }
    this.#isWriting = false;
  }

  /** The first that wait, in order; what names a consumer of theirs again waits on. */
  #takeNext(): Waiting[] {
    const [batch, rest]: [Waiting[], Waiting[]] = [[], []];
    const consumers = new Set<string>();
    for (const one of this.#waiting) {
      const ids = one.claims.map((claim) => claim.consumerUuid);
      const hasRoom = batch.length === 0 || consumers.size + ids.length <= mostTogether;
      (hasRoom && !ids.some((id) => consumers.has(id)) ? batch : rest).push(one);
      // also of those that wait: a later one of the same consumer does not overtake them
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
      // What the database does not bear of one must not be the others' fault.
      if (batch.length > 1 && !isUnavailable(error))
        for (const one of batch) await this.#writeAlone(one);
      else if (batch[0] && isUniqueViolation(error)) await this.#writeAlone(batch[0]);
      else for (const one of batch) one.reject(error);
    }
  }

  async #writeAlone({ claims, resolve, reject }: Waiting): Promise<void> {
    try {
      const [refused] = await this.#write([claims]);
      resolve(refused);
    } catch (error) {
      reject(error);
    }
  }
}

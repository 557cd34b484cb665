// Numbered calls over one socket: bounds how many are sent and how many wait, ends each at its
// deadline, and all when the socket closes. Base of the connections to libvirt and OVSDB, which
// define the messages; tested with them (adapters/libvirt/rpc, adapters/ovsdb).
import type net from 'node:net';
import { systemClock, type Repetition, type Timer } from './clock.ts';

export interface CallBounds {
  /** Calls sent and not answered at one time; further calls wait in order. */
  maxInFlight: number;
  /** Calls that may wait; further calls are refused. */
  maxQueued: number;
}

export interface CallPeer {
  /** The peer's name in errors: 'the NAME closed the connection'. */
  name: string;
  received(chunk: Buffer): void;
  /** Makes the error for the unfinished calls when the connection ends. */
  disconnected(cause: Error): Error;
  /** Called once, after all calls have ended. Must not throw. */
  closed(cause: Error): void;
}

export interface SocketCall<Reply> {
  /** Unique among the unanswered calls. */
  id: number;
  message: Buffer | string;
  timeoutMs: number;
  /**
   * Makes the error for the deadline. `sent`: the message was sent, so the peer may have acted on
   * it.
   */
  expired(sent: boolean): Error;
  /** Called once, with the answer or with the error that ended the call. */
  ended(reply: Reply | Error): void;
}

interface PendingCall<Reply> extends SocketCall<Reply> {
  deadline: Timer;
}

export class SocketCalls<Reply> {
  readonly #socket: net.Socket;
  readonly #bounds: CallBounds;
  readonly #peer: CallPeer;
  readonly #inFlight = new Map<number, PendingCall<Reply>>();
  /**
   * Waiting calls by id, in insertion order. A map, because a deadline removes calls from the
   * middle.
   */
  readonly #queue = new Map<number, PendingCall<Reply>>();
  #repetition: Repetition | undefined;
  #closedBy: Error | undefined;

  constructor(socket: net.Socket, bounds: CallBounds, peer: CallPeer) {
    this.#socket = socket;
    this.#bounds = bounds;
    this.#peer = peer;
    socket.on('data', (chunk: Buffer) => peer.received(chunk));
    socket.on('error', (error) => this.close(error));
    socket.on('close', () => this.close(new Error(`the ${peer.name} closed the connection`)));
  }

  /**
   * Why the connection accepts no call now; undefined if it does. `kind`, for the text, e.g.
   * 'OVSDB'.
   */
  refusal(kind: string): string | undefined {
    if (this.#closedBy) return this.#closedBy.message;
    if (this.#queue.size >= this.#bounds.maxQueued)
      return `${this.#queue.size} ${kind} calls are waiting already`;
    return undefined;
  }

  /** Starts a call. Only to be called when `refusal` returned undefined. */
  start(call: SocketCall<Reply>): void {
    const deadline = systemClock.after(call.timeoutMs, () =>
      this.end(call.id, call.expired(this.isSent(call.id))),
    );
    this.#queue.set(call.id, { ...call, deadline });
    this.#sendQueued();
  }

  isSent(id: number): boolean {
    return this.#inFlight.has(id);
  }

  /** Ends the call; nothing happens if it has ended already. */
  end(id: number, reply: Reply | Error): void {
    const call = this.#inFlight.get(id) ?? this.#queue.get(id);
    if (!call) return;
    call.deadline.stop();
    this.#inFlight.delete(id);
    this.#queue.delete(id);
    if (!this.#closedBy) this.#sendQueued();
    call.ended(reply);
  }

  /** Ends the call with the peer's answer; an answer to a call that was not sent is dropped. */
  answer(id: number, reply: Reply | Error): void {
    if (this.isSent(id)) this.end(id, reply);
  }

  /** Sends a message that is not a call. */
  write(message: Buffer | string): void {
    this.#socket.write(message);
  }

  /** Runs `work` periodically until the connection ends; for keepalives. */
  repeat(everyMs: number, work: () => void): void {
    if (this.#closedBy) return;
    this.#repetition = systemClock.every(everyMs, work, {
      onError: (error) => this.close(new Error('keepalive', { cause: error })),
    });
  }

  close(cause: Error): void {
    if (this.#closedBy) return;
    this.#closedBy = cause;
    void this.#repetition?.stop();
    this.#socket.destroy();
    for (const id of [...this.#inFlight.keys(), ...this.#queue.keys()])
      this.end(id, this.#peer.disconnected(cause));
    this.#peer.closed(cause);
  }

  #sendQueued(): void {
    for (const [id, call] of this.#queue) {
      if (this.#inFlight.size >= this.#bounds.maxInFlight) return;
      this.#queue.delete(id);
      this.#inFlight.set(id, call);
      this.#socket.write(call.message);
    }
  }
}

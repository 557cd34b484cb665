// Numbered calls over one socket: bounds how many are sent and how many wait, ends each at its
// deadline and all of them with the socket. Base of the connections to libvirt and OVSDB, which
// define the messages; tested with them (adapters/libvirt/rpc, adapters/ovsdb).
import type net from 'node:net';
import { systemClock, type Repetition, type Timer } from './clock.ts';

export interface CallBounds {
  /** Calls beyond this many wait in order. */
  maxInFlight: number;
  /** Calls beyond this many waiting ones are refused. */
  maxQueued: number;
}

export interface CallPeer {
  /** Its name in errors: 'the NAME closed the connection'. */
  name: string;
  received(chunk: Buffer): void;
  /** The error with which a call ends when the connection does. */
  disconnected(cause: Error): Error;
  /** Once, after all calls have ended. Must not throw. */
  closed(cause: Error): void;
}

export interface SocketCall<Reply> {
  /** Unique among the calls without an answer. */
  id: number;
  message: Buffer | string;
  timeoutMs: number;
  /** At the deadline; the error with which the call ends. `sent`: the peer has its message. */
  expired(sent: boolean): Error;
  /** Once, with the answer or the reason why there is none. */
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
  /** By id, in insertion order; a map, because calls leave from the middle at their deadlines. */
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

  /** Why the connection takes no call now; undefined when it does. `kind`: 'OVSDB' */
  refusal(kind: string): string | undefined {
    if (this.#closedBy) return this.#closedBy.message;
    if (this.#queue.size >= this.#bounds.maxQueued)
      return `${this.#queue.size} ${kind} calls are waiting already`;
    return undefined;
  }

  /** Only where `refusal` gave no reason. */
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

  /** The answer of the peer; dropped for a call that it was not sent. */
  answer(id: number, reply: Reply | Error): void {
    if (this.isSent(id)) this.end(id, reply);
  }

  /** Sends what is no call. */
  write(message: Buffer | string): void {
    this.#socket.write(message);
  }

  /** Runs `work` again and again until the connection ends: its keepalive. */
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

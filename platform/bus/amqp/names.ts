// Names and arguments of the bus's queues and exchanges at RabbitMQ. Sender and consumer both
// declare them, since either may come first. https://www.rabbitmq.com/docs/queues,
// /docs/quorum-queues
import type { ConsumerProps } from 'rabbitmq-client';

export interface AmqpNames {
  /** Prefix of the names of all queues and exchanges. */
  prefix: string;
  /** Maximum length of a topic's queue, in messages. */
  maxQueued: number;
  /** Deliveries of a cast, after which the broker makes it a dead letter. */
  maxDeliveries: number;
}

type Queue = NonNullable<ConsumerProps['queueOptions']> & { queue: string };

/**
 * The queue for a topic's calls. The broker deletes it with its last consumer, so that a call to a
 * topic that nobody serves is returned at once.
 */
export const callQueue = ({ prefix, maxQueued }: AmqpNames, topic: string): Queue => ({
  queue: `${prefix}.call.${topic}`,
  durable: false,
  autoDelete: true,
  arguments: { 'x-max-length': maxQueued, 'x-overflow': 'reject-publish' },
});

/** The queue for a topic's casts: replicated, and kept while no consumer is connected. */
export const castQueue = (
  { prefix, maxQueued, maxDeliveries }: AmqpNames,
  topic: string,
): Queue => ({
  queue: `${prefix}.cast.${topic}`,
  durable: true,
  arguments: {
    'x-queue-type': 'quorum',
    'x-max-length': maxQueued,
    'x-overflow': 'reject-publish',
    'x-delivery-limit': maxDeliveries,
    'x-dead-letter-exchange': deadLetterExchange(prefix),
  },
});

export const fanoutExchange = (prefix: string, topic: string): string =>
  `${prefix}.fanout.${topic}`;

export const deadLetterExchange = (prefix: string): string => `${prefix}.dead`;

/** Casts whose handler threw at every delivery, kept for an operator to inspect and resend. */
export const deadLetterQueue = ({ prefix, maxQueued }: AmqpNames): Queue => ({
  queue: `${prefix}.dead`,
  durable: true,
  arguments: { 'x-queue-type': 'quorum', 'x-max-length': maxQueued },
});

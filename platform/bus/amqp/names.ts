// Queues and exchanges of the bus at RabbitMQ, and how they are declared. Both ends declare them:
// whoever comes first. https://www.rabbitmq.com/docs/queues, /docs/quorum-queues
import type { ConsumerProps } from 'rabbitmq-client';

export interface AmqpNames {
  prefix: string;
  /** Messages that a topic's queue holds. */
  maxQueued: number;
  maxDeliveries: number;
}

type Queue = NonNullable<ConsumerProps['queueOptions']> & { queue: string };

/**
 * Calls of a topic. It lives as long as a consumer does: whoever calls a topic that nobody serves
 * gets the message back at once.
 */
export const callQueue = ({ prefix, maxQueued }: AmqpNames, topic: string): Queue => ({
  queue: `${prefix}.call.${topic}`,
  durable: false,
  autoDelete: true,
  arguments: { 'x-max-length': maxQueued, 'x-overflow': 'reject-publish' },
});

/** Casts of a topic: replicated, kept until they are done, also while nobody serves it. */
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

/** Casts that were given up: kept for an operator to look at, and to send again. */
export const deadLetterQueue = ({ prefix, maxQueued }: AmqpNames): Queue => ({
  queue: `${prefix}.dead`,
  durable: true,
  arguments: { 'x-queue-type': 'quorum', 'x-max-length': maxQueued },
});

// Runs the bus contract (bus.testing.ts) on the AMQP driver and a real RabbitMQ.
import { after, before, describe } from 'node:test';
import { systemClock } from '../../clock.ts';
import { systemIds } from '../../ids.ts';
import { silentLog } from '../../log.ts';
import { busContract } from '../bus.testing.ts';
import { createAmqpBus } from './amqp-bus.ts';
import type { PrivateRabbitmq } from './rabbitmq.testing.ts';
import { rabbitmqMissing, startRabbitmq } from './rabbitmq.testing.ts';

describe('on a real RabbitMQ', { skip: await rabbitmqMissing() }, () => {
  let rabbitmq: PrivateRabbitmq;
  before(async () => void (rabbitmq = await startRabbitmq()));
  after(async () => await rabbitmq?.stop());

  busContract(
    'AMQP',
    async () =>
      createAmqpBus(
        {
          ...rabbitmq.options,
          prefix: `test-${systemIds.uuid()}`,
          limits: { maxQueued: 50, redeliveryBackoffMs: 1 },
        },
        { clock: systemClock, ids: systemIds, log: silentLog },
      ),
    { beyondQueue: 50 },
  );
});

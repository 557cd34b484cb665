// A process that accepts a call over RabbitMQ and never answers; broker-trouble.test.ts starts and
// kills it. Argument: the broker's address and the name prefix, as JSON.
import { systemClock } from '../../clock.ts';
import { systemIds } from '../../ids.ts';
import { silentLog } from '../../log.ts';
import type { AmqpOptions } from './amqp-bus.ts';
import { createAmqpBus } from './amqp-bus.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as AmqpOptions;
createAmqpBus(options, { clock: systemClock, ids: systemIds, log: silentLog }).serve('long', {
  async work() {
    process.send?.('taken');
    return await new Promise(() => undefined);
  },
});

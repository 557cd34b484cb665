import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeyedQueue } from './keyed-queue.ts';

const gate = () => Promise.withResolvers<void>();

describe('work by key', () => {
  it('runs one after the other within a key, in order of arrival; other keys do not wait', async () => {
    const queue = new KeyedQueue();
    const order: string[] = [];
    const [first, second] = [gate(), gate()];
    const step = (name: string, until: Promise<void>) => async () => {
      order.push(`${name} begins`);
      await until;
      order.push(`${name} ends`);
      return name;
    };
    const results = Promise.all([
      queue.run('a', step('a1', first.promise)),
      queue.run('a', step('a2', second.promise)),
      queue.run('a', step('a3', Promise.resolve())),
    ]);
    assert.equal(await queue.run('b', step('b', Promise.resolve())), 'b');
    assert.deepEqual(order, ['a1 begins', 'b begins', 'b ends']);
    second.resolve();
    first.resolve();
    assert.deepEqual(await results, ['a1', 'a2', 'a3']);
    assert.deepEqual(order.slice(3), ['a1 ends', 'a2 begins', 'a2 ends', 'a3 begins', 'a3 ends']);
  });

  it('goes on after work that failed, which fails for its caller alone', async () => {
    const queue = new KeyedQueue();
    const failing = queue.run('a', async () => await Promise.reject(new Error('no')));
    const next = queue.run('a', async () => await Promise.resolve('yes'));
    await assert.rejects(failing, /no/);
    assert.equal(await next, 'yes');
  });

  it('keeps nothing of a key whose work has ended', async () => {
    const queue = new KeyedQueue();
    const blocker = gate();
    const running = queue.run('a', async () => await blocker.promise);
    assert.equal(queue.size, 1);
    blocker.resolve();
    await queue.settled();
    await running;
    assert.equal(queue.size, 0);
  });
});

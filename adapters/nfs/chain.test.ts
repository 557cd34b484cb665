import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Chain } from './chain.ts';
import {
  filesOf,
  newChain,
  nextMerge,
  parseChain,
  snapshotFile,
  snapshotsOf,
  withoutSnapshot,
  withSnapshot,
} from './chain.ts';

const two = withSnapshot(withSnapshot(newChain('v'), 'v', 's1'), 'v', 's2');

test('snapshots lay files over one another', () => {
  assert.deepEqual(two, {
    frozen: [
      { file: 'volume-v', snapshot: 's1' },
      { file: 'volume-v.s1', snapshot: 's2' },
    ],
    active: 'volume-v.s2',
  });
  assert.equal(withSnapshot(two, 'v', 's1'), two, 'one that is there stays');
  assert.deepEqual(parseChain(JSON.stringify(two)), two);
  for (const bad of [
    '',
    '{',
    '{}',
    '[]',
    'null',
    '{"active":1,"frozen":[]}',
    '{"active":"a","frozen":[1]}',
  ])
    assert.equal(parseChain(bad), null, bad);
});

test('a deleted snapshot is merged into the file above it', () => {
  assert.equal(nextMerge(two), null);
  assert.deepEqual(nextMerge(withoutSnapshot(two, 's1')), {
    file: 'volume-v',
    top: 'volume-v.s1',
    below: null,
    chain: { frozen: [{ file: 'volume-v.s1', snapshot: 's2' }], active: 'volume-v.s2' },
  });
  assert.deepEqual(nextMerge(withoutSnapshot(two, 's2')), {
    file: 'volume-v.s1',
    top: 'volume-v.s2',
    below: 'volume-v',
    chain: { frozen: [{ file: 'volume-v', snapshot: 's1' }], active: 'volume-v.s2' },
  });
});

test('any order of snapshots, deletions and merges keeps the content of the volume and its snapshots', () => {
  const step = fc.tuple(fc.constantFrom('take', 'delete', 'merge'), fc.integer({ min: 0, max: 5 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      // A file's content is modelled as the list of its writes; one write happens before each step.
      // Snapshot ids are used once.
      let chain: Chain = newChain('v');
      const layers = new Map([
        [chain.active, { writes: [] as number[], below: null as string | null }],
      ]);
      const content = (file: string | undefined | null): number[] =>
        file == null
          ? []
          : [...content(layers.get(file)?.below), ...(layers.get(file)?.writes ?? [])];
      const expected = new Map<string, number[]>();
      const used = new Set<string>();
      steps.forEach(([what, which], time) => {
        layers.get(chain.active)?.writes.push(time);
        const id = `s${which}`;
        if (what === 'take' && !used.has(id)) {
          expected.set(id, content(chain.active));
          used.add(id);
          const below = chain.active;
          chain = withSnapshot(chain, 'v', id);
          layers.set(chain.active, { writes: [], below });
        } else if (what === 'delete') {
          expected.delete(id);
          chain = withoutSnapshot(chain, id);
        } else if (what === 'merge') {
          const merge = nextMerge(chain);
          if (!merge) return;
          layers.set(merge.top, {
            writes: [
              ...(layers.get(merge.file)?.writes ?? []),
              ...(layers.get(merge.top)?.writes ?? []),
            ],
            below: merge.below,
          });
          layers.delete(merge.file);
          chain = merge.chain;
        }
        assert.deepEqual(snapshotsOf(chain).sort(), [...expected.keys()].sort());
        for (const [snapshot, writes] of expected)
          assert.deepEqual(content(snapshotFile(chain, snapshot)), writes);
        assert.deepEqual(new Set(filesOf(chain)), new Set(layers.keys()));
      });
      assert.deepEqual(
        content(chain.active),
        steps.map((_, time) => time),
      );
    }),
  );
});

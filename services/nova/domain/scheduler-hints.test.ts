// Scheduler hints: which ones are refused, and which hosts the hint `query` matches.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { meetsQuery, parseHostQuery } from './host-query.ts';
import { checkHints, nearNetwork, serversIn } from './scheduler-hints.ts';

const host = { free_ram_mb: 2048, vcpus_used: 4, host: 'h1', hypervisor_type: 'QEMU' };
const finds = (query: Json): boolean => {
  const terms = parseHostQuery(JSON.stringify(query));
  if (isFault(terms)) return assert.fail(terms.message);
  return meetsQuery(terms, host);
};

describe('a query of hosts', () => {
  const cases: readonly [Json[], boolean][] = [
    [[], true],
    [['=', '$host', 'h1'], true],
    [['=', '$host', 'h2'], false],
    [['>=', '$free_ram_mb', 2048], true],
    [['>', '$free_ram_mb', 2048], false],
    [['<=', '$vcpus_used', 4, 5], true],
    [['<', '$vcpus_used', 5, 4], false],
    [['>', '$host', 1], false],
    [['in', '$host', 'h1', 'h2'], true],
    [['in', '$host', 'h2', 'h3'], false],
    [['not', ['=', '$host', 'h2']], true],
    [['and', ['=', '$host', 'h1'], ['>', '$free_ram_mb', 4096]], false],
    [['or', ['=', '$host', 'h2'], ['<', '$free_ram_mb', 4096]], true],
    [['and', ['or', ['not', ['=', '$host', 'h1']], ['=', '$vcpus_used', 4]]], true],
    [['=', '$no_such_thing', 'h1'], false],
    [['=', '$constructor', 'h1'], false],
  ];
  for (const [query, wanted] of cases)
    it(`${JSON.stringify(query)} is ${wanted}`, () => assert.equal(finds(query), wanted));

  it('is refused when it is none', () => {
    let deep: Json = ['not', true];
    for (let level = 0; level < 30; level += 1) deep = ['not', deep];
    const wrong = ['{', '{}', '1', '["==", 1, 1]', '[["="]]', '["=", {}]', JSON.stringify(deep)];
    for (const text of [...wrong, 1, null])
      assert.ok(isFault(parseHostQuery(text)), JSON.stringify(text));
  });
});

describe('scheduler hints', () => {
  it('name servers as one or as a list', () => {
    assert.deepEqual(serversIn('a'), ['a']);
    assert.deepEqual(serversIn(['a', 'b']), ['a', 'b']);
    assert.deepEqual(serversIn(undefined), []);
  });

  it('name a network by an address and a prefix, a netmask or none', () => {
    const network = (hints: JsonObject) => {
      const near = nearNetwork(hints);
      return isFault(near) ? 'refused' : near?.prefix;
    };
    const v4 = { build_near_host_ip: '10.0.0.1' };
    assert.equal(network({ cidr: '/8' }), undefined);
    assert.equal(network(v4), 24);
    assert.equal(network({ ...v4, cidr: '/16' }), 16);
    assert.equal(network({ ...v4, cidr: '/255.255.252.0' }), 22);
    for (const cidr of ['/33', '/255.0.255.0', '/1.2', '/ff'])
      assert.equal(network({ ...v4, cidr }), 'refused', cidr);
    assert.equal(network({ build_near_host_ip: 'fd00::1', cidr: '/64' }), 64);
  });

  it('are refused when they make no sense', () => {
    assert.equal(checkHints({ other: { of: 'another filter' } }), undefined);
    assert.ok(isFault(checkHints({ query: 'x' })));
    assert.ok(isFault(checkHints({ build_near_host_ip: '10.0.0.1', cidr: '/99' })));
  });
});

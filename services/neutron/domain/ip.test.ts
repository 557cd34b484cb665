import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  canonicalIp,
  cidrOf,
  cidrsOverlap,
  eui64,
  formatCidr,
  ipKey,
  ipToNumber,
  ipVersion,
  isHostAddress,
  numberToIp,
  parseCidr,
} from './ip.ts';
import type { Cidr } from './ip.ts';

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  assert.ok(parsed, text);
  return parsed;
};

describe('an address', () => {
  it('is the same after a way through its number, in its one spelling', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const one = canonicalIp(text);
        assert.equal(ipVersion(one), 6, `${text} -> ${one}`);
        assert.equal(ipToNumber(one), ipToNumber(text));
        assert.equal(canonicalIp(one), one);
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (text) => assert.equal(numberToIp(ipToNumber(text), 4), text)),
    );
  });
  it('is spelled as RFC 5952 says', () => {
    for (const [text, one] of [
      ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['::', '::'],
      ['0:0:0:0:0:0:0:1', '::1'],
      ['::ffff:10.0.0.1', '::ffff:a00:1'],
      ['fe80:0:0:0:0:0:0:0', 'fe80::'],
    ] as const)
      assert.equal(canonicalIp(text), one);
  });
  it('sorts as text of its key', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), (a, b) =>
        assert.equal(
          ipKey(ipToNumber(a), 4) < ipKey(ipToNumber(b), 4),
          ipToNumber(a) < ipToNumber(b),
        ),
      ),
    );
  });
  it('with a zone, a port or too many parts is none', () => {
    for (const text of ['fe80::1%eth0', '10.0.0.1:80', '10.0.0', '10.0.0.256', '', 'x', '1::2::3'])
      assert.equal(ipVersion(text), undefined, text);
  });
});

describe('a prefix', () => {
  it('begins at its network address, however it was written', () =>
    assert.equal(formatCidr(cidr('10.0.0.7/24')), '10.0.0.0/24'));
  it('is refused with a wrong length', () => {
    for (const text of [
      '10.0.0.0/33',
      '10.0.0.0/',
      '2001:db8::/129',
      '10.0.0.0/24/8',
      '10.0.0.0/-1',
    ])
      assert.equal(parseCidr(text), undefined, text);
  });
  it('overlaps what it contains, and no neighbour or other family', () => {
    assert.ok(cidrsOverlap(cidr('10.0.0.0/8'), cidr('10.9.0.0/16')));
    assert.ok(!cidrsOverlap(cidr('10.0.0.0/24'), cidr('10.0.1.0/24')));
    assert.ok(!cidrsOverlap(cidr('0.0.0.0/0'), cidr('::/0')));
  });
  it('gives neither its network nor its broadcast address to a host, but in a point-to-point one', () => {
    assert.deepEqual(
      ['10.0.0.0', '10.0.0.1', '10.0.0.255', '10.0.1.1'].map((ip) =>
        isHostAddress(cidr('10.0.0.0/24'), ipToNumber(ip)),
      ),
      [false, true, false, false],
    );
    assert.ok(isHostAddress(cidr('10.0.0.0/31'), ipToNumber('10.0.0.0')));
    assert.deepEqual(
      ['2001:db8::', '2001:db8::ffff:ffff:ffff:ffff'].map((ip) =>
        isHostAddress(cidr('2001:db8::/64'), ipToNumber(ip)),
      ),
      [false, true],
    );
  });
  it('of any length holds its own ends', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (ip, length) => {
        const found = cidrOf(ipToNumber(ip), length, 4);
        assert.ok(found.first <= ipToNumber(ip) && ipToNumber(ip) <= found.last);
      }),
    );
  });
});

it('the EUI-64 address turns the universal bit', () =>
  assert.equal(eui64(cidr('2001:db8::/64'), 'fa:16:3e:cc:57:80'), '2001:db8::f816:3eff:fecc:5780'));

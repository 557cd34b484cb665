// Which Accept headers allow a JSON reply. RFC 9110, 12.5.1.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { acceptsJson } from './accept.ts';

for (const header of [
  undefined,
  '',
  '*/*',
  'application/json',
  'Application/JSON; charset=utf-8',
  'application/*',
  'text/html, */*;q=0.1',
  'text/html;q=1, application/json;q=0.5',
]) {
  it(`JSON passes ${header}`, () => assert.equal(acceptsJson(header), true));
}
for (const header of [
  'text/html',
  'application/xml',
  'application/json;q=0',
  '*/*, application/json;q=0',
  'text/*',
  'json',
  ',;,',
]) {
  it(`JSON does not pass ${header}`, () => assert.equal(acceptsJson(header), false));
}

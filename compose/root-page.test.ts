// What a browser and what an API client get at the cloud's root address.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prefersHtml, rootPage } from './root-page.ts';

const origin = 'http://127.0.0.1:8780';

test('a browser is told what this is, where the services are and how to log in', () => {
  const page = rootPage(origin, {
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
    ha: false,
  });
  assert.equal(page.status, 200);
  assert.match(page.type, /^text\/html/);
  for (const word of [
    'CobaltCore',
    `${origin}/identity/v3`,
    `${origin}/compute/v2.1`,
    'cobalt openrc',
    'cobalt status',
    '/metrics',
    'docs/how-to/',
  ])
    assert.ok(page.body.includes(word), word);
  assert.doesNotMatch(page.body, /\{\{|undefined/);
});

test('clients get a document from which they find identity, whatever they accept beside HTML', () => {
  for (const accept of [
    '*/*',
    'application/json',
    '',
    'application/json, text/html;q=0.5',
    'text/html;q=0',
  ]) {
    const reply = rootPage(origin, { accept, ha: true });
    assert.deepEqual([reply.status, reply.type], [300, 'application/json'], accept);
    const document = JSON.parse(reply.body) as {
      versions: { values: { id: string; links: { href: string }[] }[] };
      services: { type: string; url: string }[];
    };
    assert.equal(document.versions.values[0]?.links[0]?.href, `${origin}/identity/v3`);
    assert.deepEqual(
      document.services.map(({ type }) => type),
      [
        'identity',
        'image',
        'placement',
        'compute',
        'network',
        'volumev3',
        'block-storage',
        'instance-ha',
      ],
    );
  }
});

test('the origin cannot break out of the page', () => {
  assert.ok(
    !rootPage('http://x"><script>', { accept: 'text/html', ha: false }).body.includes('<script>'),
  );
});

test('qualities decide between HTML and JSON', () => {
  assert.equal(prefersHtml('text/html'), true);
  assert.equal(prefersHtml('TEXT/HTML;q=0.8, application/json;q=0.2'), true);
  assert.equal(prefersHtml('application/json;q=0.8, text/html;q=0.2'), false);
});

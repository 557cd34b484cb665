// The generated schemas in adapters/ovsdb match those of the installed Open vSwitch and OVN.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { generateSchemas, schemaFolder } from '#tools/generate-ovsdb-schemas.ts';

for (const [file, text] of await generateSchemas())
  test(
    `${file} is what node tools/generate-ovsdb-schemas.ts writes`,
    { skip: text === undefined && 'the package with its schema is not installed here' },
    async () => assert.equal(await readFile(join(schemaFolder, file), 'utf8'), text),
  );

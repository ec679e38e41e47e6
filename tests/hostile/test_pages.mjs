// SPDX-License-Identifier: Apache-2.0
/* What is drawn of hostile inputs, in Chromium: it opens, can be used, and runs nothing of theirs. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { EPROF, newPath, ROOT } from '../browser/eprof.mjs';
import { browserTest } from '../browser/harness.mjs';
import { viewOf } from '../browser/view.mjs';

/* Where a name would have become markup. */
const INJECTED = 'img, image, iframe, object, embed, link, a[href], [onload], [onerror], ' +
	'[onclick], [onmouseover]';
const LABELS_POINTED_AT = 5;
/* The view is the same in both forms: `./dev browser` alone opens all inputs in both. */
const HTML_EVERY = process.env.EPROF_ALL ? 1 : 6;

const folder = newPath('inputs');

fs.mkdirSync(folder);
execFileSync('python3', ['-B', `${ROOT}/tests/hostile/inputs.py`, folder]);
const inputs = JSON.parse(fs.readFileSync(path.join(folder, 'manifest.json'), 'utf8'));

/* Everything that puts a name somewhere: the details, the way to a zoom, the address, the search. */
async function use(page) {
	const view = await viewOf(page);
	const labels = view.part('labels');

	for (let i = 0; i < Math.min(LABELS_POINTED_AT, await labels.count()); i++) {
		await labels.nth(i).scrollIntoViewIfNeeded();
		const { x, y } = await labels.nth(i).boundingBox();

		await view.pointAt(x + 1, y + 1);
	}
	await page.mouse.down();
	await page.mouse.up();
	await view.press('reset');
	await page.keyboard.press('ArrowUp');
	await view.press('menu');
	await page.keyboard.press('Escape');
	await view.press('zoom');
	await view.search('evil|<|f');
	await page.keyboard.press('Enter');
}

for (const [index, { name, file }] of inputs.entries()) {
	for (const form of index % HTML_EVERY === 0 ? ['svg', 'html'] : ['svg']) {
		browserTest(`${name} (${form})`, async ({ open, context }) => {
			const picture = newPath(form);
			const { status } = spawnSync(EPROF, ['flamegraph', file, '-o', picture]);

			/* What must be drawn of which input, test_inputs.py knows. */
			if (!fs.existsSync(picture))
				return context.diagnostic(`ends with ${status}`);
			const page = await open(picture);
			const check = async () => {
				assert.equal(await page.evaluate(() => typeof window.evil), 'undefined');
				assert.equal(await page.evaluate((selector) =>
					document.querySelectorAll(selector).length, INJECTED), 0);
			};

			await check();
			if (status === 0)
				await use(page);
			await check();
			fs.unlinkSync(picture);
			return undefined;
		});
	}
}

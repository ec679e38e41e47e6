// SPDX-License-Identifier: Apache-2.0
/* What the search says has matched, of a recorded profile, against the sum of the file's lines. */
import assert from 'node:assert/strict';
import fs from 'node:fs';

import { draw, ROOT } from './eprof.mjs';
import { matched, percent, readFolded, total } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { viewOf } from './view.mjs';

const FOLDED = fs.readFileSync(`${ROOT}/tests/browser/recorded.folded`, 'utf8');
const STACKS = readFolded(FOLDED);

/* Few and many matches; in names that are too narrow to be drawn; frames with matches upon each
 * other; nothing that is not a name: neither kinds, nor counts, nor units. */
const PATTERNS = ['get|alloc', '^__read$', 'read', 'dealloc$', '_PyEval_Eval', '^\\[', 'sqlite3.*[A-Z]',
	'^(vfs|ksys)_', 'samples|%', '^(?!.*with).*collect', '_\\[k', 'ucs1|latin'];

function share(pattern) {
	return percent(matched(STACKS, new RegExp(pattern, 'u')), total(STACKS));
}

for (const form of ['svg', 'html']) {
	browserTest(`the matched share is that of the file's lines (${form})`, async ({ open }) => {
		const view = await viewOf(await open(draw(FOLDED, form)));

		for (const pattern of PATTERNS) {
			await view.search(pattern);
			const seen = (await view.matched()).match(/[\d.]+%/u)?.[0];

			assert.equal(seen, share(pattern), pattern);
		}
	});
}

browserTest('the share of what is zoomed to is of its own samples', async ({ open }) => {
	const view = await viewOf(await open(draw(FOLDED)));
	const path = ['python3.11'];

	await view.zoom(path[0]);
	assert.deepEqual(await view.crumbs(), ['all', ...path]);
	for (const pattern of PATTERNS) {
		const inView = percent(matched(STACKS, new RegExp(pattern, 'u'), path), total(STACKS, path));

		await view.search(pattern);
		const said = await view.matched();

		assert.equal(said.match(/[\d.]+%/u)[0], share(pattern), pattern);
		assert.equal(said.match(/\((?<inView>[\d.]+%) of view\)/u)?.groups.inView, inView, pattern);
	}
});

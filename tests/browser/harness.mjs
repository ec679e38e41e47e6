// SPDX-License-Identifier: Apache-2.0
/*
 * Tests of pages in a real Chromium. One is started for a file of tests, when the first needs it,
 * and ended after the last. A page is alone in a context of its own. Whatever a page complains of
 * fails the test: errors that it throws or that the console has, dialogs, a crash, and requests for
 * anything but itself, as our pages load nothing.
 *
 *	browserTest('a click zooms', async ({ open }) => {
 *		const page = await open(draw(FOLDED, 'svg'));
 *		await page.mouse.click(x, y);
 *	});
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { endBrowser, HANGS_MS, openPage, startServer } from './chromium.mjs';

/* The page's own complaints below what the test found. */
function explain(error, faults) {
	if (faults.length > 0)
		error.message += `\nthe page said:\n\t${faults.join('\n\t')}`;
	return error;
}

/* open() is openPage(), which gives the page alone; serve() startServer(), which gives its URL. */
export function browserTest(name, body) {
	test(name, { timeout: HANGS_MS }, async (context) => {
		const opened = [];
		const servers = [];
		const open = async (target, options) => {
			opened.push(await openPage(target, options));
			return opened.at(-1).page;
		};
		const serve = async (routes) => {
			servers.push(await startServer(routes));
			return servers.at(-1).url;
		};
		const faultsOf = () => opened.flatMap(({ faults }) => faults);

		try {
			await body({ open, serve, context });
		} catch (error) {
			throw explain(error, faultsOf());
		} finally {
			for (const { close } of [...opened, ...servers])
				await close();
		}
		assert.deepEqual(faultsOf(), [], 'the page complains of nothing');
	});
}

after(endBrowser);

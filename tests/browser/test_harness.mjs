// SPDX-License-Identifier: Apache-2.0
/* The harness itself: what it must notice in a page, and what it leaves behind. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { endBrowser, openPage, startBrowser, strictPolicy } from './chromium.mjs';
import { draw, newPath } from './eprof.mjs';
import { matched, percent, readFolded, self, total } from './folded.mjs';
import { browserTest } from './harness.mjs';

async function faultsOf(body, options) {
	const file = newPath('html');

	fs.writeFileSync(file, `<!DOCTYPE html><meta charset="utf-8"/><title>x</title>${body}`);
	const { page, faults, close } = await openPage(file, options);

	await page.evaluate(() => new Promise(requestAnimationFrame));
	await close();
	return faults;
}

test('what a page complains of is noticed', async () => {
	assert.deepEqual(await faultsOf('<p>fine</p>'), []);
	assert.deepEqual(await faultsOf('<script>throw Error("bad")</script>'), ['error: bad']);
	assert.deepEqual(await faultsOf('<script>console.error("bad")</script>'), ['console: bad']);
	assert.deepEqual(await faultsOf('<script>alert("bad")</script>'), ['dialog: bad']);
	assert.match((await faultsOf('<img src="other.png" alt=""/>')).join(),
		/request: file:.*other\.png/u);
	assert.deepEqual(await faultsOf('<script>throw Error("bad")</script>',
		{ expected: /bad/u }), []);
});

browserTest('what stands before the page runs first', async ({ open }) => {
	const page = await open(draw('a;b 1\n', 'svg'), { before: () => { window.first = 1; } });

	assert.equal(await page.evaluate(() => window.first), 1);
});

browserTest('a page is served with the headers that are asked for', async ({ open, serve }) => {
	const body = '<!DOCTYPE html><title>x</title><script>document.title = "ran"</script>';
	const headers = { 'Content-Security-Policy': strictPolicy(body) };
	const url = await serve({
		'/allowed': { body, type: 'text/html', headers },
		'/refused': { body: body.replace('ran', 'evil'), type: 'text/html', headers },
	});

	assert.equal(await (await open(`${url}/allowed`)).title(), 'ran');
	assert.equal(await (await open(`${url}/refused`, { expected: /script/u })).title(), 'x');
});

test('a policy has the hashes of what is inline, with and without CDATA', () => {
	const hashOf1 = "'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='";

	assert.equal(strictPolicy('<p/>'), "default-src 'none'; script-src 'none'; style-src 'none'");
	assert.equal(strictPolicy('<script type="module"><![CDATA[1]]></script><style>1</style>'),
		`default-src 'none'; script-src ${hashOf1}; style-src ${hashOf1}`);
});

test('folded stacks are added up to the unit', () => {
	const stacks = readFolded('# a comment\na;b_[k];a 18446744073709551615\na;b c 5\n\nd\t1\n');

	assert.equal(total(stacks), 18446744073709551621n);
	assert.equal(total(stacks, ['a', 'b']), 18446744073709551615n);
	assert.equal(self(stacks, ['a', 'b c']), 5n);
	assert.equal(matched(stacks, /^b$/u), 18446744073709551615n);
	assert.equal(matched(stacks, /a|d/u), total(stacks));
	assert.equal(matched(stacks, /c/u, ['a']), 5n);
	assert.equal(percent(1n, 3n), '33.33%');
	assert.equal(percent(1n, 20000n), '0.01%');
	assert.equal(percent(7n, 7n), '100.00%');
});

/* The processes that this one has started, and those that they have. */
function descendants() {
	const parents = new Map();

	for (const pid of fs.readdirSync('/proc').filter((name) => /^[0-9]+$/u.test(name))) {
		try {
			const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');

			parents.set(Number(pid), Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2]));
		} catch (error) {
			assert.match(error.code, /ENOENT|ESRCH/u, 'it has ended meanwhile');
		}
	}
	const found = [process.pid];

	for (const ancestor of found)
		found.push(...[...parents].filter(([, parent]) => parent === ancestor)
			.map(([pid]) => pid));
	return found.slice(1);
}

test('no process of the browser is left when it has ended', async () => {
	await startBrowser();
	const started = descendants();

	assert.ok(started.length > 0);
	await endBrowser();
	while (started.some((pid) => fs.existsSync(`/proc/${pid}`)))
		await new Promise((resolve) => setImmediate(resolve));
});

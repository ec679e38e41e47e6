// SPDX-License-Identifier: Apache-2.0
/* Zooming: every way to do it, the ways back, and that what is drawn is what the counts say. */
import assert from 'node:assert/strict';

import { checkZoom, clickOn, isAt, pointOn, pressKeys, readDetails, readLive } from './drawn.mjs';
import { draw } from './eprof.mjs';
import { percent, total } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { FOLDED, NARROW, STACKS, TREE } from './input.mjs';
import { follow, growTree, namesTo, readStacks } from './trees.mjs';
import { viewOf } from './view.mjs';

const at = (...path) => follow(TREE, path);

async function openView(open, folded = FOLDED, options = {}) {
	return viewOf(await open(draw(folded), options));
}

function hashOf(view) {
	return view.page.evaluate(() => window.location.hash);
}

browserTest('at first all frames are drawn, as wide as their counts', async ({ open }) => {
	for (const form of ['svg', 'html'])
		await checkZoom(await viewOf(await open(draw(FOLDED, form))), TREE);
});

browserTest('a click zooms, also on a frame below, and widths are counts', async ({ open }) => {
	const view = await openView(open);
	const serve = at('app', 'main', 'serve');
	const parse = at('app', 'main', 'serve', 'Parse', 'parse');

	await clickOn(view, TREE, isAt('app', 'main', 'serve'));
	await checkZoom(view, serve);
	assert.deepEqual(await view.crumbs(), ['all', 'app', 'main', 'serve']);
	await clickOn(view, serve, isAt('app', 'main', 'serve', 'Parse', 'parse'));
	await checkZoom(view, parse);
	assert.deepEqual(await view.crumbs(), ['all', 'app', 'main', 'serve', 'Parse', 'parse']);
	await clickOn(view, parse, isAt('app', 'main'));
	await checkZoom(view, at('app', 'main'));
	await clickOn(view, at('app', 'main'), ({ node }) => node === TREE);
	await checkZoom(view, TREE);
});

browserTest('arrows walk to a frame, and Enter zooms to it', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;

	/* Where there is more than the picture, arrows scroll unless it is meant. */
	await pointOn(view, TREE, isAt());
	/* Up goes to the callee with the most time, and aside to the neighbour in the same row. */
	const way = [['ArrowDown', []], ['ArrowUp', ['app']], ['ArrowUp', ['app', 'main']],
		['ArrowUp', ['app', 'main', 'serve']], ['ArrowLeft', ['app', 'main', 'jit']],
		['ArrowRight', ['app', 'main', 'serve']],
		['ArrowUp', ['app', 'main', 'serve', 'Parse']],
		['ArrowRight', ['app', 'main', 'serve', 'parse']],
		['ArrowRight', ['app', 'main', 'serve', 'read']],
		['ArrowRight', ['app', 'main', 'serve', 'read_[k]']],
		['ArrowUp', ['app', 'main', 'serve', 'read_[k]', 'vfs_read_[k]']],
		['ArrowDown', ['app', 'main', 'serve', 'read_[k]']]];

	for (const [key, path] of way) {
		const node = at(...path);

		await page.keyboard.press(key);
		const details = await readDetails(view);

		assert.equal(details.name, node.name, `${key} to ${path.join(';')}`);
		assert.ok(details.total.startsWith(`${node.total.toLocaleString('en')} samples, `),
			`${key} to ${path.join(';')}: ${details.total}`);
	}
	await pressKeys(page, 'zoom');
	await checkZoom(view, at('app', 'main', 'serve', 'read_[k]'));
});

browserTest('of frames that share a name and a caller that one is zoomed to', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;
	const user = at('app', 'main', 'serve', 'read');
	const kernel = at('app', 'main', 'serve', 'read_[k]');

	assert.ok(user.total < kernel.total && user !== kernel);
	await clickOn(view, TREE, isAt('app', 'main', 'serve', 'read'));
	await checkZoom(view, user);
	assert.deepEqual(await view.crumbs(), ['all', 'app', 'main', 'serve', 'read']);
	const hash = await hashOf(view);

	await pressKeys(page, 'out');
	await clickOn(view, at('app', 'main', 'serve'), isAt('app', 'main', 'serve', 'read_[k]'));
	await checkZoom(view, kernel);
	await page.goBack();
	await page.goBack();
	await checkZoom(view, user);
	const again = await viewOf(await open(draw(FOLDED), { hash }));

	await checkZoom(again, user);
	const other = await viewOf(await open(draw('app;main;serve;read 7\napp;idle 5\n'), { hash }));

	assert.deepEqual(await other.crumbs(), ['all', 'app', 'main', 'serve', 'read']);
});

browserTest('Backspace goes to the caller; 0, Escape and Reset show all', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;
	const deep = ['app', 'main', 'walk', 'visit', 'walk', 'visit'];

	await clickOn(view, TREE, isAt(...deep));
	for (let length = deep.length - 1; length >= 0; length--) {
		await pressKeys(page, 'out');
		await checkZoom(view, at(...deep.slice(0, length)));
	}
	await pressKeys(page, 'out');
	await checkZoom(view, TREE);
	for (const back of ['reset', 'leave']) {
		await clickOn(view, TREE, isAt(...deep));
		await checkZoom(view, at(...deep));
		await pressKeys(page, back);
		await checkZoom(view, TREE);
	}
	const reset = view.root.getByRole('button', { name: 'Show all' });

	assert.equal(await reset.isVisible(), false, 'there is nothing to reset');
	await clickOn(view, TREE, isAt(...deep));
	await reset.click();
	await checkZoom(view, TREE);
});

browserTest('a block of narrow frames is told, and zoomed to shows them', async ({ open }) => {
	const view = await openView(open);
	const few = at('app', 'main', 'few');
	const isFew = ({ block }) => block?.[0].parent === few;
	const box = await pointOn(view, TREE, isFew);
	const count = box.block.reduce((sum, node) => sum + node.total, 0n);

	assert.equal(box.block.length, 40);
	assert.equal((await view.hovered()).title,
		`40 frames (${count} samples, ${percent(count, TREE.total)})`);
	assert.match((await readDetails(view)).name, /^40 frames, each too narrow/u);
	await clickOn(view, TREE, isFew);
	await checkZoom(view, few, { block: box.block });
	assert.deepEqual(await view.crumbs(), ['all', 'app', 'main', 'few']);
	assert.ok(await view.root.getByText('narrow frames', { exact: true }).isVisible());
	const again = await viewOf(await open(draw(FOLDED), { hash: await hashOf(view) }));

	await checkZoom(again, few, { block: box.block });
	await pressKeys(view.page, 'out');
	await checkZoom(view, few);
});

browserTest('of 3,000 narrow frames each is got at', async ({ open }) => {
	const view = await openView(open);
	const wide = at('app', 'wide');
	const shown = { block: null };
	const isLast = ({ block }) => block?.at(-1) === wide.children.at(-1);

	await clickOn(view, TREE, isAt('app', 'wide'));
	await checkZoom(view, wide);
	let box = await clickOn(view, wide, isLast);

	assert.equal(box.block.length, NARROW);
	shown.block = box.block;
	await checkZoom(view, wide, shown);
	box = await clickOn(view, wide, isLast, shown);
	assert.ok(box.block.length < NARROW);
	shown.block = box.block;
	await checkZoom(view, wide, shown);
	const last = `f${NARROW - 1}`;

	await clickOn(view, wide, isAt('app', 'wide', last), shown);
	await checkZoom(view, at('app', 'wide', last));
	assert.deepEqual(await view.crumbs(), ['all', 'app', 'wide', last]);
});

browserTest('back and forward go through the zooms, each of them once', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;
	const serve = at('app', 'main', 'serve');
	const ways = [[], ['app', 'main', 'serve'], ['app', 'main', 'serve', 'parse'], []];

	await clickOn(view, TREE, isAt('app', 'main', 'serve'));
	/* What is zoomed to already is no step. */
	await clickOn(view, serve, isAt('app', 'main', 'serve'));
	await clickOn(view, serve, isAt('app', 'main', 'serve', 'parse'));
	await pressKeys(page, 'reset', 'reset');
	for (const way of ways.toReversed().slice(1)) {
		await page.goBack();
		await checkZoom(view, at(...way));
	}
	for (const way of ways.slice(1)) {
		await page.goForward();
		await checkZoom(view, at(...way));
	}
});

browserTest('the address has the names, and a page opened with it is zoomed', async ({ open }) => {
	const view = await openView(open);
	const path = ['app', 'main', 'std::vector<int>::push_back(int&&)'];

	await clickOn(view, TREE, isAt(...path));
	const hash = await hashOf(view);

	assert.ok(hash.includes('app;main;'), hash);
	assert.equal(decodeURIComponent(hash), `#z=${path.join(';')}`);
	await checkZoom(await viewOf(await open(draw(FOLDED, 'svg'), { hash })), at(...path));
	await view.page.evaluate(() => { window.location.hash = 'z=db;main;query'; });
	await checkZoom(view, at('db', 'main', 'query'));
});

browserTest('in other data it zooms as far as the names go, and says so', async ({ open }) => {
	const other = 'zoo;x 900\napp;other 400\napp;main;serve;read 70\n' +
		'app;main;serve;Parse;lex 30\n';
	const tree = growTree(readStacks(other));
	const hash = '#z=app;main;serve;Parse;parse;PARSE';
	const view = await viewOf(await open(draw(other), { hash }));

	await checkZoom(view, follow(tree, ['app', 'main', 'serve', 'Parse']));
	assert.deepEqual(await view.crumbs(), ['all', 'app', 'main', 'serve', 'Parse']);
	assert.equal(await readLive(view), 'Not in this profile: parse');
	await pressKeys(view.page, 'out');
	await checkZoom(view, follow(tree, ['app', 'main', 'serve']));
});

browserTest('breadcrumbs zoom out, and long ways are shortened', async ({ open }) => {
	const names = Array.from({ length: 30 }, (_, i) => `step${i}`);
	const folded = `${names.join(';')} 10\n${names.slice(0, 27).join(';')};aside 5\nother 3\n`;
	const tree = growTree(readStacks(folded));
	const view = await openView(open, folded);
	const crumbs = view.root.locator('.crumbs > *');

	await clickOn(view, tree, isAt(...names));
	assert.deepEqual(await crumbs.allTextContents(), ['all', 'step0', '25 frames',
		...names.slice(-4)]);
	assert.equal(await crumbs.last().getAttribute('aria-current'), 'location');
	await view.root.locator('.crumbs button', { hasText: 'step26' }).click();
	await checkZoom(view, follow(tree, names.slice(0, 27)));
	await view.root.locator('.crumbs button', { hasText: 'all' }).click();
	await checkZoom(view, tree);
});

browserTest('frames without a name are zoomed to, and kept in the address', async ({ open }) => {
	const folded = ';inner 30\n;other 20\nx;;y 15\nx 5\n';
	const tree = growTree(readStacks(folded));
	const view = await openView(open, folded);

	await clickOn(view, tree, isAt(''));
	await checkZoom(view, follow(tree, ['']));
	const again = await viewOf(await open(draw(folded), { hash: await hashOf(view) }));

	await checkZoom(again, follow(tree, ['']));
	assert.deepEqual(namesTo(follow(tree, ['x', ''])), ['x', '']);
	await pressKeys(view.page, 'reset');
	await clickOn(view, tree, isAt('x', ''));
	await pressKeys(view.page, 'reset');
	await view.page.goBack();
	await checkZoom(view, follow(tree, ['x', '']));
	await view.page.goBack();
	await view.page.goBack();
	await checkZoom(view, follow(tree, ['']));
});

browserTest('names are text and nothing else', async ({ open }) => {
	const name = '</title></script><script>window.evil = 1</script><b>"&amp\u2026';
	const view = await openView(open, `app;${name} 7\napp;b 1\n`);

	await view.zoom('</title>');
	assert.deepEqual(await view.crumbs(), ['all', 'app',
		`${name.slice(0, 38)}..`], 'as much as there is room for');
	assert.equal(await view.page.evaluate(() => window.evil), undefined);
	assert.equal(await view.root.locator('b').count(), 0);
	assert.equal((await readDetails(view)).name, name);
	assert.equal(total(STACKS), TREE.total);
});

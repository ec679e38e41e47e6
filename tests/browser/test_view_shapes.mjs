// SPDX-License-Identifier: Apache-2.0
/* The tree turned over: from its leaves, without recursion, one function's calls and callers, with
 * the callers above; by keys and by options. */
import assert from 'node:assert/strict';

import { checkZoom, clickOn, isAt, pointOn, pressKeys, readChips, readDetails } from './drawn.mjs';
import { draw } from './eprof.mjs';
import { matched, percent } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { FOLDED, STACKS, TREE } from './input.mjs';
import { follow, growTree, ORDERS, readStacks, turn } from './trees.mjs';
import { viewOf } from './view.mjs';

const REVERSED = growTree(turn(STACKS, { reversed: true }), ORDERS.name);
const MERGED = growTree(turn(STACKS, { merged: true }), ORDERS.name);
const BOTH = growTree(turn(STACKS, { reversed: true, merged: true }), ORDERS.name);
const MATCHED = matched(STACKS, /walk|fib|parse/u);
const SHARE = `Matched: ${MATCHED.toLocaleString('en')} samples, ${percent(MATCHED, TREE.total)}`;

async function openView(open, folded = FOLDED, options = []) {
	return viewOf(await open(draw(folded, 'html', options)));
}

function isPressed(view, name) {
	return view.root.getByRole('button', { name }).getAttribute('aria-pressed');
}

browserTest('reversed, the root calls the leaves, with their own counts', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;
	const leaf = follow(REVERSED, ['memcpy']);
	const selves = STACKS.filter(({ names }) => names.at(-1) === 'memcpy');

	assert.equal(leaf.total, selves.reduce((sum, { count }) => sum + count, 0n));
	await view.search('walk|fib|parse');
	await pressKeys(page, 'Tab', 'reverse');
	assert.equal(await isPressed(view, /^Reverse/u), 'true');
	await checkZoom(view, REVERSED);
	assert.equal(await view.matched(), SHARE);
	await clickOn(view, REVERSED, isAt('memcpy'));
	await checkZoom(view, leaf);
	assert.ok((await view.matched()).startsWith(SHARE));
	await clickOn(view, leaf, isAt('memcpy', 'token_[i]', 'parse_line'));
	await checkZoom(view, follow(REVERSED, ['memcpy', 'token_[i]', 'parse_line']));
	await pressKeys(page, 'out');
	await checkZoom(view, follow(REVERSED, ['memcpy', 'token_[i]']));
	await pressKeys(page, 'reverse');
	await checkZoom(view, TREE);
	assert.equal(await isPressed(view, /^Reverse/u), 'false');
	assert.equal(await view.matched(), SHARE);
});

browserTest('without recursion a function that calls itself is one frame', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;
	const fib = ['app', 'main', 'fib'];

	await view.search('walk|fib|parse');
	await pressKeys(page, 'Tab', 'merge');
	assert.equal(await isPressed(view, /calls itself/u), 'true');
	await checkZoom(view, MERGED);
	assert.equal(await view.matched(), SHARE);
	await clickOn(view, MERGED, isAt(...fib));
	await checkZoom(view, follow(MERGED, fib));
	const details = await readDetails(view);

	assert.equal(follow(MERGED, fib).self, 190n, '20 + 50 + 120');
	assert.ok(details.self.startsWith('self 190 samples, '), details.self);
	assert.equal(follow(MERGED, [...fib, 'add']).total, 110n, '66 + 44');
	await pressKeys(page, 'reset');
	await clickOn(view, MERGED, isAt('app', 'main', 'walk', 'visit', 'walk', 'visit', 'leaf'));
	assert.equal((await view.crumbs()).at(-1), 'leaf', 'those that call each other stay');
});

browserTest('reversed and without recursion, in either order', async ({ open }) => {
	for (const keys of [['reverse', 'merge'], ['merge', 'reverse']]) {
		const view = await openView(open);

		await pressKeys(view.page, ...keys);
		await checkZoom(view, BOTH);
		await clickOn(view, BOTH, isAt('add_[i]', 'fib'));
		const fib = follow(BOTH, ['add', 'fib']);

		await checkZoom(view, fib);
		await view.search('visit');
		await pressKeys(view.page, 'Tab', 'out');
		const visits = matched(STACKS, /visit/u);

		assert.equal(await view.matched(),
			`Matched: ${visits} samples, ${percent(visits, TREE.total)} (0.00% of view)`);
		const hash = await view.page.evaluate(() => window.location.hash);
		const again = await viewOf(await open(draw(FOLDED), { hash }));

		await checkZoom(again, follow(BOTH, ['add']));
		await view.page.goBack();
		await checkZoom(view, fib);
		await view.page.goBack();
		await view.page.goBack();
		await checkZoom(view, keys[0] === 'reverse' ? REVERSED : MERGED);
	}
});

browserTest('as an icicle the rows are the other way round', async ({ open }) => {
	const deep = Array.from({ length: 120 }, (_, i) => `d${i}`).join(';');
	const folded = `${FOLDED}app;${deep} 700\n`;
	const tree = growTree(readStacks(folded));
	const view = await openView(open, folded);
	const isRootShown = () => view.part('labels').filter({ hasText: /^all$/u }).first()
		.evaluate((root) => {
			const { top, bottom } = root.getBoundingClientRect();

			return top >= 0 && bottom <= window.innerHeight;
		});

	assert.ok(await isRootShown());
	await pressKeys(view.page, 'icicle');
	assert.equal(await isPressed(view, /^Icicle/u), 'true');
	assert.ok(await isRootShown(), 'icicle');
	await pressKeys(view.page, 'icicle');
	assert.ok(await isRootShown(), 'and back');

	const small = await openView(open);
	const serve = follow(TREE, ['app', 'main', 'serve']);
	const inverted = { inverted: true };

	assert.notEqual(tree.total, TREE.total);
	await pressKeys(small.page, 'icicle');
	await checkZoom(small, TREE, inverted);
	await clickOn(small, TREE, isAt('app', 'main', 'serve'), inverted);
	await checkZoom(small, serve, inverted);
	await pressKeys(small.page, 'ArrowDown', 'zoom');
	await checkZoom(small, follow(serve, ['Parse']), inverted);
	await pressKeys(small.page, 'ArrowUp', 'zoom');
	await checkZoom(small, serve, inverted);
	await pressKeys(small.page, 'reverse');
	await checkZoom(small, REVERSED, inverted);
});

for (const [key, reversed, word] of [['b', false, 'calls'], ['B', true, 'callers']]) {
	browserTest(`${word} of a function are of all stacks, counted once`, async ({ open }) => {
		const view = await openView(open);
		const { page } = view;
		const frames = {
			walk: ['app', 'main', 'walk', 'visit', 'walk'],
			fib: ['app', 'main', 'fib'],
			parse: ['app', 'main', 'serve', 'Parse', 'parse'],
			qsort: ['db', 'main', 'query', 'sort', 'qsort'],
			vfs_read: ['db', 'main', 'read_[k]', 'vfs_read_[k]'],
		};

		for (const [name, path] of Object.entries(frames)) {
			const stacks = turn(STACKS, { reversed, calls: name });
			const tree = growTree(stacks, ORDERS.name, name);
			const truth = STACKS.filter(({ names }) => names.includes(name))
				.reduce((sum, { count }) => sum + count, 0n);

			await clickOn(view, TREE, isAt(...path));
			await pressKeys(page, key);
			assert.equal(tree.total, truth);
			await checkZoom(view, tree);
			assert.deepEqual(await view.crumbs(), [name]);
			const [count, share] = (await readDetails(view)).total.split(/ samples, | of all/u);

			assert.equal(count, truth.toLocaleString('en'));
			assert.equal(share, percent(truth, TREE.total));
			assert.deepEqual(await readChips(view), [`${word} of ${name} \u00d7`]);
			await pressKeys(page, 'merge');
			const merged = turn(STACKS, { reversed, merged: true, calls: name });

			await checkZoom(view, growTree(merged, ORDERS.name, name));
			await pressKeys(page, 'merge');
			/* Its chip leaves it, and so does Escape. */
			if (name === 'fib')
				await pressKeys(page, 'leave');
			else
				await view.root.getByRole('button', { name: 'Show all' }).last().click();
			await checkZoom(view, TREE);
			assert.deepEqual(await readChips(view), []);
		}
	});
}

browserTest('calls of a function are zoomed, and kept in the address', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;
	const tree = growTree(turn(STACKS, { calls: 'parse' }), ORDERS.name, 'parse');
	const token = follow(tree, ['parse_line', 'token']);

	await clickOn(view, TREE, isAt('app', 'worker', 'parse'));
	await pressKeys(page, 'b');
	await clickOn(view, tree, isAt('parse_line', 'token_[i]'));
	await checkZoom(view, token);
	assert.deepEqual(await view.crumbs(), ['parse', 'parse_line', 'token']);
	/* A frame of it is at no place of the whole tree that could be hidden. */
	await pressKeys(page, 'h');
	await checkZoom(view, token);
	const hash = await page.evaluate(() => window.location.hash);

	await checkZoom(await viewOf(await open(draw(FOLDED), { hash })), token);
	await page.goBack();
	await checkZoom(view, tree);
	await page.goBack();
	await checkZoom(view, follow(TREE, ['app', 'worker', 'parse']));
	await pressKeys(page, 'reset');
	await checkZoom(view, TREE);
});

browserTest('options of the command line are those of the view, too', async ({ open }) => {
	for (const [order, options] of [['name', []], ['value', ['--order=value']],
		['input', ['--order=input']]]) {
		const lines = order === 'name' ? 'lines' : order;
		const tree = growTree(STACKS, ORDERS[lines]);

		await checkZoom(await openView(open, FOLDED, options), tree);
	}
	const inverted = { inverted: true };
	const icicle = await openView(open, FOLDED, ['--inverted']);

	assert.equal(await isPressed(icicle, /^Icicle/u), 'true');
	await checkZoom(icicle, TREE, inverted);
	await pressKeys(icicle.page, 'icicle');
	await checkZoom(icicle, TREE);
	assert.equal(await icicle.page.evaluate(() => window.location.hash), '#i=0');
	await icicle.page.goBack();
	await checkZoom(icicle, TREE, inverted);

	const reversed = await openView(open, FOLDED, ['--reverse']);

	await checkZoom(reversed, growTree(turn(STACKS, { reversed: true })));
	await pointOn(reversed, growTree(turn(STACKS, { reversed: true })), isAt('memcpy'));
	assert.equal((await reversed.hovered()).title.split(' (')[0], 'memcpy');
});

/* Callers lie upon their callees there, and turning it once more puts them below. */
browserTest('a file that is reversed says so of its frames', async ({ open }) => {
	const stacks = readStacks('main;parse;read 30\nmain;send;read 10\nmain;send 20\n');
	const fromLeaves = growTree(turn(stacks, { reversed: true }));
	const view = await openView(open, 'main;parse;read 30\nmain;send;read 10\nmain;send 20\n',
		['--reverse']);

	await pointOn(view, fromLeaves, isAt('read', 'parse'));
	assert.match((await readDetails(view)).total, / 75\.00% of callee$/u);
	assert.equal((await readDetails(view)).self, undefined);
	await clickOn(view, fromLeaves, isAt('read', 'send'));
	await pressKeys(view.page, 'Escape');
	await clickOn(view, fromLeaves, isAt('send'));
	await view.page.keyboard.press('b');
	assert.match((await readDetails(view)).name, /^send$/u);
	assert.deepEqual(await readChips(view), ['calls of send ×']);
	assert.match((await readDetails(view)).total, /^30 samples, /u);
	await view.page.keyboard.press('Escape');
	await view.page.keyboard.press('Escape');
	await pressKeys(view.page, 'reverse');
	await pointOn(view, growTree(stacks, ORDERS.name), isAt('main', 'send'));
	assert.match((await readDetails(view)).total, / 50\.00% of caller$/u);
});

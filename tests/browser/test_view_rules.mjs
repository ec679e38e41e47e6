// SPDX-License-Identifier: Apache-2.0
/* Leaving out a frame, a function, all but a function: what is told of it, and the ways back. */
import assert from 'node:assert/strict';

import { checkZoom, clickOn, isAt, pointOn, pressKeys, readChips, readDetails } from './drawn.mjs';
import { draw } from './eprof.mjs';
import { percent, total } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { FOLDED, STACKS, TREE } from './input.mjs';
import { follow, growTree, ORDERS, readStacks, turn } from './trees.mjs';
import { viewOf } from './view.mjs';

const SERVE = ['app', 'main', 'serve'];
const KERNEL = [...SERVE, 'read_[k]'];

/* What is left out counts nothing, but keeps its place. */
function without(isOut, stacks = STACKS) {
	return stacks.map((stack) => isOut(stack) ? { ...stack, count: 0n } : stack);
}

function isBelow(path) {
	return ({ frames }) => path.every((frame, depth) => frames[depth] === frame);
}

function has(name) {
	return ({ names }) => names.includes(name);
}

const not = (isTrue) => (stack) => !isTrue(stack);

function countText(count) {
	return `${count.toLocaleString('en')} samples`;
}

function shownText(stacks) {
	return `${countText(total(stacks))} of ${countText(TREE.total)} shown`;
}

async function openView(open, hash = '') {
	return viewOf(await open(draw(FOLDED), { hash }));
}

function hashOf(view) {
	return view.page.evaluate(() => window.location.hash);
}

/* Chooses a frame with the pointer and the menu, and leaves the zoom as it is. */
async function choose(view, zoom, path, item) {
	await pointOn(view, zoom, isAt(...path));
	const { x, y, width, height } = await view.hovered();

	await view.page.mouse.click(x + width / 2, y + height / 2, { button: 'right' });
	await view.root.getByRole('menuitem', { name: item }).click();
}

const CASES = [
	{ key: 'h', item: 'Hide this frame', path: KERNEL, chip: 'without read here',
		isOut: isBelow(KERNEL) },
	{ key: 'h', item: 'Hide this frame', path: [...SERVE, 'read'], chip: 'without read here',
		isOut: isBelow([...SERVE, 'read']) },
	{ key: 'H', item: 'Hide all stacks with this function', path: KERNEL, chip: 'without read',
		isOut: has('read') },
	{ key: 'f', item: 'Focus', path: ['app', 'worker', 'walk', 'visit'], chip: 'only visit',
		isOut: not(has('visit')) },
];

for (const { key, item, path, chip, isOut } of CASES) {
	browserTest(`the key ${key} on ${path.at(-1)}: ${chip}`, async ({ open }) => {
		const view = await openView(open);
		const left = without(isOut);
		const tree = growTree(left);

		await clickOn(view, TREE, isAt(...path));
		await pressKeys(view.page, key, 'reset');
		await checkZoom(view, tree);
		assert.deepEqual(await readChips(view), [`${chip} \u00d7`, shownText(left)]);
		assert.deepEqual(await view.crumbs(), ['all that is shown']);
		const main = follow(tree, ['app', 'main']);

		await pointOn(view, tree, isAt('app', 'main'));
		const details = await readDetails(view);

		const share = (part) => percent(part, tree.total);
		const ofCaller = percent(main.total, main.parent.total);

		assert.equal(details.total,
			`${countText(main.total)}, ${share(main.total)} of what is shown, ${ofCaller} of caller`);
		assert.equal(details.self, `self ${countText(main.self)}, ${share(main.self)}`);
		assert.equal((await view.hovered()).title,
			`main (${countText(main.total)}, ${percent(main.total, tree.total)})`);
		await checkZoom(await openView(open, await hashOf(view)), tree);
		await view.root.getByRole('button', { name: `Show again: ${chip}` }).click();
		await checkZoom(view, TREE);
		assert.deepEqual(await readChips(view), []);

		/* The same by the menu. */
		await choose(view, TREE, path, item);
		await checkZoom(view, tree);
		await view.page.goBack();
		await checkZoom(view, TREE);
		await view.page.goForward();
		await checkZoom(view, tree);
	});
}

browserTest('what is left out adds up, and is shown again by its chip', async ({ open }) => {
	const view = await openView(open);
	const hidden = without(isBelow(['db', 'main']));
	const both = without(has('fib'), hidden);
	const all = without(not(has('main')), both);

	await choose(view, TREE, ['db', 'main'], 'Hide this frame');
	await checkZoom(view, growTree(hidden));
	await choose(view, growTree(hidden), ['app', 'main', 'fib'], 'Hide all stacks');
	await checkZoom(view, growTree(both));
	await choose(view, growTree(both), ['app', 'main'], 'Focus');
	await checkZoom(view, growTree(all));
	assert.deepEqual(await readChips(view), ['without main here \u00d7', 'without fib \u00d7',
		'only main \u00d7', shownText(all)]);
	await checkZoom(await openView(open, await hashOf(view)), growTree(all));
	await view.root.getByRole('button', { name: 'Show again: without fib' }).click();
	await checkZoom(view, growTree(without(not(has('main')), hidden)));
	for (const stacks of [all, both, hidden, STACKS]) {
		await view.page.goBack();
		await checkZoom(view, growTree(stacks));
	}
});

browserTest('it holds for the tree turned over, and for calls of a function', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;
	const left = without(has('parse_line'));
	/* What counts nothing is no leaf. */
	const shown = left.filter(({ count }) => count > 0n);

	await choose(view, TREE, [...SERVE, 'parse', 'parse_line'], 'Hide all stacks');
	await pressKeys(page, 'reverse');
	await checkZoom(view, growTree(turn(shown, { reversed: true }), ORDERS.name));
	await pressKeys(page, 'merge', 'reverse');
	await checkZoom(view, growTree(turn(left, { merged: true }), ORDERS.name));
	await pressKeys(page, 'merge');
	await clickOn(view, growTree(left), isAt('app', 'worker', 'walk'));
	await pressKeys(page, 'b');
	await checkZoom(view, growTree(turn(left, { calls: 'walk' }), ORDERS.name, 'walk'));
	assert.deepEqual(await readChips(view),
		['without parse_line \u00d7', 'calls of walk \u00d7', shownText(left)]);
});

browserTest('a zoom into what is hidden goes back as far as need be', async ({ open }) => {
	const view = await openView(open);
	const left = growTree(without(isBelow(KERNEL)));

	await clickOn(view, TREE, isAt(...KERNEL, 'vfs_read_[k]'));
	await clickOn(view, follow(TREE, [...KERNEL, 'vfs_read_[k]']), isAt(...KERNEL));
	await pressKeys(view.page, 'h');
	await checkZoom(view, follow(left, SERVE));
	assert.deepEqual(await view.crumbs(), ['all that is shown', ...SERVE]);
});

browserTest('when nothing is left that is said, and the way back is there', async ({ open }) => {
	const folded = 'a;b 3\na;c 4\n';
	const tree = growTree(readStacks(folded));
	const view = await viewOf(await open(draw(folded)));

	await clickOn(view, tree, isAt('a'));
	await pressKeys(view.page, 'H');
	assert.equal(await view.part('details').textContent(), 'Nothing is left to show.');
	assert.deepEqual(await readChips(view),
		['without a \u00d7', '0 samples of 7 samples shown']);
	await pressKeys(view.page, 'ArrowUp', 'zoom', 'h', 'out', 'reset', 'reverse', 'reverse',
		'next');
	await view.search('a');
	assert.equal(await view.matched(), 'Matched: 0 samples, 0.00% of what is shown');
	await view.root.getByRole('button', { name: 'Show again' }).click();
	await checkZoom(view, tree);
});

browserTest('the root and what is no place of the tree cannot be hidden', async ({ open }) => {
	const view = await openView(open);
	const reversed = growTree(turn(STACKS, { reversed: true }), ORDERS.name);

	await pressKeys(view.page, 'h', 'H', 'f', 'b', 'B');
	await checkZoom(view, TREE);
	await pressKeys(view.page, 'reverse');
	await clickOn(view, reversed, isAt('memcpy'));
	await pressKeys(view.page, 'h', 'reset');
	await checkZoom(view, reversed);
});

// SPDX-License-Identifier: Apache-2.0
/* Searching: what matches, how much of all and of the view that is, the way through matches. */
import assert from 'node:assert/strict';

import { checkZoom, clickOn, isAt, pointOn, pressKeys, readDetails, readDrawn, readLive }
	from './drawn.mjs';
import { draw } from './eprof.mjs';
import { matched, percent, total } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { FOLDED, STACKS, TREE } from './input.mjs';
import { allNodes, follow, growTree, namesTo, turn } from './trees.mjs';
import { viewOf } from './view.mjs';

const SERVE = ['app', 'main', 'serve'];
/* Anchors, alternation, case, any letter, digits, what is no name, and whole stacks. */
const PATTERNS = ['^read$', 'Parse|sort', 'parse', 'PARSE$', 'a.b', 'a\\.b', '^f[0-9]{2}7[0-9]$',
	'[0-9]', 'samples', '_\\[k', '^(?!app$|db$|main$).*e', 'operator\\+|push_back\\(',
	'\\(x\\)\\?\\|y\\$', '.', '^$', 'read.*memcpy', '\\s', 'visit|walk', '^app$'];

async function openView(open, folded = FOLDED) {
	return viewOf(await open(draw(folded)));
}

function countText(count) {
	return `${count.toLocaleString('en')} samples`;
}

/* What the page has to say of a pattern; zoom: the names on the way to what the view shows. */
function matchedText(pattern, { stacks = STACKS, zoom = [], flags = 'u', of = '' } = {}) {
	const regexp = new RegExp(pattern, flags);
	const count = matched(stacks, regexp);
	const inView = zoom.length === 0 ? '' :
		` (${percent(matched(stacks, regexp, zoom), total(stacks, zoom))} of view)`;

	return `Matched: ${countText(count)}, ${percent(count, total(stacks))}${of}${inView}`;
}

/* The lowest matching frames of a tree, those with the most time first, as they are told. */
function hitsOf(tree, regexp) {
	const isBelowOther = ({ parent }) => parent?.parent &&
		(regexp.test(parent.name) || isBelowOther(parent));

	return allNodes(tree).filter((node) => node.parent && regexp.test(node.name) &&
		!isBelowOther(node)).sort((a, b) => Number(b.total - a.total));
}

function titleOf({ name, total: count }, whole = TREE.total) {
	return `${name} (${countText(count)}, ${percent(count, whole)})`;
}

function isFocused(view) {
	return view.part('search').evaluate((input) => input === document.activeElement);
}

browserTest('a slash, Ctrl+F and F3 open the search, and typing marks', async ({ open }) => {
	for (const key of ['/', 'Control+f', 'F3']) {
		const view = await openView(open);

		assert.equal(await isFocused(view), false);
		await pressKeys(view.page, key);
		assert.ok(await isFocused(view), key);
		await view.page.keyboard.type('^parse$');
		assert.equal(await view.part('search').inputValue(), '^parse$');
		assert.equal(await view.matched(), matchedText('^parse$'));
		const drawn = await readDrawn(view);
		const wanted = allNodes(TREE).filter(({ name }) => name === 'parse');
		const scale = drawn.width / Number(TREE.total);

		assert.deepEqual(drawn.boxes.filter(({ isHit }) => isHit)
			.map(({ width }) => Math.round((width + 0.5) / scale)).sort(),
		wanted.map((node) => Number(node.total)).sort());
		await checkZoom(view, TREE);
	}
});

browserTest('what has matched is what the counts of all stacks say', async ({ open }) => {
	const view = await openView(open);

	for (const pattern of PATTERNS) {
		await view.search(pattern);
		assert.equal(await view.matched(), matchedText(pattern), pattern);
	}
	assert.equal(matched(STACKS, /samples/u), 0n);
	const named = await openView(open, 'a;samples 3\na;b 1\n');

	await named.search('samples');
	assert.equal(await named.matched(), 'Matched: 3 samples, 75.00%', 'it is a name there');
});

browserTest('of a zoom it is said how much matches, and the search stays', async ({ open }) => {
	const view = await openView(open);

	await clickOn(view, TREE, isAt(...SERVE));
	for (const pattern of PATTERNS) {
		await view.search(pattern);
		assert.equal(await view.matched(), matchedText(pattern, { zoom: SERVE }), pattern);
	}
	await view.search('parse');
	await pressKeys(view.page, 'Enter', 'Tab');
	await clickOn(view, follow(TREE, [...SERVE, 'parse']), isAt(...SERVE));
	assert.equal(await view.matched(), matchedText('parse', { zoom: SERVE }));
	await clickOn(view, follow(TREE, SERVE), isAt('app'));
	assert.equal(await view.matched(), matchedText('parse', { zoom: ['app'] }));
	await clickOn(view, follow(TREE, ['app']), ({ node }) => node === TREE);
	assert.equal(await view.matched(), matchedText('parse'));
});

browserTest('of a block that is zoomed to, too', async ({ open }) => {
	const view = await openView(open);

	await clickOn(view, TREE, ({ block }) => block?.length === 40);
	await view.search('g[0-9]7');
	const few = STACKS.filter(({ names }) => names[2] === 'few');
	const share = percent(matched(few, /g[0-9]7/u), total(few));

	assert.equal(await view.matched(), `${matchedText('g[0-9]7')} (${share} of view)`);
});

browserTest('upper and lower case are told apart, or not', async ({ open }) => {
	const view = await openView(open);
	const toggle = view.root.getByRole('button', { name: 'Tell upper from lower case' });

	for (const pattern of ['parse', '^PARSE$', 'JAVA|LAMBDA']) {
		await view.search(pattern);
		assert.equal(await toggle.getAttribute('aria-pressed'), 'true');
		assert.equal(await view.matched(), matchedText(pattern));
		await toggle.click();
		assert.equal(await toggle.getAttribute('aria-pressed'), 'false');
		assert.equal(await view.matched(), matchedText(pattern, { flags: 'iu' }));
		await toggle.click();
		assert.equal(await view.matched(), matchedText(pattern));
	}
});

browserTest('a bad pattern is told, and matches nothing until corrected', async ({ open }) => {
	const view = await openView(open);

	await view.search('parse');
	for (const pattern of ['(', '[z-a]', '*', 'a{2,1}', '\\']) {
		await view.search(pattern);
		assert.equal(await view.matched(), `Not a pattern: ${pattern}`);
		assert.notEqual(await view.part('matched').getAttribute('title'), '');
		assert.ok((await readDrawn(view)).boxes.every(({ isHit }) => !isHit), pattern);
		await pressKeys(view.page, 'Enter');
		await checkZoom(view, TREE);
	}
	await view.search('(parse');
	await view.page.keyboard.type(')');
	assert.equal(await view.matched(), matchedText('parse'));
	assert.equal(await view.part('matched').getAttribute('title'), '');
});

browserTest('n and N go through the matches, those with the most time first', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;
	const hits = hitsOf(TREE, /parse|walk/u);

	assert.equal(new Set(hits.map((hit) => hit.total)).size, hits.length, 'the order is certain');
	await view.search('parse|walk');
	await pressKeys(page, 'Enter');
	await checkZoom(view, hits[0]);
	await pressKeys(page, 'Shift+Enter', 'Enter', 'Tab');
	for (let i = 1; i <= hits.length; i++) {
		const at = i % hits.length;

		await pressKeys(page, 'next');
		assert.equal(await readLive(view),
			`Match ${at + 1} of ${hits.length}: ${titleOf(hits[at])}`);
		assert.deepEqual(await view.crumbs(), ['all', ...namesTo(hits[at])].slice(0, 7));
		assert.equal((await readDetails(view)).name, hits[at].name);
	}
	for (const at of [hits.length - 1, hits.length - 2]) {
		await pressKeys(page, 'previous');
		await checkZoom(view, hits[at]);
	}
	await view.root.getByRole('button', { name: 'Next match' }).click();
	await checkZoom(view, hits.at(-1));
});

browserTest('backwards the first match is the last one, also of an address', async ({ open }) => {
	const hits = hitsOf(TREE, /parse/u);
	const view = await viewOf(await open(draw(FOLDED), { hash: '#q=parse' }));

	assert.equal(await view.matched(), matchedText('parse'));
	assert.equal(await view.part('search').inputValue(), 'parse');
	await pressKeys(view.page, 'previous');
	await checkZoom(view, hits.at(-1));
	await pressKeys(view.page, 'next');
	await checkZoom(view, hits[0]);
});

browserTest('matches are those of the tree as it is turned', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;
	const reversed = growTree(turn(STACKS, { reversed: true }));
	const merged = growTree(turn(STACKS, { merged: true }));
	const pattern = /^(?:compare|leaf)$/u;

	await view.search(pattern.source);
	await pressKeys(page, 'Enter', 'Tab');
	await checkZoom(view, hitsOf(TREE, pattern)[0]);
	await pressKeys(page, 'reverse', 'next');
	assert.deepEqual(await view.crumbs(), ['all', ...namesTo(hitsOf(reversed, pattern)[0])]);
	await pressKeys(page, 'reverse', 'next');
	assert.deepEqual(await view.crumbs(),
		['all', ...namesTo(hitsOf(TREE, pattern)[0])].slice(0, 7));
	await pressKeys(page, 'merge', 'next');
	assert.deepEqual(await view.crumbs(), ['all', ...namesTo(hitsOf(merged, pattern)[0])]);
});

browserTest('Escape clears the search, and nothing is marked then', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;

	await view.search('parse');
	await pressKeys(page, 'leave');
	assert.equal(await view.matched(), '');
	assert.equal(await view.part('search').inputValue(), '');
	assert.equal(await isFocused(view), false);
	assert.ok((await readDrawn(view)).boxes.every(({ isHit }) => !isHit));
	/* From the frames: first the zoom, then the search. */
	await view.search('parse');
	await pressKeys(page, 'Enter', 'Tab', 'leave');
	await checkZoom(view, TREE);
	assert.equal(await view.matched(), matchedText('parse'));
	await pressKeys(page, 'leave');
	assert.equal(await view.matched(), '');
	await pressKeys(page, 'next', 'previous');
	await checkZoom(view, TREE);
});

browserTest('what is hidden does not match', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;
	const isFew = ({ names }) => names.includes('serve');
	const left = STACKS.filter((stack) => !isFew(stack));
	const of = ' of what is shown';

	await view.search('parse|read');
	await pressKeys(page, 'Tab');
	await pointOn(view, TREE, isAt(...SERVE));
	await view.page.mouse.click(...await middleOf(view), { button: 'right' });
	await view.root.getByRole('menuitem', { name: 'Hide this frame' }).click();
	assert.equal(await view.matched(), matchedText('parse|read', { stacks: left, of }));
	await view.search('serve');
	assert.equal(await view.matched(), `Matched: 0 samples, 0.00%${of}`);
	await pressKeys(page, 'Enter');
	assert.equal(await readLive(view), 'No match is left.');
});

/* Of what the pointer is upon. */
async function middleOf(view) {
	const { x, y, width, height } = await view.hovered();

	return [x + width / 2, y + height / 2];
}

browserTest('a frame is searched for by its name, whatever letters that has', async ({ open }) => {
	const view = await openView(open);

	for (const name of ['std::vector<int>::push_back(int&&)', 'f(x)?|y$', 'a.b', 'operator new[]',
		'[unknown]', 'Lambda$1.run()']) {
		const path = namesTo(allNodes(TREE).find((node) => node.name === name));
		const count = STACKS.filter(({ names }) => names.includes(name))
			.reduce((sum, stack) => sum + stack.count, 0n);

		await clickOn(view, TREE, isAt(...path));
		await pressKeys(view.page, 's', 'reset');
		assert.equal(await view.matched(),
			`Matched: ${countText(count)}, ${percent(count, TREE.total)}`, name);
	}
});

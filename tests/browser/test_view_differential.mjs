// SPDX-License-Identifier: Apache-2.0
/* Pictures of what changed: each figure, colour and word against the two profiles that were compared. */
import assert from 'node:assert/strict';

import { parseColour, readColours } from './colours.mjs';
import { pressKeys, readDetails } from './drawn.mjs';
import { drawDifference } from './eprof.mjs';
import { percent, readFolded } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { readStatic } from './static.mjs';
import { viewOf } from './view.mjs';

/* 500 before and 450 after: each count before is a whole one when it is scaled. */
const BEFORE = `\
main;same;x 100
main;more;y 100
main;less;z 100
main;half 90
main;gone;deep;leaf 60
main;tiny 10
old;y 40
`;
const AFTER = `\
main;same;x 100
main;more;y 155
main;more 10
main;less;z 35
main;half 45
main;fresh;deep;leaf 50
main;tiny 11
other;y 44
`;

function sumOf(stacks) {
	return stacks.reduce((total, { count }) => total + count, 0n);
}

/* Sums by path (joined by ';'; '' for all) of both sides: { path, name, before, after, ofSelf }. */
function compare(before, after, turn = (names) => names) {
	const sums = new Map();
	const put = (stacks, side) => stacks.forEach(({ names, count }) => {
		for (let length = 0; length <= names.length; length++) {
			const path = turn(names).slice(0, length);
			const key = path.join(';');

			if (!sums.has(key))
				sums.set(key, { path, name: path.at(-1) ?? 'all', before: 0n,
					after: 0n, ofSelf: { before: 0n, after: 0n } });
			sums.get(key)[side] += count;
			if (length === names.length)
				sums.get(key).ofSelf[side] += count;
		}
	});

	put(before, 'before');
	put(after, 'after');
	return sums;
}

/* Both profiles as they are compared: what was before is scaled to the total of after. */
function readBoth({ isNormalized = true } = {}) {
	const [before, after] = [BEFORE, AFTER].map(readFolded);
	const [was, is] = [sumOf(before), sumOf(after)];

	return { after, whole: is, before: before.map((stack) => isNormalized ?
		{ ...stack, count: stack.count * is / was } : stack) };
}

function signed(number, decimals) {
	return (number > 0 ? '+' : '') + number.toFixed(decimals);
}

/* "before 90, 20.00%; +2.22%, +11.1% of itself"; of a negated picture "after ...". */
function changeText(before, after, whole, isNegated) {
	const [word, from, to] = isNegated ? ['after', after, before] : ['before', before, after];
	const change = Number(to - from);

	return `${word} ${before}, ${percent(before, whole)}; ` +
		`${signed(100 * change / Number(whole), 2)}%` +
		(change === 0 ? '' : from === 0n ? ', new' :
			`, ${signed(100 * change / Number(from), 1)}% of itself`);
}

function classOf(before, after) {
	const larger = before > after ? before : after;
	const change = after > before ? after - before : before - after;

	if (change === 0n)
		return 'q0';
	if (change === larger)
		return after > before ? 'a0' : 'x0';
	return (after > before ? 'h' : 'f') + change * 10n / larger;
}

/* What the picture has of each frame: its title and its class. */
function expected({ before, after, whole }, isNegated = false) {
	const frames = [];
	let gone = 0n;

	for (const { path, name, before: was, after: is } of compare(before, after).values()) {
		if (path.length === 0) {
			frames.push(`all (${whole} samples, 100%; ${isNegated ? 'after' : 'before'} ${was}) n0`);
		} else if (is > 0n) {
			frames.push(`${name} (${is} samples, ${percent(is, whole)}; ` +
				`${changeText(was, is, whole, isNegated)}) ` +
				(isNegated ? classOf(is, was) : classOf(was, is)));
		}
	}
	const here = compare([], after);
	const vanished = before.filter(({ names }) => !here.has(names.join(';')));
	const word = isNegated ? 'new' : 'removed';

	for (const { path, name, before: was } of compare(vanished, []).values()) {
		gone += path.length === 0 ? was : 0n;
		frames.push(`${path.length === 0 ? '[removed]' : name} (${was} samples, ` +
			`${percent(was, whole)}, ${word}) ${isNegated ? 'a0' : 'x0'}`);
	}
	return { frames: frames.sort(), gone };
}

/* The same of what is drawn, by the pointer. */
async function readFrames(view) {
	const frames = await view.part('frames').boundingBox();
	const seen = [];

	for (const { x, y, width, classes } of await readColours(view)) {
		const { title } = await view.pointAt(frames.x + x + width / 2, frames.y + y + 8);

		seen.push(`${title} ${classes}`);
	}
	return seen.sort();
}

const WAYS = {
	'by default': [[], {}],
	'with totals as they are': [['--no-normalize'], { isNormalized: false }],
	'negated': [['--negate'], { isNegated: true }],
};

for (const [way, [words, options]] of Object.entries(WAYS)) {
	browserTest(`titles and colours are those of the two profiles ${way}`, async ({ open }) => {
		const { frames } = expected(readBoth(options), options.isNegated);

		assert.ok(frames.length > 18);
		for (const form of ['svg', 'html']) {
			const file = drawDifference(BEFORE, AFTER, form, words);
			const still = await readStatic(
				await open(file, { javaScriptEnabled: false }));
			const view = await viewOf(await open(file));

			assert.deepEqual(still.map(({ title, classes }) =>
				`${title} ${classes}`).sort(), frames);
			assert.deepEqual(await readFrames(view), frames);
		}
	});
}

/* Walks by keys to a path and reads what is told of it. */
async function detailsAt(view, path) {
	const { page } = view;

	await page.evaluate((hash) => { window.location.hash = hash; }, `z=${path.join(';')}`);
	await page.waitForFunction((name) =>
		document.querySelector('.crumbs').lastChild.textContent === name,
		path.at(-1));
	return readDetails(view);
}

browserTest('the details have the change of all, and of its own', async ({ open }) => {
	const both = readBoth();
	const { before, after, whole } = both;
	const view = await viewOf(await open(drawDifference(BEFORE, AFTER, 'svg')));

	for (const sums of compare(before, after).values()) {
		const { path, after: is, before: was, ofSelf } = sums;

		if (path.length === 0 || is === 0n)
			continue;
		const { total, self, change } = await detailsAt(view, path);

		assert.ok(total.startsWith(`${is} samples, ${percent(is, whole)} of all`), total);
		assert.equal(self, `self ${ofSelf.after} samples, ${percent(ofSelf.after, whole)}` +
			(ofSelf.before + ofSelf.after === 0n ? '' :
				`; ${changeText(ofSelf.before, ofSelf.after, whole, false)}`), path.join(';'));
		assert.equal(change, changeText(was, is, whole, false), path.join(';'));
	}
	const { total, self, change } = await detailsAt(view, ['[removed]', 'main', 'gone']);

	assert.equal(total, '54 samples, 12.00% of all, 100.00% of view, 100.00% of caller');
	assert.deepEqual([self, change], ['self 0 samples, 0.00%', 'removed']);
});

browserTest('turned over it is still the change of each function', async ({ open }) => {
	const both = readBoth();
	const view = await viewOf(await open(drawDifference(BEFORE, AFTER, 'svg')));
	const turned = compare(both.before, both.after, (names) => names.toReversed());
	const wanted = Array.from(turned.values())
		.filter(({ path }) => path.length === 1)
		.map(({ name, before, after }) =>
			`${name} (${after} samples, ${percent(after, both.whole)}; ` +
			`${changeText(before, after, both.whole, false)}) ${classOf(before, after)}`);

	await pressKeys(view.page, 'reverse');
	const seen = await readFrames(view);

	for (const frame of wanted)
		assert.ok(seen.includes(frame), `${frame}; there is ${seen.filter((one) =>
			one.startsWith(frame.slice(0, 4)))}`);
	assert.ok(seen.includes('all (450 samples, 100%; before 450) n0'));
	const sums = wanted.map((frame) => Number(/\((?<own>\d+) /u.exec(frame).groups.own));

	assert.equal(sums.reduce((a, b) => a + b), 450);
});

browserTest('matches are shares of the total after, without what is gone', async ({ open }) => {
	const both = readBoth();
	const { gone } = expected(both);
	const view = await viewOf(await open(drawDifference(BEFORE, AFTER, 'svg')));
	const shareOf = (pattern) => sumOf(both.after.filter(({ names }) =>
		names.some((name) => pattern.test(name))));

	for (const [pattern, removed] of [['^y$', 36n], ['^same$', 0n], ['deep|half', 54n],
		['.', gone],
		['^gone$', 54n], ['^fresh$', 0n]]) {
		const count = shareOf(new RegExp(pattern, 'u'));

		await view.search(pattern);
		assert.equal(await view.matched(),
			`Matched: ${count} samples, ${percent(count, both.whole)}` +
			(removed > 0n ? `, and ${removed} samples removed` : ''), pattern);
	}
	await pressKeys(view.page, 'Escape', 'ArrowUp', 'ArrowUp', 'H');
	assert.match(await view.root.locator('.shown').textContent(),
		/^44 samples of 450 samples shown$/u);
});

browserTest('the legend says what colours are, and the totals of sides', async ({ open }) => {
	for (const [words, how] of [[[], 'before is scaled to the total of after'],
		[['--no-normalize'], 'totals as they are']]) {
		const file = drawDifference(BEFORE, AFTER, 'svg', words);
		const still = await open(file, { javaScriptEnabled: false });
		const sides = await still.locator('.legend text').last().textContent();
		const view = await viewOf(await open(file));
		const entries = await view.root.locator('.legend .kind').allTextContents();

		assert.match(sides, new RegExp(
			`^before: .* 500 samples, after: .* 450 samples; ${how}$`, 'u'));
		assert.deepEqual(entries, ['less  more', 'new', 'removed', sides]);
		const colours = await view.root.locator('.legend rect').evaluateAll((rects) =>
			rects.map((rect) => `${rect.getAttribute('class')} ${window.getComputedStyle(rect).fill}`));
		const steps = colours.slice(0, -2)
			.map((text) => parseColour(text.replace(/^\S+ /u, '')));
		const [least, same, most] = [steps[0], steps[(steps.length - 1) / 2], steps.at(-1)];

		assert.ok(least[2] > least[0] && most[0] > most[2], 'blue is less, orange more');
		assert.ok(Math.max(...same.slice(0, 3)) - Math.min(...same.slice(0, 3)) < 3,
			'and grey neither');
		assert.deepEqual(colours.slice(-2).map((text) => text.split(' ')[0]), ['a0', 'x0']);
	}
});

browserTest('frames can be coloured by their kind instead, and back', async ({ open }) => {
	const view = await viewOf(await open(
		drawDifference('a;b_[k] 3\na;c 2\n', 'a;b_[k] 5\na;c 2\n', 'svg')));
	const choose = view.root.getByRole('combobox', { name: 'Colours' });
	const classes = async () => (await readColours(view))
		.map((box) => box.classes[0]).sort().join('');

	const first = await classes();

	assert.match(first, /^[fhqn]{4}$/u);
	await choose.selectOption('kind');
	assert.equal(await classes(), 'knuu');
	await choose.selectOption('change');
	assert.equal(await classes(), first);
});

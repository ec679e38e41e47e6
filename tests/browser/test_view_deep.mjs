// SPDX-License-Identifier: Apache-2.0
/* Pictures that are very deep, very wide, or have very long names: all of it can be got at, and what is
 * in the page at one time stays little. */
import assert from 'node:assert/strict';

import { pressKeys, readDetails, readDrawn } from './drawn.mjs';
import { draw } from './eprof.mjs';
import { percent } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { viewOf } from './view.mjs';

const ROW = 16;
/* Elements that a page may have at one time. */
const FEW = 20_000;
const WINDOW = 800;

async function openView(open, folded, form = 'svg', words = []) {
	return viewOf(await open(draw(folded, form, words)));
}

function countElements(view) {
	return view.page.evaluate(() => document.querySelectorAll('*').length);
}

/* Names that the window shows, from top to bottom, between what sticks to its ends. */
function namesSeen(view) {
	return view.root.evaluate((root) => {
		const top = root.querySelector('.bar').getBoundingClientRect().bottom;
		const bottom = root.querySelector('.details').getBoundingClientRect().top;

		return Array.from(root.querySelectorAll('svg.frames .texts text'), (text) => ({
			name: text.textContent, box: text.getBoundingClientRect() }))
			.filter(({ box }) => box.top >= top && box.bottom <= bottom)
			.sort((a, b) => a.box.top - b.box.top).map(({ name }) => name);
	});
}

/* By the wheel, until the page has moved; where it is then. */
async function scrollBy(view, distance) {
	const before = await view.page.evaluate(() => window.scrollY);

	await view.page.mouse.move(600, 400);
	await view.page.mouse.wheel(0, distance);
	await view.page.waitForFunction((old) => window.scrollY !== old, before);
	return view.page.evaluate(() => window.scrollY);
}

/* Until two frames of the screen later all that has been asked for is drawn. */
function settled(page) {
	return page.evaluate(() => new Promise((resolve) => window.requestAnimationFrame(() =>
		window.requestAnimationFrame(resolve))));
}

function deepStacks(depth) {
	const names = Array.from({ length: depth }, (_, i) => `f${i}`);

	return `${names.join(';')} 70\n${names[0]};beside 30\n`;
}

function checkFollowEachOther(names, isInverted) {
	const numbers = names.filter((name) => /^f\d+$/u.test(name))
		.map((name) => Number(name.slice(1)));

	assert.ok(numbers.length > 30, names.join(' '));
	for (let i = 1; i < numbers.length; i++)
		assert.equal(numbers[i], numbers[i - 1] + (isInverted ? 1 : -1),
			'no row is left out');
	return numbers;
}

for (const [depth, inverted] of [[5000, false], [20_000, false], [20_000, true]]) {
	const how = inverted ? 'an icicle' : 'a flame graph';

	browserTest(`${how} of depth ${depth} is scrolled and zoomed`, async ({ open }) => {
		const view = await openView(open, deepStacks(depth), 'svg',
			inverted ? ['--inverted'] : []);
		const { page } = view;
		const leaf = `f${depth - 1}`;
		const away = inverted ? 1 : -1;

		assert.equal((await readDrawn(view)).height, (depth + 1) * ROW, 'a row each');
		const atFirst = await namesSeen(view);

		assert.equal(inverted ? atFirst[0] : atFirst.at(-1), 'all', 'the root is seen');
		checkFollowEachOther(atFirst, inverted);
		for (const distance of [300, 5000, 20_000, 700]) {
			await scrollBy(view, away * distance);
			await settled(page);
			checkFollowEachOther(await namesSeen(view), inverted);
			assert.ok(await countElements(view) < FEW);
		}
		await pressKeys(page, inverted ? 'End' : 'Home');
		await page.waitForFunction(
			(name) => Array.from(document.querySelectorAll('svg.frames text'))
			.some((text) => text.textContent === name), leaf);
		await settled(page);
		assert.ok((await namesSeen(view)).includes(leaf));

		await view.zoom(leaf);
		assert.deepEqual((await view.crumbs()).at(-1), leaf);
		assert.ok((await namesSeen(view)).includes(leaf),
			'what is zoomed to stays in the window');
		assert.match((await readDetails(view)).total,
			/^70 samples, 70\.00% of all, 100\.00% of view/u);
		assert.ok(await countElements(view) < FEW);
		await view.search('^beside$|^f19$');
		assert.equal(await view.matched(), 'Matched: 70 samples, 70.00% (100.00% of view)'
			.replace('70 samples, 70', '100 samples, 100'));
		await pressKeys(page, 'Escape', 'reset');
		assert.deepEqual(await view.crumbs(), ['all']);
		await pressKeys(page, 'reverse');
		assert.equal((await readDrawn(view)).height, (depth + 1) * ROW);
		assert.ok(await countElements(view) < FEW);
	});
}

browserTest('arrows go up a deep stack, and the window goes along', async ({ open }) => {
	const view = await openView(open, deepStacks(5000));

	for (let i = 0; i < 120; i++)
		await pressKeys(view.page, 'ArrowUp');
	assert.equal((await readDetails(view)).name, 'f118');
	await settled(view.page);
	assert.ok((await namesSeen(view)).includes('f118'));
	const { y, height } = await view.root.locator('rect.chosen').boundingBox();

	assert.ok(y > 0 && y + height < WINDOW);
});

browserTest('a zoom too long for an address is kept by the browser', async ({ open }) => {
	const view = await openView(open, deepStacks(5000));
	const { page } = view;

	await pressKeys(page, 'Home');
	await page.waitForFunction(() => Array.from(document.querySelectorAll('svg.frames text'))
		.some((text) => text.textContent === 'f4999'));
	await view.zoom('f4990');
	await pressKeys(page, 'reset');
	await page.goBack();
	await page.waitForFunction(() =>
		document.querySelector('.crumbs').lastChild.textContent === 'f4990');
	assert.ok((await page.evaluate(() => window.location.href.length)) < 10_000);
});

const SIBLINGS = 300_000;

browserTest('300,000 siblings: wide ones are drawn, others got at', async ({ open }) => {
	const wide = SIBLINGS / 1000;
	const lines = Array.from({ length: SIBLINGS }, (_, i) =>
		`root;n${String(i).padStart(6, '0')} ${i % 1000 === 500 ? 1000 : 1}\n`);
	const whole = BigInt(SIBLINGS - wide + wide * 1000);
	const view = await openView(open, lines.join(''));
	const { page } = view;

	assert.ok(await countElements(view) < FEW);
	const first = await readDrawn(view);

	assert.equal(first.boxes.length, 2 + wide + wide + 1,
		'each wide one, and blocks between them');
	await view.search('^n0000(00|01)$');
	assert.equal(await view.matched(), `Matched: 2 samples, ${percent(2n, whole)}`);
	await pressKeys(page, 'Enter');
	assert.equal((await view.crumbs()).at(-1), 'n000000');
	await pressKeys(page, 'Escape', 'reset');
	const frames = await view.part('frames').boundingBox();

	/* The block in the left half of the first thousand. */
	await page.mouse.click(frames.x + 0.5, frames.y + frames.height - 2.5 * ROW);
	assert.ok(await view.root.getByText('narrow frames', { exact: true }).isVisible());
	const zoomed = await readDrawn(view);

	assert.equal(zoomed.boxes.filter(({ y }) => y === zoomed.height - 3 * ROW).length, 500);
	assert.ok(await countElements(view) < FEW);
});

const LONG = 1_000_000;

browserTest('a name of a million letters is cut wherever it is shown', async ({ open }) => {
	const long = `${'x'.repeat(LONG - 2)}\u{1f525}y`;

	for (const form of ['svg', 'html']) {
		const view = await openView(open, `main;${long} 3\nmain;short 1\n`, form);
		const { page } = view;

		await view.zoom('xxx');
		await pressKeys(page, 'ArrowDown', 'ArrowUp');
		const texts = await page.evaluate(() => Array.from(document.querySelectorAll(
			'.eprof-view *'), (element) => Math.max(0, ...Array.from(element.attributes,
			({ value }) => value.length), element.children.length > 0 ? 0 :
			element.textContent.length)));

		assert.ok(Math.max(...texts) < 10_000, String(Math.max(...texts)));
		assert.equal((await view.crumbs()).at(-1), `${'x'.repeat(38)}..`);
		assert.match((await readDetails(view)).name, /^x{398}\.\.$/u);
		await view.search('y$');
		assert.equal(await view.matched(), 'Matched: 3 samples, 75.00% (100.00% of view)');
		await pressKeys(page, 'Escape', 'reset');
		await page.goBack();
		await page.waitForFunction(
			() => document.querySelectorAll('.crumbs button').length === 3);
		assert.ok(await page.evaluate(
			() => document.documentElement.scrollWidth <= window.innerWidth));
	}
});

browserTest('100,000 blanks, and 1 MB of empty names', async ({ open }) => {
	const blanks = await openView(open, `a;${' '.repeat(100_000)}b 3\na;c 1\n`);

	await blanks.zoom('c');
	assert.equal((await readDetails(blanks)).name, 'c');
	const empty = await openView(open, `${';'.repeat(30_000)} 3\nx 1\n`);

	assert.ok(await countElements(empty) < FEW);
	await empty.search('^x$');
	assert.equal(await empty.matched(), 'Matched: 1 samples, 25.00%');
});

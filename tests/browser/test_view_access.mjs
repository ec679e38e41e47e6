// SPDX-License-Identifier: Apache-2.0
/* The view by keyboard alone, and as it is heard: names, roles, focus, the menu, help, copying. */
import assert from 'node:assert/strict';

import { contrast, NOTICEABLE, parseColour } from './colours.mjs';
import { clickOn, isAt, pointOn, pressKeys, readDetails, readLive } from './drawn.mjs';
import { draw, drawDifference } from './eprof.mjs';
import { percent } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { FOLDED, STACKS, TREE } from './input.mjs';
import { follow, growTree, layOut, namesTo, ORDERS, turn } from './trees.mjs';
import { viewOf } from './view.mjs';

const STEPS = 160;
const CLIPBOARD = { permissions: ['clipboard-read', 'clipboard-write'] };

async function openView(open, options = {}, form = 'html', folded = FOLDED) {
	return viewOf(await open(draw(folded, form), options));
}

function grouped(count) {
	return count.toLocaleString('en');
}

function titleOf(node, whole = TREE.total) {
	return `${node.name} (${grouped(node.total)} samples, ` +
		`${node.parent ? percent(node.total, whole) : '100%'})`;
}

function framesWord(count) {
	return `${grouped(count)} ${count === 1 ? 'frame' : 'frames'}`;
}

/* Where an arrow leads from a node, in boxes of layOut(); the node itself where it leads nowhere. */
function walked(node, key, boxes, isInverted = false) {
	const towardsLeaf = isInverted ? 'ArrowDown' : 'ArrowUp';

	if (key === 'ArrowLeft' || key === 'ArrowRight') {
		const row = boxes.filter((box) => box.depth === node.depth && box.node)
			.sort((a, b) => a.x - b.x).map((box) => box.node);

		return row[row.indexOf(node) + (key === 'ArrowLeft' ? -1 : 1)] ?? node;
	}
	if (key !== towardsLeaf)
		return node.parent ?? node;
	const callees = boxes.filter((box) => box.node?.parent === node).sort((a, b) => a.x - b.x);

	return callees.reduce((widest, box) =>
		widest === null || box.node.total > widest.total ? box.node : widest, null) ?? node;
}

/* What has the focus: its role, what it says, how deep it is, and where it is among the frames. */
function readFocus(page) {
	return page.evaluate(() => {
		const element = document.activeElement;

		return { role: element.getAttribute('role'),
			label: element.getAttribute('aria-label'),
			level: element.getAttribute('aria-level'),
			isFrame: element.closest('svg.frames') !== null,
			stops: document.querySelectorAll('svg.frames [tabindex="0"]').length,
			others: document.querySelectorAll('svg.frames [tabindex]').length };
	});
}

async function checkFocus(view, node, whole) {
	assert.deepEqual(await readFocus(view.page),
		{ role: 'treeitem', label: titleOf(node, whole),
		level: String(node.depth + 1), isFrame: true, stops: 1, others: 1 });
}

/* The same keys each time, with more ways to the leaves than back. */
function makeKeys(isInverted) {
	const [out, back] = isInverted ? ['ArrowDown', 'ArrowUp'] : ['ArrowUp', 'ArrowDown'];
	const keys = [out, out, out, back, 'ArrowLeft', 'ArrowRight', 'ArrowRight', out];
	let state = 12345;

	return () => {
		state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
		return keys[(state >> 16) % keys.length];
	};
}

async function walkAround(view, tree, isInverted) {
	const boxes = layOut(tree, await view.part('frames').evaluate((svg) => svg.clientWidth));
	const nextKey = makeKeys(isInverted);
	const seen = new Set();
	let node = tree;

	await pressKeys(view.page, 'ArrowUp');
	await checkFocus(view, node, tree.total);
	for (let step = 0; step < STEPS; step++) {
		const key = nextKey();

		node = walked(node, key, boxes, isInverted);
		await pressKeys(view.page, key);
		await checkFocus(view, node, tree.total);
		assert.equal((await readDetails(view)).name, node.name,
			'the line of details goes along');
		seen.add(node);
	}
	assert.ok(seen.size > 15, `one gets about: ${seen.size}`);
}

browserTest('arrows walk to the widest callee, the caller, neighbours', async ({ open }) => {
	await walkAround(await openView(open), TREE, false);
	await walkAround(await openView(open, {}, 'svg'), TREE, false);
});

browserTest('as an icicle up and down are swapped', async ({ open }) => {
	const view = await openView(open);

	await pressKeys(view.page, 'icicle');
	await walkAround(view, TREE, true);
});

browserTest('of the tree turned over the arrows walk what is drawn', async ({ open }) => {
	const view = await openView(open);

	await pressKeys(view.page, 'reverse');
	await walkAround(view, growTree(turn(STACKS, { reversed: true }), ORDERS.name), false);
});

const STACK = Array.from({ length: 70 }, (_, i) => `f${i}`).join(';');

browserTest('what is walked to has a mark around it, in the window', async ({ open }) => {
	/* A legend makes the bar higher. */
	const file = drawDifference(`${STACK} 3\n`, `${STACK} 4\nf0;g 1\n`, 'svg');
	const view = await viewOf(await open(file, { viewport: { width: 1200, height: 400 } }));
	const chosen = view.root.locator('rect.chosen');

	for (const key of [...Array(45).fill('ArrowUp'), ...Array(40).fill('ArrowDown')]) {
		await pressKeys(view.page, key);
		const box = await chosen.boundingBox();
		const bar = await view.root.locator('.bar').boundingBox();
		const details = await view.part('details').boundingBox();
		const { stroke, strokeWidth } = await chosen.evaluate((rect) => {
			const style = window.getComputedStyle(rect);

			return { stroke: style.stroke, strokeWidth: parseFloat(style.strokeWidth) };
		});

		assert.ok(strokeWidth >= 2 &&
			contrast(parseColour(stroke), [255, 255, 255]) >= NOTICEABLE,
		`${stroke} ${strokeWidth}`);
		assert.ok(box.y >= bar.y + bar.height - 3 && box.y + box.height <= details.y + 3,
			`${JSON.stringify(box)} below ${JSON.stringify(bar)}`);
	}
});

/* Labels of all that Tab stops at, with how visible the focus is. */
async function tabStops(page, key, count) {
	const stops = [];

	for (let i = 0; i < count; i++) {
		await page.keyboard.press(key);
		stops.push(await page.evaluate(() => {
			const element = document.activeElement;
			const style = window.getComputedStyle(
				element.querySelector('.chosen') ?? element);
			const isFrame = element.closest('svg.frames') !== null;

			return { isFrame, text: element.textContent,
				name: element.getAttribute('aria-label') ?? element.textContent,
				colour: isFrame ? style.stroke : style.outlineColor,
				width: parseFloat(isFrame ? style.strokeWidth : style.outlineWidth),
				isDrawn: isFrame || style.outlineStyle !== 'none' };
		}));
	}
	return stops;
}

const STOPS = [/^Search names/u, /^Tell upper/u, /^Previous match/u, /^Next match/u,
	/Zoom out to all/u,
	/^Reverse/u, /^Merge recursion/u, /^Icicle/u, /^Light or dark/u, /^Keys/u, /^all \(/u];

browserTest('Tab goes through search, switches and frames, and each shows it', async ({ open }) => {
	for (const [colorScheme, ground] of [['light', [255, 255, 255]], ['dark', [22, 24, 28]]]) {
		const view = await openView(open, { colorScheme }, 'svg');
		const there = await tabStops(view.page, 'Tab', STOPS.length);
		const back = await tabStops(view.page, 'Shift+Tab', STOPS.length - 1);

		assert.deepEqual(there.slice(0, -1).reverse().map(({ name }) => name),
			back.map(({ name }) => name), 'and back');
		assert.ok(there.at(-1).isFrame);
		for (const [i, { name, colour, width, isDrawn }] of there.entries()) {
			assert.match(name, STOPS[i]);
			assert.ok(isDrawn && width >= 2 &&
				contrast(parseColour(colour), ground) >= NOTICEABLE,
				`${name}: ${colour} ${width}`);
		}
	}
});

browserTest('what can be pressed is called by the words on it', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;

	await clickOn(view, TREE, isAt('app', 'main', 'serve'));
	await view.search('parse');
	await pressKeys(page, 'Escape', 'Escape');
	await view.zoom('main');
	await pressKeys(page, 'ArrowUp', 'h', '?');
	const inHelp = await page.getByRole('dialog', { name: 'Keys' }).getByRole('button').all();
	const all = await page.locator('button:visible, select:visible, input:visible').all();

	assert.ok(inHelp.length === 1 && all.length >= 12, String(all.length));
	for (const element of all) {
		const name = await element.evaluate((button) => button.getAttribute('aria-label') ??
			button.textContent);
		const text = (await element.textContent()).replace(/ \u00d7$/u, '');

		assert.match(name, /\p{L}{2}/u);
		if (/^\p{L}{3}/u.test(text) &&
			await element.evaluate((one) => one.tagName !== 'SELECT'))
			assert.ok(name.includes(text), `"${name}" has "${text}"`);
	}
	await pressKeys(page, 'Escape');
	assert.equal(await view.root.getByRole('search').count(), 1);
	assert.equal(await page.getByRole('tree', { name: 'Flame graph: Flame Graph' }).count(), 1);
	assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
});

browserTest('what a zoom, a search and a copy did is said', async ({ open }) => {
	const view = await openView(open, CLIPBOARD);
	const serve = follow(TREE, ['app', 'main', 'serve']);
	const politeness = (part) => view.part(part).getAttribute('aria-live');

	assert.deepEqual([await politeness('live'), await politeness('matched')],
		['polite', 'polite']);
	await clickOn(view, TREE, isAt(...namesTo(serve)));
	assert.equal(await readLive(view), `Zoomed to ${titleOf(serve)}`);
	await pressKeys(view.page, 'reset');
	assert.equal(await readLive(view), `Zoomed to ${titleOf(TREE)}`);
	const { block } = await clickOn(view, TREE, (box) => box.block?.length > 100);

	assert.match(await readLive(view),
		new RegExp(`^Zoomed to ${framesWord(block.length)} `, 'u'));
	await pressKeys(view.page, 'reset');
	await view.search('serve');
	assert.equal(await view.matched(), `Matched: ${grouped(serve.total)} samples, ` +
		percent(serve.total, TREE.total));
});

function menuOf(view) {
	return view.root.getByRole('menu');
}

function focusedItem(page) {
	return page.evaluate(() => document.activeElement.querySelector('span')?.textContent ??
		document.activeElement.getAttribute('aria-label'));
}

async function checkMenu(view, node) {
	const { page } = view;
	const menu = menuOf(view);
	const items = await menu.getByRole('menuitem').locator('span').allTextContents();
	const box = await menu.boundingBox();
	const { width, height } = page.viewportSize();

	assert.equal(await menu.getAttribute('aria-label'), node.name);
	assert.ok(items.length >= 8);
	assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width &&
		box.y + box.height <= height,
		JSON.stringify(box));
	for (const [i, item] of items.entries()) {
		assert.equal(await focusedItem(page), item, `item ${i}`);
		await pressKeys(page, 'ArrowDown');
	}
	assert.equal(await focusedItem(page), items[0], 'from the last to the first');
	await pressKeys(page, 'ArrowUp');
	assert.equal(await focusedItem(page), items.at(-1), 'and back');
	await pressKeys(page, 'Escape');
	assert.ok(!await menu.isVisible());
	await checkFocus(view, node);
}

browserTest('the menu opens by keys and mouse, is walked, and left', async ({ open }) => {
	for (const form of ['svg', 'html']) {
		const view = await openView(open, {}, form);
		const serve = follow(TREE, ['app', 'main', 'serve']);

		await pointOn(view, TREE, isAt(...namesTo(serve)));
		await view.page.mouse.click(...await pointOf(view), { button: 'right' });
		await checkMenu(view, serve);
		for (const key of ['m', 'ContextMenu']) {
			await pressKeys(view.page, key);
			await checkMenu(view, serve);
		}
		await pressKeys(view.page, 'm', 'Enter');
		assert.deepEqual(await view.crumbs(), ['all', 'app', 'main', 'serve']);
		await checkFocus(view, serve);
		await pressKeys(view.page, 'm', 'ArrowDown', 'ArrowDown', 'Tab');
		assert.ok(!await menuOf(view).isVisible(), 'Tab leaves it');
	}
});

/* The middle of what the pointer is upon. */
async function pointOf(view) {
	const { x, y, width, height } = await view.hovered();

	return [x + width / 2, y + height / 2];
}

browserTest('a click elsewhere closes the menu; the root has less of it', async ({ open }) => {
	const view = await openView(open);

	await pointOn(view, TREE, isAt());
	await view.page.mouse.click(...await pointOf(view), { button: 'right' });
	assert.deepEqual(await menuOf(view).getByRole('menuitem').locator('span').allTextContents(),
		['Zoom']);
	await view.page.mouse.click(5, 5);
	assert.ok(!await menuOf(view).isVisible());
	await pointOn(view, TREE, (box) => box.block?.length > 100);
	const hover = await view.hovered();

	await view.page.evaluate(() => window.addEventListener('contextmenu', (event) => {
		window.isOurs = event.defaultPrevented;
		event.preventDefault();
	}));
	await view.page.mouse.click(hover.x + hover.width / 2, hover.y + 5, { button: 'right' });
	await view.page.waitForFunction(() => window.isOurs !== undefined);
	assert.equal(await view.page.evaluate(() => window.isOurs), false,
		'frames that are not drawn have no menu of ours');
	assert.ok(!await menuOf(view).isVisible());
});

browserTest('a long touch opens the menu', async ({ open }) => {
	const view = await openView(open, { hasTouch: true });
	const box = layOut(TREE, await view.part('frames').evaluate((svg) => svg.clientWidth))
		.find(isAt('app', 'main', 'serve'));
	const frames = await view.part('frames').boundingBox();
	const x = frames.x + box.x + box.width / 2;
	const y = frames.y + frames.height - 16 * box.depth - 8;
	const session = await view.page.context().newCDPSession(view.page);

	await session.send('Input.dispatchTouchEvent',
		{ type: 'touchStart', touchPoints: [{ x, y }] });
	await menuOf(view).waitFor();
	await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
	assert.equal(await menuOf(view).getAttribute('aria-label'), 'serve');
	assert.deepEqual(await view.crumbs(), ['all'], 'and nothing else');
	await menuOf(view).getByRole('menuitem', { name: /^Zoom/u }).tap();
	assert.deepEqual(await view.crumbs(), ['all', 'app', 'main', 'serve']);
});

browserTest('the keys are shown by a question mark, and Escape goes back', async ({ open }) => {
	for (const form of ['svg', 'html']) {
		const view = await openView(open, {}, form);
		const help = view.page.getByRole('dialog', { name: 'Keys' });

		await pressKeys(view.page, 'ArrowUp', 'ArrowUp', '?');
		await help.waitFor();
		assert.equal(await focusedItem(view.page), 'Close');
		assert.match(await help.textContent(), /Ctrl\+F.*Enter.*Backspace.*Escape/u);
		await pressKeys(view.page, 'r', '0');
		assert.equal(await view.root.getByRole('button', { name: /^Reverse/u })
			.getAttribute('aria-pressed'), 'false',
				'keys are not those of the picture then');
		await pressKeys(view.page, 'Escape');
		assert.ok(!await help.isVisible());
		await checkFocus(view, follow(TREE, ['app']));
		await pressKeys(view.page, '?');
		await help.getByRole('button').click();
		assert.ok(!await help.isVisible());
	}
});

/* What was copied, by pasting it. */
async function pasted(view) {
	await pressKeys(view.page, 'search', 'Control+A', 'Control+V');
	const text = await view.part('search').inputValue();

	await pressKeys(view.page, 'Escape', 'ArrowUp', 'ArrowDown');
	return text;
}

const REFUSALS = {
	'as it is': undefined,
	'where the page may not use the clipboard': () => {
		window.Clipboard.prototype.writeText = () => Promise.reject(new Error('no'));
	},
	'where there is no such thing': () => {
		Object.defineProperty(window.Navigator.prototype, 'clipboard',
			{ value: undefined });
	},
};

for (const [when, before] of Object.entries(REFUSALS)) {
	browserTest(`names and stacks are copied ${when}`, async ({ open }) => {
		const view = await openView(open, { ...CLIPBOARD, before });
		const path = ['app', 'main', 'serve', 'Parse', 'parse'];
		const node = follow(TREE, path);
		const says = (text) => view.page.waitForFunction((wanted) =>
			document.querySelector('.live').textContent === wanted, `Copied: ${text}`);

		await clickOn(view, TREE, isAt(...path));
		await pressKeys(view.page, 'ArrowUp', 'ArrowDown', 'c');
		await says('parse');
		await checkFocus(view, node);
		assert.equal(await pasted(view), 'parse');
		await pressKeys(view.page, 'C');
		await says(path.join(';'));
		await checkFocus(view, node);
		assert.equal(await pasted(view), path.join(';'));
	});
}

browserTest('a stack is copied from its root on, also reversed', async ({ open }) => {
	const view = await openView(open, CLIPBOARD, 'html', 'a;b;c 3\nd 1\n');

	await pressKeys(view.page, 'reverse', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'C');
	await view.page.waitForFunction(() => document.querySelector('.live').textContent !== '');
	assert.equal(await readLive(view), 'Copied: b;c');
});

browserTest('a picture that cannot copy says so', async ({ open }) => {
	const view = await openView(open, { before: REFUSALS['where there is no such thing'] },
		'svg');

	await pressKeys(view.page, 'ArrowUp', 'ArrowUp', 'c');
	await view.page.waitForFunction(() => /does not let|Copied/u.test(
		document.querySelector('.live').textContent));
	await checkFocus(view, follow(TREE, ['app']));
});

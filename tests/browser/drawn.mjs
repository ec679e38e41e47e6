// SPDX-License-Identifier: Apache-2.0
/* What a view draws, against where the truth (trees.mjs) says that everything lies. */
import assert from 'node:assert/strict';

import { KEYS, PARTS } from './view.mjs';
import { layOut } from './trees.mjs';

const ROW = 16; /* pixels, where nothing else is asked for */
/* Places are drawn in tenths of a pixel; a half is left free behind boxes that have room for it. */
const CLOSE = 0.1 + 1e-6;
const GAP = 0.5;
const GAP_FROM = 1.5;
/* Wide enough for letters: a box says its name, or the beginning of it. */
const SAYS_NAME = 40;
const SAYS_NOTHING = 20;

/* { width, height, boxes, labels }; places are in pixels from the top left of frames. */
export function readDrawn(view) {
	return view.part('frames').evaluate((svg, parts) => {
		const box = /M(?<x>[\d.]+) (?<y>[\d.]+)h(?<width>[\d.]+)/gu;
		const of = (selector) => Array.from(svg.parentNode.querySelectorAll(selector));
		const boxesOf = (path) => {
			const { a, d, e, f } = path.getCTM();

			return Array.from(path.getAttribute('d').matchAll(box), ({ groups }) => ({
				x: groups.x * a + e, y: groups.y * d + f, width: groups.width * a,
				isHit: path.classList.contains('hit') }));
		};

		return { width: svg.clientWidth, height: svg.getBoundingClientRect().height,
			boxes: of(parts.shapes).flatMap(boxesOf),
			labels: of(parts.labels).map((label) => ({ x: Number(label.getAttribute('x')),
				y: Number(label.getAttribute('y')), text: label.textContent })) };
	}, PARTS);
}

function depthOf(y, { height }, inverted) {
	const row = Math.floor(y / ROW);

	return inverted ? row : height / ROW - 1 - row;
}

function byPlace(a, b) {
	return a.depth - b.depth || a.x - b.x;
}

function nameOfBox({ node, block }) {
	if (node)
		return node.name;
	return block.length === 1 ? '1 frame' : `${block.length.toLocaleString('en')} frames`;
}

function describe({ depth, x, width, ...box }) {
	return `${box.node || box.block ? nameOfBox(box) : 'a box'} at ${x.toFixed(2)}, ` +
		`row ${depth}, ${width.toFixed(2)} wide`;
}

function isClose(seen, wanted) {
	const widths = [
		...(wanted.width > GAP_FROM - CLOSE ? [wanted.width - GAP] : []),
		...(wanted.width < GAP_FROM + CLOSE ? [wanted.width] : []),
	];

	return seen.depth === wanted.depth && Math.abs(seen.x - wanted.x) <= CLOSE &&
		widths.some((width) => Math.abs(seen.width - width) <= CLOSE);
}

function checkLabels(drawn, boxes, inverted) {
	const seen = new Map(drawn.labels.map(({ x, y, text }) =>
		[`${depthOf(y, drawn, inverted)} ${(x - 3).toFixed(0)}`, text]));

	const root = boxes.find(({ depth, node }) => depth === 0 && node.name === 'all')?.node;

	for (const box of boxes) {
		/* Rounding may be either way. */
		const text = [Math.floor(box.x), Math.ceil(box.x)]
			.map((x) => seen.get(`${box.depth} ${x}`))
			.find((found) => found !== undefined);

		if (box.width >= SAYS_NAME)
			assert.notEqual(text, undefined, `no name: ${describe(box)}`);
		else if (box.width <= SAYS_NOTHING)
			continue;
		if (text?.endsWith('..'))
			assert.ok(nameOfBox(box).startsWith(text.slice(0, -2)),
				`${text}: ${describe(box)}`);
		else if (text !== undefined && !(box.node === root && text === 'all that is shown'))
			assert.equal(text, nameOfBox(box), describe(box));
	}
}

/*
 * That all that is drawn, and nothing else, is what layOut() says, to a tenth of a pixel, with its
 * names. boxes: from layOut(), for drawn.width.
 */
export function checkDrawn(drawn, boxes, inverted = false) {
	const seen = drawn.boxes.map((box) => ({ ...box, depth: depthOf(box.y, drawn, inverted) }))
		.sort(byPlace);
	const wanted = boxes.toSorted(byPlace);
	/* Blocks of just that width may be there or not. */
	const isLikely = ({ block, width }) => !block || width > 0.5 + CLOSE;

	for (let i = 0; i < Math.max(seen.length, wanted.length); i++) {
		if (wanted[i] && !isLikely(wanted[i]) && !(seen[i] && isClose(seen[i], wanted[i])))
			wanted.splice(i--, 1);
		else if (!wanted[i] || !seen[i] || !isClose(seen[i], wanted[i]))
			assert.fail(`drawn: ${seen[i] ? describe(seen[i]) : 'nothing'}; ` +
				`should be: ${wanted[i] ? describe(wanted[i]) : 'nothing'}`);
	}
	checkLabels(drawn, boxes, inverted);
}

/* That a view shows a node of the truth at full width; block: some of its callees. */
export async function checkZoom(view, node, { block = null, inverted = false } = {}) {
	const drawn = await readDrawn(view);

	checkDrawn(drawn, layOut(node, drawn.width, block), inverted);
}

/* The middle of a box of layOut() in the window, which is scrolled to where it is seen. */
function pointOf(view, drawn, box, inverted) {
	const row = inverted ? box.depth : drawn.height / ROW - 1 - box.depth;

	return view.part('frames').evaluate((svg, [x, y]) => {
		const pointNow = () => {
			const { left, top } = svg.getBoundingClientRect();

			return [left + x, top + y];
		};
		const isSeen = (point) => svg.contains(document.elementFromPoint(...point));

		if (!isSeen(pointNow()))
			window.scrollBy(0, pointNow()[1] - window.innerHeight / 2);
		if (!isSeen(pointNow()))
			throw new Error('what shall be pointed at is not seen');
		return pointNow();
	}, [box.x + box.width / 2, (row + 0.5) * ROW]);
}

async function boxOf(view, zoom, isWanted, block) {
	const box = layOut(zoom, (await readDrawn(view)).width, block).find(isWanted);

	assert.ok(box, 'what shall be pointed at is drawn');
	return box;
}

/* Where the middle of a box is in the window: [x, y]. */
export async function pointAtBox(view, box, inverted = false) {
	return pointOf(view, await readDrawn(view), box, inverted);
}

export async function clickBox(view, box, inverted = false) {
	await view.page.mouse.click(...await pointAtBox(view, box, inverted));
}

/*
 * Clicks on what isWanted() chooses of the boxes that a view has when it shows a node (and block);
 * returns that box.
 */
export async function clickOn(view, zoom, isWanted, { block = null, inverted = false } = {}) {
	const box = await boxOf(view, zoom, isWanted, block);

	await clickBox(view, box, inverted);
	return box;
}

/* The same with only the pointer. */
export async function pointOn(view, zoom, isWanted, { block = null, inverted = false } = {}) {
	const box = await boxOf(view, zoom, isWanted, block);

	await view.page.mouse.move(...await pointAtBox(view, box, inverted));
	return box;
}

/* For clickOn(): by the frames that lead to it, or their names. */
export function isAt(...path) {
	return ({ node }) => {
		let at = node;

		for (const step of path.toReversed()) {
			if (!at?.parent || (at.frame !== step && at.name !== step))
				return false;
			at = at.parent;
		}
		return at !== null && at.parent === null;
	};
}

export async function pressKeys(page, ...keys) {
	for (const key of keys)
		await page.keyboard.press(KEYS[key] ?? key);
}

/* The parts of the line of details, by what they are: name, kind, place, total, self. */
export function readDetails(view) {
	return view.part('details').evaluate((line) => Object.fromEntries(Array.from(
		line.querySelectorAll('span'), (span) => [span.className, span.textContent])));
}

export function readLive(view) {
	return view.part('live').textContent();
}

export function readChips(view) {
	return view.root.locator('.chips').evaluate((chips) =>
		Array.from(chips.children, (chip) => chip.textContent));
}

// SPDX-License-Identifier: Apache-2.0
/* Flame charts: frames in the order of time, with gaps where a caller did something itself. */
import assert from 'node:assert/strict';

import { checkDrawn, checkZoom, clickBox, pressKeys, readDetails, readDrawn } from './drawn.mjs';
import { draw } from './eprof.mjs';
import { matched, percent } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { growTree, ORDERS, readStacks, turn } from './trees.mjs';
import { viewOf } from './view.mjs';

const FOLDED = `\
main;parse;lex 40
main;parse 30
main;parse;lex 20
main;idle 25
main 15
main;parse;lex 60
main;parse 10
other;parse;scan 50
main;parse;lex 35
main;parse 45
`;
const STACKS = readStacks(FOLDED);

/* [{ name, depth, begin, end }]; a frame goes on as long as the lines that follow have it. */
function chartOf(stacks) {
	const frames = [{ name: 'all', depth: 0, begin: 0, end: 0 }];
	let open = [frames[0]];
	let time = 0;

	for (const { names, count } of stacks) {
		const kept = [...names, null].findIndex((name, i) => open[i + 1]?.name !== name);

		open = open.slice(0, kept + 1);
		for (const name of names.slice(kept)) {
			open.push({ name, depth: open.length, begin: time, end: time });
			frames.push(open.at(-1));
		}
		time += Number(count);
		for (const frame of open)
			frame.end = time;
	}
	return frames;
}

const CHART = chartOf(STACKS);
const TOTAL = CHART[0].end;

function lasts({ begin, end }) {
	return end - begin;
}

/* All that there is to draw while one frame has all the width. */
function layChart(zoom, width) {
	const scale = width / lasts(zoom);
	const isIn = (frame) => frame.depth > zoom.depth && frame.begin >= zoom.begin &&
		frame.end <= zoom.end;
	const leadsTo = (frame) => frame.depth <= zoom.depth && frame.begin <= zoom.begin &&
		frame.end >= zoom.end;

	return CHART.filter((frame) => isIn(frame) || leadsTo(frame)).map((frame) => ({
		depth: frame.depth, node: frame, block: null,
		x: leadsTo(frame) ? 0 : (frame.begin - zoom.begin) * scale,
		width: leadsTo(frame) ? width : lasts(frame) * scale }));
}

async function checkChart(view, zoom) {
	const drawn = await readDrawn(view);

	checkDrawn(drawn, layChart(zoom, drawn.width));
}

async function clickFrame(view, zoom, frame) {
	const boxes = layChart(zoom, (await readDrawn(view)).width);

	await clickBox(view, boxes.find(({ node }) => node === frame));
}

async function openView(open, options = {}) {
	return viewOf(await open(draw(FOLDED, 'svg', ['--flamechart']), options));
}

browserTest('gaps keep their room, and nothing is drawn there', async ({ open }) => {
	const view = await openView(open);
	const lexes = CHART.filter(({ name }) => name === 'lex');

	assert.equal(lexes.length, 4, 'what has a gap in between is two');
	assert.deepEqual(CHART.filter(({ name }) => name === 'parse').map(lasts), [90, 70, 50, 80]);
	await checkChart(view, CHART[0]);
	const { width } = await readDrawn(view);
	const gap = { depth: lexes[0].depth, x: lexes[0].end * width / TOTAL,
		width: 30 * width / TOTAL };

	await clickBox(view, gap);
	await checkChart(view, CHART[0]);
	assert.equal(await view.hovered(), null, 'nothing is told of a gap');
});

browserTest('that frame is zoomed to, not another one of its name', async ({ open }) => {
	const view = await openView(open);
	const parses = CHART.filter(({ name }) => name === 'parse');

	for (const parse of parses.toReversed()) {
		await clickFrame(view, CHART[0], parse);
		await checkChart(view, parse);
		const hash = await view.page.evaluate(() => window.location.hash);

		await checkChart(await openView(open, { hash }), parse);
		await pressKeys(view.page, 'reset');
	}
	const main = CHART.find(({ name, begin }) => name === 'main' && begin > 0);

	await clickFrame(view, CHART[0], main);
	await checkChart(view, main);
	await pressKeys(view.page, 'ArrowUp', 'zoom');
	await checkChart(view, parses.at(-1));
	await pressKeys(view.page, 'out');
	await checkChart(view, main);
	await view.page.goBack();
	await checkChart(view, parses.at(-1));
});

browserTest('a gap is time of the frame itself, in its details and reversed', async ({ open }) => {
	const view = await openView(open);
	const parse = CHART.find(({ name }) => name === 'parse');

	await clickFrame(view, CHART[0], parse);
	const details = await readDetails(view);

	assert.ok(details.total.startsWith('90 samples, '), details.total);
	assert.equal(details.self, `self 30 samples, ${percent(30n, BigInt(TOTAL))}`);
	await pressKeys(view.page, 'reverse');
	await checkZoom(view, growTree(turn(STACKS, { reversed: true }), ORDERS.name));
	await pressKeys(view.page, 'merge', 'reverse');
	await checkZoom(view, growTree(STACKS, ORDERS.name));
});

browserTest('matches are counted with their gaps, which match nothing', async ({ open }) => {
	const view = await openView(open);

	for (const pattern of ['parse', 'lex', '^main$', '^$', 'lex|scan', 'a*']) {
		const count = matched(STACKS, new RegExp(pattern, 'u'));

		await view.search(pattern);
		assert.equal(await view.matched(),
			`Matched: ${count} samples, ${percent(count, BigInt(TOTAL))}`, pattern);
	}
	await view.search('parse');
	await pressKeys(view.page, 'Enter');
	const parses = CHART.filter(({ name }) => name === 'parse');
	const lasting = (time) => parses.find((parse) => lasts(parse) === time);

	await checkChart(view, lasting(90));
	for (const time of [80, 70, 50, 90]) {
		await pressKeys(view.page, 'Enter');
		await checkChart(view, lasting(time));
	}
});

browserTest('one of several frames of a name is hidden', async ({ open }) => {
	const view = await openView(open);
	const [, second] = CHART.filter(({ name }) => name === 'parse');

	await clickFrame(view, CHART[0], second);
	await pressKeys(view.page, 'h', 'reset');
	assert.match(await view.root.locator('.shown').textContent(),
		new RegExp(`^${TOTAL - lasts(second)} samples of ${TOTAL} samples shown$`, 'u'));
	const drawn = await readDrawn(view);
	const scale = drawn.width / (TOTAL - lasts(second));
	const widest = Math.max(...drawn.boxes.filter(({ y }) => y === drawn.height - 3 * 16)
		.map(({ width }) => width));

	assert.ok(Math.abs(widest + 0.5 - 90 * scale) < 0.2, 'the first one has the most time');
	await view.page.goBack();
	await view.page.goBack();
	await checkChart(view, second);
});

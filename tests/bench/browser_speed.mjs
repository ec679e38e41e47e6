#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * How fast eprof's picture is in Chromium: to load and paint it, zoom, reset, search, and hover, for
 * generated files (tests/bench/folded_stacks) of 10k, 100k and 1M stacks.
 *
 *	browser_speed.mjs [--stacks N,N,...] [--rounds N] [--form svg|html] [--peer [STACKS:]FILE]...
 *
 * Each time is the page's own, from the event (or the navigation) to the second animation frame
 * after all is done, so that layout and painting are in it; "two frames" is what nothing at all
 * takes. Each round loads the page anew; shown are medians. A peer is the page of another renderer,
 * drawn from as many stacks (100000): its load and paint, and the ratio to ours. A page that goes on
 * loading after its load event is so measured as faster than it is.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { endBrowser, openPage } from '../browser/chromium.mjs';
import { EPROF, newPath, ROOT, runEprof } from '../browser/eprof.mjs';
import { PARTS, viewOf } from '../browser/view.mjs';

const GENERATOR = process.env.EPROF_FOLDED_STACKS ??
	path.join(path.dirname(EPROF), 'tests/folded_stacks');
const PATTERN = 'get|alloc';
/* A frame that is this much of the widest one, or less, is zoomed to. */
const ZOOMED_SHARE = 0.6;
const HOVERS = 8;
const PEER_STACKS = 100_000;
const EXIT_MISSING = 0;
const EXIT_SHORT = 1;

/* Milliseconds that are asked for, by the number of stacks. */
const BUDGETS = { 100_000: { load: 800, zoom: 50, search: 100 } };

/* In the page: what is called with an event is done when this many frames have been shown. */
function prepare() {
	const afterTwoFrames = (start, done) => new Promise((resolve) => {
		const look = () => (done() ? requestAnimationFrame(() => requestAnimationFrame(
			() => resolve(performance.now() - start))) : requestAnimationFrame(look));

		look();
	});

	window.afterEvent = (type, done) => {
		window.measured = new Promise((resolve, reject) => {
			setTimeout(() => reject(new Error(`no ${type}, or no end to it`)), 60_000);
			addEventListener(type, (event) => resolve(afterTwoFrames(event.timeStamp,
				new Function(`return ${done}`))), { capture: true, once: true });
		});
	};
	window.afterNothing = () => afterTwoFrames(performance.now(), () => true);
	window.loaded = new Promise((resolve) => {
		addEventListener('load', () => resolve(afterTwoFrames(0, () => true)));
	});
}

async function measure(page, type, act, done = 'true') {
	await page.evaluate(([name, condition]) => window.afterEvent(name, condition), [type, done]);
	await act();
	return page.evaluate(() => window.measured);
}

/* The middle of a box on the screen. */
async function placeOf(view, box) {
	const frames = await view.part('frames').evaluate((svg, y) => {
		window.scrollBy(0, svg.getBoundingClientRect().top + y - window.innerHeight / 2);
		const { left, top } = svg.getBoundingClientRect();

		return { left, top };
	}, box.y);

	return [frames.left + box.x + box.width / 2, frames.top + box.y + 3];
}

/* A frame to zoom to: the widest of those that are not nearly everything. */
function chooseBox(boxes) {
	const whole = Math.max(...boxes.map(({ width }) => width));

	return boxes.filter(({ width }) => width < ZOOMED_SHARE * whole)
		.reduce((best, box) => (box.width > best.width ? box : best));
}

async function hoverTimes(view, boxes) {
	const wide = boxes.filter(({ width }) => width > 2).slice(0, HOVERS * 50);
	const times = [];

	for (let i = 0; i < HOVERS && i < wide.length; i++) {
		const [x, y] = await placeOf(view, wide[Math.floor(i * wide.length / HOVERS)]);

		/* A pointer that stays where it is tells nothing. */
		times.push(await measure(view.page, 'pointermove', () =>
			view.page.mouse.move(x, y + i % 2)));
	}
	return times;
}

/* { action: milliseconds } of one page. */
async function measureView(file) {
	const { page, faults, close } = await openPage(file, { before: prepare });
	const seen = { load: await page.evaluate(() => window.loaded) };
	const view = await viewOf(page);
	const boxes = await view.boxes();

	seen['two frames'] = await page.evaluate(() => window.afterNothing());
	seen.hover = median(await hoverTimes(view, boxes));
	const place = await placeOf(view, chooseBox(boxes));

	await page.mouse.move(...place);
	seen.zoom = await measure(page, 'click', () => page.mouse.click(...place));
	seen.reset = await measure(page, 'keydown', () => view.press('reset'));
	await view.part('search').focus();
	seen.search = await measure(page, 'input', () => page.keyboard.insertText(PATTERN),
		`/%/.test(document.querySelector('${PARTS.matched}').textContent)`);
	await close();
	if (faults.length > 0)
		throw new Error(`${file}: ${faults.join('; ')}`);
	return seen;
}

/* A page that takes so long that openPage() gives up is said to take forever. */
async function measurePeer(file) {
	try {
		const { page, close } = await openPage(file, { before: prepare });
		const load = await page.evaluate(() => window.loaded);

		await close();
		return load;
	} catch (error) {
		return Infinity;
	}
}

function median(values) {
	const sorted = [...values].sort((a, b) => a - b);

	return sorted[Math.floor(sorted.length / 2)];
}

/* The picture of so many stacks. */
function drawStacks(stacks, form) {
	const folded = newPath('folded');
	const picture = newPath(form);
	const out = fs.openSync(folded, 'w');
	const { status, error } = spawnSync(GENERATOR, [String(stacks)],
		{ stdio: ['ignore', out, 'inherit'] });

	fs.closeSync(out);
	if (status !== 0)
		throw new Error(`${GENERATOR}: ${error ?? status}`);
	runEprof('flamegraph', folded, '-o', picture);
	fs.unlinkSync(folded);
	return picture;
}

function milliseconds(value) {
	return `${value.toFixed(0)} ms`.padStart(12);
}

const ACTIONS = ['load', 'zoom', 'reset', 'search', 'hover', 'two frames'];

/* Peers and the picture take turns. Returns what is short of the budget. */
async function compare(stacks, form, peers, rounds) {
	const picture = drawStacks(stacks, form);
	const ours = [];
	const theirs = peers.map(() => []);

	for (let round = 0; round < rounds; round++) {
		ours.push(await measureView(picture));
		for (const [i, peer] of peers.entries())
			theirs[i].push(await measurePeer(peer));
	}
	const medians = Object.fromEntries(ACTIONS.map((action) =>
		[action, median(ours.map((seen) => seen[action]))]));
	const size = (fs.statSync(picture).size / (1 << 20)).toFixed(1);

	console.log(`${`${stacks} stacks, ${size} MiB`.padEnd(28)}` +
		ACTIONS.map((action) => milliseconds(medians[action])).join(''));
	for (const [i, peer] of peers.entries())
		console.log(`  ${path.basename(peer).padEnd(26)}${milliseconds(median(theirs[i]))}` +
			`   ${(median(theirs[i]) / medians.load).toFixed(2)} of ours`);
	fs.unlinkSync(picture);
	return Object.entries(BUDGETS[stacks] ?? {}).filter(([action, most]) => medians[action] > most)
		.map(([action, most]) => `${stacks} stacks: ${action} takes ` +
			`${medians[action].toFixed(0)} ms, ${most} are asked for`);
}

/* Where npm or Chromium is not, nothing can be measured. */
function findModules() {
	if (process.env.EPROF_NODE_MODULES)
		return true;
	const folder = path.join(path.dirname(EPROF), 'tests/browser');

	process.env.EPROF_NODE_MODULES = path.join(folder, 'node_modules');
	return spawnSync(`${ROOT}/tests/browser/install.sh`, [folder], { stdio: 'inherit' }).status === 0;
}

function peersOf(words, stacks) {
	return words.map((word) => /^(?:(?<stacks>\d+):)?(?<file>.*)$/u.exec(word).groups)
		.filter((peer) => Number(peer.stacks ?? PEER_STACKS) === stacks)
		.map(({ file }) => path.resolve(file));
}

async function main() {
	const { values } = parseArgs({ options: {
		stacks: { type: 'string', default: '10000,100000,1000000' },
		rounds: { type: 'string', default: '5' },
		form: { type: 'string', default: 'svg' },
		peer: { type: 'string', multiple: true, default: [] },
	} });

	if (!findModules())
		return EXIT_MISSING;
	const short = [];

	console.log(' '.repeat(28) + ACTIONS.map((action) => action.padStart(12)).join(''));
	try {
		for (const stacks of values.stacks.split(',').map(Number))
			short.push(...await compare(stacks, values.form, peersOf(values.peer, stacks),
				Number(values.rounds)));
	} finally {
		await endBrowser();
	}
	for (const line of short)
		console.log(`short of what is asked: ${line}`);
	return short.length > 0 ? EXIT_SHORT : 0;
}

process.exitCode = await main();

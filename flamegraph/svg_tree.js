/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zoom, search and details for one picture. The static drawing is replaced by one made from the
 * packed tree (svg_pack.c says how it is packed), so that zooming shows what was too narrow before
 * and every percentage comes from whole counts, never from pixels. Only what the view shows becomes
 * an element. All loops are iterative: stacks may be tens of thousands of frames deep.
 *
 * One function in three files, put behind each other: svg_tree.js has the data and the words,
 * svg_view.js the drawing, svg_controls.js what people do.
 */
(function () {
'use strict';

const SVG = 'http://www.w3.org/2000/svg';
const XHTML = 'http://www.w3.org/1999/xhtml';
const MARGIN = 10;
const ROW = 16;
const ROWS_MAX = 20000;
const GLYPH = 7.2;
const NARROWEST = 0.5; /* pixels */

const script = document.currentScript;
const root = script && script.closest ? script.closest('svg') : document.documentElement;
const framesGroup = root.querySelector('.frames');
const footGroup = root.querySelector('.foot');
const details = root.querySelector('.details');
const unit = root.dataset.unit;
const width = root.viewBox.baseVal.width;
const top = Number(root.dataset.top);
const rowsAtFirst = Number(root.dataset.rows);
const belowFrames = root.viewBox.baseVal.height - top - rowsAtFirst * ROW;

/* What is waited for, by the letter of its class; empty where the picture is not of waiting. */
const kinds = new Map(Array.from(root.querySelectorAll('.legend .kind'),
	(entry) => [entry.dataset.letter, entry.dataset.kind]));
const WORK = 'w';

const labels = readLabels();
const tree = readTree(Number(root.dataset.nodes));
const shown = tree.sums;       /* all that there is */
const working = withoutWork(); /* the same but waiting for work; null: it cannot be hidden */
const workTotal = working ? shown.totals[0] - working.totals[0] : 0;

function packed(className) {
	return Array.from(root.querySelectorAll('metadata.' + className),
		(element) => element.textContent).join('');
}

function readLabels() {
	const lines = packed('labels').split('\n');

	lines.pop();
	return {
		classes: lines.map((line) => line.slice(0, 2)),
		names: lines.map((line) => line.slice(2)),
	};
}

function readTree(capacity) {
	const text = packed('nodes');
	const label = new Uint32Array(capacity);
	const parent = new Int32Array(capacity);
	const depth = new Uint32Array(capacity);
	const end = new Int32Array(capacity);
	const selves = new Float64Array(capacity);
	let position = 0;
	let count = 1;
	let before = 0; /* the node before */

	function number() {
		let value = 0;
		let weight = 1;

		for (;;) {
			const digit = text.charCodeAt(position++) - 63;

			value += (digit & 31) * weight;
			if (digit < 32)
				return value;
			weight *= 32;
		}
	}

	parent[0] = -1;
	while (position < text.length && count < capacity) {
		const head = number();

		for (let climb = head & 1 ? number() : 0; climb > 0; climb--) {
			end[before] = count;
			before = parent[before];
		}
		parent[count] = before;
		depth[count] = depth[before] + 1;
		label[count] = Math.floor(head / 4);
		selves[count] = head & 2 ? number() : 0;
		before = count++;
	}
	for (; before >= 0; before = parent[before])
		end[before] = count;
	return { count, label, parent, depth, end, selves,
		sums: sumUp(count, parent, selves.slice()) };
}

/* Turns self counts into totals, and lays siblings side by side. */
function sumUp(count, parent, totals) {
	const lefts = new Float64Array(count);
	const filled = new Float64Array(count);

	for (let i = count - 1; i > 0; i--)
		totals[parent[i]] += totals[i];
	for (let i = 1; i < count; i++) {
		lefts[i] = lefts[parent[i]] + filled[parent[i]];
		filled[parent[i]] += totals[i];
	}
	return { totals, lefts };
}

/* What a stack waited for is the kind of the last frame in it that has one (waits.h). */
function withoutWork() {
	const selves = tree.selves.slice();
	const isWork = new Uint8Array(tree.count);

	if (!kinds.has(WORK))
		return null;
	for (let i = 1; i < tree.count; i++) {
		const letter = letterOf(i);

		isWork[i] = kinds.has(letter) ? Number(letter === WORK) : isWork[tree.parent[i]];
		if (isWork[i])
			selves[i] = 0;
	}
	const sums = sumUp(tree.count, tree.parent, selves);

	return sums.totals[0] > 0 ? sums : null;
}

function letterOf(node) {
	return node === 0 ? 'n' : labels.classes[tree.label[node]][0];
}

function grouped(value) {
	return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/* As text_put_time() of text.c. */
function timeText(microseconds) {
	let value = microseconds;
	let step = 1;
	let of = 0;
	let decimals = 0;

	while (value > 999 && (of < 2 || decimals > 0)) {
		step *= 10;
		value = Math.floor(microseconds / step + 0.5);
		of += decimals === 0 ? 1 : 0;
		decimals = decimals === 0 ? 2 : decimals - 1;
	}
	return (decimals ? (value / 10 ** decimals).toFixed(decimals) : grouped(value)) +
		[' us', ' ms', ' s'][of];
}

function countText(count) {
	return unit === 'microseconds' ? timeText(count) : grouped(count) + ' ' + unit;
}

function percent(part, whole) {
	return (Math.floor(part / whole * 10000 + 0.5) / 100).toFixed(2) + '%';
}

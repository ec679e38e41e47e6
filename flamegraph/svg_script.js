/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zoom, search and details for one picture. The static drawing is replaced by one made from the
 * packed tree (svg_pack.c says how it is packed), so that zooming shows what was too narrow before
 * and every percentage comes from whole counts, never from pixels. Only what the view shows becomes
 * an element. All loops are iterative: stacks may be tens of thousands of frames deep.
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

const labels = readLabels();
const tree = readTree(Number(root.dataset.nodes));

/*
 * A view is a row of siblings, most often one: the nodes first .. end - 1, drawn at full width upon
 * the frames that lead to them.
 */
const wholeView = { first: 0, end: tree.count, left: 0, total: tree.totals[0] };
let view = wholeView;
let pattern = null;
let marks = null;  /* by label: 1 if the pattern matches */
let chosen = -1;   /* the node that the arrow keys move */
let elements = new Map(); /* node -> its element */

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
	const totals = new Float64Array(capacity);
	const lefts = new Float64Array(capacity);
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
		totals[count] = head & 2 ? number() : 0;
		before = count++;
	}
	for (; before >= 0; before = parent[before])
		end[before] = count;
	sumUp(count, parent, totals, lefts);
	return { count, label, parent, depth, end, totals, lefts };
}

/* Turns self counts into totals, and lays siblings side by side. */
function sumUp(count, parent, totals, lefts) {
	const filled = new Float64Array(count);

	for (let i = count - 1; i > 0; i--)
		totals[parent[i]] += totals[i];
	for (let i = 1; i < count; i++) {
		lefts[i] = lefts[parent[i]] + filled[parent[i]];
		filled[parent[i]] += totals[i];
	}
}

function nameOf(node) {
	return node === 0 ? 'all' : labels.names[tree.label[node]];
}

function grouped(value) {
	return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

function percent(part, whole) {
	return (Math.floor(part / whole * 10000 + 0.5) / 100).toFixed(2) + '%';
}

function describe(text, total) {
	const share = total === tree.totals[0] ? '100%' : percent(total, tree.totals[0]);

	return text + ' (' + grouped(total) + ' ' + unit + ', ' + share + ')';
}

function describeInView(text, total) {
	let line = text + ' (' + grouped(total) + ' ' + unit + ', ' +
		percent(total, tree.totals[0]) + ' of all';

	if (view !== wholeView && total <= view.total)
		line += ', ' + percent(total, view.total) + ' of view';
	return line + ')';
}

function make(name, attributes, text) {
	const element = document.createElementNS(SVG, name);

	for (const key in attributes)
		element.setAttribute(key, attributes[key]);
	if (text !== undefined)
		element.textContent = text;
	return element;
}

function shorten(name, pixels) {
	const room = Math.floor((pixels - 6) / GLYPH);
	const glyphs = Array.from(name.slice(0, Math.max(0, 2 * room + 2)));

	if (room < 3)
		return '';
	if (glyphs.length <= room)
		return glyphs.join('');
	return glyphs.slice(0, room - 2).join('') + '..';
}

function box(className, title, x, pixels, depth) {
	const group = make('g', { class: className });
	const y = -(depth + 1) * ROW;

	group.append(make('title', {}, title), make('rect', {
		x: x.toFixed(2), y,
		width: (pixels > 1.5 ? pixels - 0.5 : pixels).toFixed(2), height: 15,
	}));
	return group;
}

function drawFrame(into, node, x, pixels, isBelow) {
	const name = nameOf(node);
	const className = node === 0 ? 'n0' : labels.classes[tree.label[node]];
	const group = box(className, describe(name, tree.totals[node]), x, pixels,
		tree.depth[node]);
	const text = shorten(name, pixels);

	if (text)
		group.append(make('text',
			{ x: (x + 3).toFixed(2), y: -(tree.depth[node] + 1) * ROW + 12 }, text));
	group.classList.toggle('below', isBelow);
	group.classList.toggle('hit', isHit(node));
	group.classList.toggle('chosen', node === chosen);
	group.node = node;
	elements.set(node, group);
	into.append(group);
}

/* Neighbours that are too narrow, as one block. A click on it makes them the view. */
function drawRun(into, run, scale) {
	const pixels = run.total * scale;

	if (run.count === 0 || pixels < NARROWEST)
		return;
	const group = box('rest', describe(grouped(run.count) + ' narrow frame' +
		(run.count === 1 ? '' : 's'), run.total), (run.left - view.left) * scale, pixels,
		tree.depth[run.first]);

	group.run = run;
	into.append(group);
}

function isHit(node) {
	return marks !== null && node !== 0 && marks[tree.label[node]] === 1;
}

/* The rows that the view's frames fill; draws them into the fragment. */
function drawView(into) {
	const scale = (width - 2 * MARGIN) / view.total;
	let rows = tree.depth[view.first] + 1;
	let run = { count: 0 };

	for (let node = tree.parent[view.first]; node >= 0; node = tree.parent[node]) {
		if (tree.depth[node] < ROWS_MAX)
			drawFrame(into, node, 0, width - 2 * MARGIN, true);
	}
	for (let node = view.first; node < view.end;) {
		const pixels = tree.totals[node] * scale;
		const end = tree.end[node];

		if (tree.depth[node] >= ROWS_MAX) {
			node = end;
			continue;
		}
		if (run.count > 0 && (pixels >= NARROWEST || tree.parent[node] !== run.parent)) {
			drawRun(into, run, scale);
			run = { count: 0 };
		}
		rows = Math.max(rows, tree.depth[node] + 1);
		if (pixels >= NARROWEST) {
			drawFrame(into, node, (tree.lefts[node] - view.left) * scale, pixels, false);
			node++;
			continue;
		}
		if (run.count === 0)
			run = { count: 0, parent: tree.parent[node], first: node,
				left: tree.lefts[node], total: 0 };
		run.count++;
		run.total += tree.totals[node];
		run.end = end;
		node = end;
	}
	drawRun(into, run, scale);
	return Math.min(rows, ROWS_MAX);
}

function draw() {
	const fragment = document.createDocumentFragment();

	elements = new Map();
	const rows = Math.max(drawView(fragment), rowsAtFirst);
	const bottom = top + rows * ROW;
	const height = bottom + belowFrames;

	framesGroup.replaceChildren(fragment);
	framesGroup.setAttribute('transform', 'translate(' + MARGIN + ',' + bottom + ')');
	footGroup.setAttribute('transform', 'translate(0,' + bottom + ')');
	root.setAttribute('height', height);
	root.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
	resetButton.classList.toggle('hidden', view === wholeView);
	showMatched();
}

function show(next) {
	view = next;
	draw();
}

function reset() {
	show(wholeView);
}

function zoomTo(node) {
	if (node === 0)
		return reset();
	show({ first: node, end: tree.end[node], left: tree.lefts[node],
		total: tree.totals[node] });
}

/* The counts of the topmost hits within first .. end - 1: what lies on a hit is not added again. */
function sumHits(first, end) {
	let sum = 0;

	for (let node = first; node < end;) {
		if (isHit(node)) {
			sum += tree.totals[node];
			node = tree.end[node];
		} else {
			node++;
		}
	}
	return sum;
}

function sumHitsInView() {
	for (let node = tree.parent[view.first]; node >= 0; node = tree.parent[node]) {
		if (isHit(node))
			return view.total;
	}
	return sumHits(view.first, view.end);
}

function showMatched() {
	if (marks === null)
		return;
	let text = 'Matched: ' + percent(sumHits(0, tree.count), tree.totals[0]);

	if (view !== wholeView)
		text += ' (' + percent(sumHitsInView(), view.total) + ' of view)';
	matched.textContent = text;
	matched.classList.remove('error');
}

/* Marks are made per distinct name, of which there are far fewer than frames. */
function search(text) {
	pattern = null;
	marks = null;
	matched.textContent = '';
	matched.classList.remove('error');
	if (text !== '') {
		try {
			pattern = new RegExp(text, 'u');
		} catch (error) {
			matched.textContent = 'Not a pattern: ' + text;
			matched.classList.add('error');
		}
	}
	if (pattern !== null)
		marks = Uint8Array.from(labels.names, (name) => pattern.test(name) ? 1 : 0);
	for (const [node, element] of elements)
		element.classList.toggle('hit', isHit(node));
	showMatched();
}

function button(x, anchor, text, action) {
	const element = make('text', { class: 'button', x, y: 24, 'text-anchor': anchor,
		tabindex: 0, role: 'button' }, text);

	element.addEventListener('click', action);
	element.addEventListener('keydown', (event) => {
		if (event.key !== 'Enter' && event.key !== ' ')
			return;
		event.preventDefault();
		event.stopPropagation();
		action();
	});
	root.append(element);
	return element;
}

const resetButton = button(MARGIN, 'start', 'Reset zoom', reset);
const searchButton = button(width - MARGIN, 'end', 'Search', openSearch);
const matched = make('text', { class: 'matched', x: width - MARGIN, y: 18,
	'text-anchor': 'end', 'aria-live': 'polite' });
const prompt = makePrompt();

function makePrompt() {
	const box = make('foreignObject', { class: 'hidden', x: width - MARGIN - 300, y: 6,
		width: 300, height: 24 });
	const input = document.createElementNS(XHTML, 'input');

	input.setAttribute('type', 'text');
	input.setAttribute('placeholder', 'regular expression');
	input.setAttribute('aria-label', 'Search names');
	input.addEventListener('input', () => search(input.value));
	input.addEventListener('keydown', (event) => {
		event.stopPropagation();
		if (event.key === 'Enter')
			return search(input.value);
		if (event.key === 'Escape')
			closeSearch();
	});
	box.append(input);
	root.append(box);
	return { box, input };
}

function openSearch() {
	prompt.box.classList.remove('hidden');
	searchButton.classList.add('hidden');
	prompt.input.focus();
	prompt.input.select();
}

function closeSearch() {
	prompt.input.value = '';
	prompt.input.blur();
	prompt.box.classList.add('hidden');
	searchButton.classList.remove('hidden');
	search('');
}

function choose(node) {
	const old = elements.get(chosen);
	const element = elements.get(node);

	if (!element)
		return;
	if (old)
		old.classList.remove('chosen');
	chosen = node;
	element.classList.add('chosen');
	details.textContent = describeInView(nameOf(node), tree.totals[node]);
}

/* Up goes to the widest callee, down to the caller, left and right to drawn neighbours. */
function neighbour(key) {
	const parent = tree.parent[chosen];
	let best = -1;

	if (key === 'ArrowDown')
		return parent;
	if (key === 'ArrowUp') {
		for (let i = chosen + 1; i < tree.end[chosen]; i = tree.end[i]) {
			if (best < 0 || tree.totals[i] > tree.totals[best])
				best = i;
		}
		return best;
	}
	for (let i = parent + 1; parent >= 0 && i < tree.end[parent]; i = tree.end[i]) {
		if (!elements.has(i) || i === chosen)
			continue;
		if (key === 'ArrowLeft' && i < chosen)
			best = i;
		if (key === 'ArrowRight' && i > chosen)
			return i;
	}
	return best;
}

/* Several pictures may share a page; keys go to the one under the pointer. */
function isAddressed() {
	return document.querySelectorAll('svg.eprof').length < 2 ||
		root.matches(':hover') || root.matches(':focus-within');
}

function onKey(event) {
	if (!isAddressed() || event.altKey || /^(input|textarea|select)$/i.test(event.target.tagName))
		return;
	if (event.ctrlKey || event.metaKey) {
		if (event.key !== 'f')
			return;
		openSearch();
	} else if (event.key === '/') {
		openSearch();
	} else if (event.key === 'Escape' || event.key === '0') {
		reset();
	} else if (event.key === 'Enter' && chosen >= 0) {
		zoomTo(chosen);
	} else if (/^Arrow(Up|Down|Left|Right)$/.test(event.key) && !event.shiftKey) {
		choose(elements.has(chosen) ? neighbour(event.key) : view.first);
	} else {
		return;
	}
	event.preventDefault();
}

function groupOf(event) {
	const group = event.target.closest && event.target.closest('g');

	return group && (group.node !== undefined || group.run) ? group : null;
}

framesGroup.addEventListener('click', (event) => {
	const group = groupOf(event);

	if (!group)
		return;
	if (group.run)
		show(group.run);
	else
		zoomTo(group.node);
});
framesGroup.addEventListener('mouseover', (event) => {
	const group = groupOf(event);

	if (group && group.run)
		details.textContent = describeInView(grouped(group.run.count) +
			' narrow frames', group.run.total);
	else if (group)
		details.textContent = describeInView(nameOf(group.node), tree.totals[group.node]);
});
framesGroup.addEventListener('mouseout', () => {
	details.textContent = '';
});
window.addEventListener('keydown', onKey);
footGroup.append(matched);
draw();
})();

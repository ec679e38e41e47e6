/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is drawn: a view of the tree, with or without waiting for work. A view is a row of siblings,
 * most often one: the nodes first .. end - 1, drawn at full width upon the frames that lead to
 * them. A node whose total is 0 is hidden.
 */
let sums = working || shown; /* what the numbers and widths are of */
let view = viewOf(0, tree.count);
let marks = null;  /* by label: 1 if the pattern of the search matches */
let chosen = -1;   /* the node that the arrow keys move */
let elements = new Map(); /* node -> its element */
const heights = new Map([[shown, rowsAtFirst]]); /* of the whole, in rows */

function viewOf(first, end) {
	let total = 0;

	for (let node = first; node < end; node = tree.end[node])
		total += sums.totals[node];
	return { first, end, left: sums.lefts[first], total };
}

function isWhole() {
	return view.first === 0;
}

function nameOf(node) {
	if (node === 0)
		return sums === shown ? 'all' : 'all but waiting for work';
	return labels.names[tree.label[node]];
}

/* ", lock", or nothing */
function kindText(node) {
	const kind = kinds.get(letterOf(node));

	return kind ? ', ' + kind : '';
}

function runText(run) {
	return grouped(run.count) + ' narrow frame' + (run.count === 1 ? '' : 's');
}

function describe(text, total, kind, isRoot) {
	return text + ' (' + countText(total) + ', ' +
		(isRoot ? '100%' : percent(total, sums.totals[0])) + kind + ')';
}

function ofAll() {
	return sums === shown ? ' of all' : ' of what is shown';
}

function describeInView(text, total, kind) {
	let line = text + ' (' + countText(total) + ', ' + percent(total, sums.totals[0]) + ofAll();

	if (!isWhole() && total <= view.total)
		line += ', ' + percent(total, view.total) + ' of view';
	return line + kind + ')';
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
	const title = describe(name, sums.totals[node], kindText(node), node === 0);
	const group = box(className, title, x, pixels, tree.depth[node]);
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
	const group = box('rest', describe(runText(run), run.total, '', false),
		(run.left - view.left) * scale, pixels, tree.depth[run.first]);

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
		const pixels = sums.totals[node] * scale;
		const end = tree.end[node];

		if (tree.depth[node] >= ROWS_MAX || sums.totals[node] === 0) {
			node = end;
			continue;
		}
		if (run.count > 0 && (pixels >= NARROWEST || tree.parent[node] !== run.parent)) {
			drawRun(into, run, scale);
			run = { count: 0 };
		}
		rows = Math.max(rows, tree.depth[node] + 1);
		if (pixels >= NARROWEST) {
			drawFrame(into, node, (sums.lefts[node] - view.left) * scale, pixels, false);
			node++;
			continue;
		}
		if (run.count === 0)
			run = { count: 0, parent: tree.parent[node], first: node,
				left: sums.lefts[node], total: 0 };
		run.count++;
		run.total += sums.totals[node];
		run.end = end;
		node = end;
	}
	drawRun(into, run, scale);
	return Math.min(rows, ROWS_MAX);
}

function draw() {
	const fragment = document.createDocumentFragment();

	elements = new Map();
	const drawn = drawView(fragment);

	if (isWhole() && !heights.has(sums))
		heights.set(sums, drawn);
	const rows = Math.max(drawn, heights.get(sums) || 0);
	const bottom = top + rows * ROW;
	const height = bottom + belowFrames;

	framesGroup.replaceChildren(fragment);
	framesGroup.setAttribute('transform', 'translate(' + MARGIN + ',' + bottom + ')');
	footGroup.setAttribute('transform', 'translate(0,' + bottom + ')');
	root.setAttribute('height', height);
	root.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
}

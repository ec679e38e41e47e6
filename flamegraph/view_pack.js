/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The view of a call tree: what people see and press where scripts run. It draws from the packed
 * tree that the picture carries (svg_pack.c), so that zooming shows what was too narrow before, and
 * each figure comes from whole counts, never from pixels. Plain ECMAScript, and no library.
 *
 * One function in several files, put behind each other in this order:
 *   view_pack.js     the packed tree, read
 *   view_tree.js     the tree as it is, and what is left out of it
 *   view_derived.js  the tree from its leaves, or without recursion, made as it is looked at
 *   view_words.js    counts and shares as text
 *   view_colours.js  which class a frame is drawn in
 *   view_details.js  what is told of one frame
 *   view_layout.js   where the frames of a view lie
 *   view_search.js   patterns and what they match
 *   view.js          the picture: what is drawn, zoomed and told
 *   view_legend.js   what colours mean
 *   view_bar.js      buttons, the way back, search
 *   view_menu.js     what can be done with one frame
 *   view_input.js    keys, pointers and fingers
 *   view_history.js  the address: where one is, by names
 *   view_start.js    finds the pictures of a page and puts a view in the place of each
 * All walks are loops: stacks may be tens of thousands of frames deep.
 */
(function () {
'use strict';

const DIGIT_ZERO = 63; /* '?', see svg_pack.c */
const GAP_LETTER = 'g'; /* what a caller in a flame chart spent itself: room, and nothing in it */

/* Reads numbers, one after the other, out of a packed text. */
class Numbers {
	constructor(text) {
		this.bytes = new TextEncoder().encode(text);
		this.position = 0;
	}

	isAtEnd() {
		return this.position >= this.bytes.length;
	}

	next() {
		const { bytes } = this;
		let position = this.position;
		let digit = bytes[position++] - DIGIT_ZERO;
		let value = digit & 31;

		/* At the end of the text it is not a number, and so not above. */
		for (let weight = 32; digit >= 32; weight *= 32) {
			digit = bytes[position++] - DIGIT_ZERO;
			value += (digit & 31) * weight;
		}
		this.position = position;
		return value;
	}
}

function packedText(svg, name) {
	return Array.from(svg.querySelectorAll('metadata.' + name),
		(element) => element.textContent).join('');
}

function readStrings(svg) {
	const lines = packedText(svg, 'strings').split('\n');

	lines.pop();
	return lines;
}

/* Where code comes from; the strings are '' and the line is 0 where it is not known. */
function readPlaces(svg, strings) {
	const numbers = new Numbers(packedText(svg, 'places'));
	const places = [{ module: '', file: '', line: 0 }];
	const text = (id) => id > 0 ? strings[id - 1] || '' : '';

	while (!numbers.isAtEnd())
		places.push({ module: text(numbers.next()), file: text(numbers.next()),
			line: numbers.next() });
	return places;
}

const LETTERS = 128;

/*
 * A label is what a frame is: a name, the letter of its colour and a place. Labels of the same name
 * and letter are one function; a function is the number of its first label.
 */
function readLabels(svg, strings, places) {
	const numbers = new Numbers(packedText(svg, 'labels'));
	const labels = { name: [], letter: [], place: [], same: [], nameId: [] };
	const first = new Map();

	while (!numbers.isAtEnd()) {
		const id = numbers.next();
		const letter = numbers.next();
		const key = id * LETTERS + letter;

		if (!first.has(key))
			first.set(key, labels.name.length);
		labels.same.push(first.get(key));
		labels.nameId.push(id);
		labels.name.push(strings[id] || '');
		labels.letter.push(String.fromCharCode(letter));
		labels.place.push(places[numbers.next()] || places[0]);
	}
	labels.isGap = labels.letter.includes(GAP_LETTER) ?
		labels.letter.map((letter) => letter === GAP_LETTER) : null;
	return labels;
}

/*
 * The nodes in depth-first order, 0 being the root, which has no label: of each its label, its
 * parent, its depth, where its part of the order ends, and the count that ended there.
 */
function readNodes(svg, capacity) {
	const numbers = new Numbers(packedText(svg, 'nodes'));
	const nodes = {
		count: 1,
		label: new Uint32Array(capacity),
		parent: new Int32Array(capacity),
		depth: new Uint32Array(capacity),
		end: new Int32Array(capacity),
		selves: new Float64Array(capacity),
		befores: null,
	};
	let above = 0; /* the node before */

	nodes.parent[0] = -1;
	nodes.selves[0] = numbers.next();
	while (!numbers.isAtEnd() && nodes.count < capacity) {
		const head = numbers.next();
		const node = nodes.count++;

		for (let climb = head & 1 ? numbers.next() : 0; climb > 0 && above > 0; climb--) {
			nodes.end[above] = node;
			above = nodes.parent[above];
		}
		nodes.parent[node] = above;
		nodes.depth[node] = nodes.depth[above] + 1;
		nodes.label[node] = Math.floor(head / 4);
		nodes.selves[node] = head & 2 ? numbers.next() : 0;
		above = node;
	}
	for (; above >= 0; above = nodes.parent[above])
		nodes.end[above] = nodes.count;
	return nodes;
}

/* In a comparison: what each node had itself before, in the same order. */
function readBefores(svg, nodes) {
	const text = packedText(svg, 'before');

	if (text === '')
		return null;
	const numbers = new Numbers(text);

	return Float64Array.from(nodes.selves, () => numbers.next());
}

function unpack(svg) {
	const strings = readStrings(svg);
	const labels = readLabels(svg, strings, readPlaces(svg, strings));
	const nodes = readNodes(svg, Number(svg.dataset.nodes));

	nodes.befores = readBefores(svg, nodes);
	return { labels, nodes };
}

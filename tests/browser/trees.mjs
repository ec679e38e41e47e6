// SPDX-License-Identifier: Apache-2.0
/*
 * What is true of a view: trees that are grown from folded stacks by turning each stack over by
 * itself, and where their frames have to lie. Nothing here knows of the view's own trees.
 */
import { readFolded } from './folded.mjs';

/* Frames that are narrower are one block, or nothing where that is narrower, too. */
export const NARROWEST = 0.5;
/* A block that is zoomed to has as many parts, where its frames are still too narrow. */
export const PARTS_OF_BLOCK = 16;

const KIND = /_\[(?<letter>[kij])\]$/u;

export function nameOf(frame) {
	return frame.replace(KIND, '');
}

export function kindOf(frame) {
	return KIND.exec(frame)?.groups.letter ?? '';
}

/* [{ frames, names, count }]: frames are as they are written, with the kind. */
export function readStacks(text) {
	return readFolded(text).map((stack) => ({ ...stack,
		names: stack.frames.map(nameOf) }));
}

/* Frames of the same name that follow each other are one, the first of them. */
function merge(frames) {
	return frames.filter((frame, at) => at === 0 || nameOf(frame) !== nameOf(frames[at - 1]));
}

/*
 * The stacks as a view shows them. reversed: from the leaves on; merged: without recursion; calls:
 * only those with this function, from its outermost call to the leaf, or to the root.
 */
export function turn(stacks, { reversed = false, merged = false, calls = '' } = {}) {
	return stacks.flatMap(({ frames, count }) => {
		const outermost = frames.findIndex((frame) => nameOf(frame) === calls);
		let turned = frames;

		if (calls !== '' && outermost < 0)
			return [];
		if (calls !== '')
			turned = frames.slice(...reversed ? [0, outermost + 1] : [outermost]);
		if (reversed)
			turned = turned.toReversed();
		return [{ frames: merged ? merge(turned) : turned, count }];
	});
}

function compareTexts(a, b) {
	if (a === b)
		return 0;
	return a < b ? -1 : 1;
}

/* As sorted lines of folded stacks have them, */
function asLines(a, b) {
	const lineOf = ({ frame, children }) => frame + (children.length > 0 ? ';' : ' ');

	return compareTexts(lineOf(a), lineOf(b));
}

/* or by name, as what a view turns over itself. */
function byName(a, b) {
	return compareTexts(nameOf(a.frame), nameOf(b.frame)) || compareTexts(a.frame, b.frame);
}

export const ORDERS = {
	lines: asLines, name: byName, input: () => 0,
	value: (a, b) => Number(b.total - a.total) || asLines(a, b),
};

function newNode(frame, parent) {
	return { frame, name: nameOf(frame), parent, depth: parent ? parent.depth + 1 : 0,
		total: 0n, self: 0n, children: [] };
}

/* The tree of stacks; calls: its root is that function, which each of them begins with. */
export function growTree(stacks, order = ORDERS.lines, calls = '') {
	const root = newNode(calls === '' ? 'all' : calls, null);
	const all = [root];

	for (const { frames, count } of stacks) {
		let node = root;

		root.total += count;
		for (const frame of frames.slice(calls === '' ? 0 : 1)) {
			let child = node.children.find((one) => one.frame === frame);

			if (!child) {
				child = newNode(frame, node);
				node.children.push(child);
				all.push(child);
			}
			node = child;
			node.total += count;
		}
		node.self += count;
	}
	for (const { children } of all)
		children.sort(order);
	return root;
}

/* The node at a path of frames, or of names; as far as it goes. */
export function follow(root, path) {
	let node = root;

	for (const step of path) {
		const child = node.children.find(({ frame, name, total }) =>
			(frame === step || name === step) && total > 0n);

		if (!child)
			return node;
		node = child;
	}
	return node;
}

/* The frames on the way to a node, without the root. */
export function pathOf(node) {
	return node.parent ? [...pathOf(node.parent), node.frame] : [];
}

export function namesTo(node) {
	return pathOf(node).map(nameOf);
}

/* All nodes that have something to show, callers first. */
export function allNodes(root) {
	return root.total > 0n ? [root, ...root.children.flatMap(allNodes)] : [];
}

/* Boxes of callees side by side, from left on; most: blocks end when they are so wide. */
function layCallees(callees, left, scale, most) {
	const boxes = [];
	let block = null;
	const end = () => {
		if (block && block.width >= NARROWEST)
			boxes.push(block);
		block = null;
	};

	for (const node of callees) {
		const width = Number(node.total) * scale;

		if (width >= NARROWEST) {
			end();
			boxes.push({ depth: node.depth, x: left, width, node, block: null });
		} else if (width > 0) {
			block ??= { depth: node.depth, x: left, width: 0, node: null, block: [] };
			block.width += width;
			block.block.push(node);
			if (block.width >= most)
				end();
		}
		left += width;
	}
	end();
	return boxes;
}

/*
 * Where everything lies when a node has all the width, or (block) some of its callees have:
 * [{ depth, x, width, node, block }], a frame's node or a block's.
 */
export function layOut(zoom, width, block = null) {
	const total = block ? block.reduce((sum, node) => sum + node.total, 0n) : zoom.total;
	const scale = width / Number(total);
	const boxes = [];
	const work = [];
	const put = (more) => {
		boxes.push(...more);
		work.push(...more.filter(({ node }) => node));
	};

	if (total === 0n)
		return [];
	for (let node = zoom; node; node = node.parent)
		boxes.push({ depth: node.depth, x: 0, width, node, block: null });
	if (block)
		put(layCallees(block, 0, scale, width / PARTS_OF_BLOCK));
	else
		work.push(boxes[0]);
	while (work.length > 0) {
		const { node, x } = work.pop();

		put(layCallees(node.children, x + Number(node.self) * scale, scale, Infinity));
	}
	return boxes;
}

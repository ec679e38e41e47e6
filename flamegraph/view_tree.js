/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree as it was packed, from callers to callees, and what is left out of it.
 *
 * A shape of the tree has nodes numbered from 0, its root. What all shapes know of a node: label()
 * (-1: the root), parent() (-1: none), depth(), first() and next() (the first callee, the next one
 * of the same caller; -1: there is none), total() and self(), before() (what the total was, in a
 * comparison), gone() (how much of the total is not there any more), and weigh(), the part of the total whose leaves are marked.
 */

/* Turns what ended in each node into what went through it. */
function sumUp(nodes, selves) {
	const totals = selves.slice();

	for (let node = nodes.count - 1; node > 0; node--)
		totals[nodes.parent[node]] += totals[node];
	return totals;
}

class Forward {
	/* selves: what ended in each node, less what is left out. befores: the same, or null. gone: marks
	 * what is drawn only because it was there before, or null. */
	constructor(pack, selves, befores, gone) {
		this.nodes = pack.nodes;
		this.labels = pack.labels;
		this.selves = selves;
		this.totals = sumUp(pack.nodes, selves);
		this.befores = befores;
		this.beforeTotals = befores ? sumUp(pack.nodes, befores) : null;
		this.goneMarks = gone;
		this.goneTotals = gone ? sumUp(pack.nodes, selves.map((self, node) => gone[node] ? self : 0)) :
			null;
	}

	label(node) {
		return node === 0 ? -1 : this.nodes.label[node];
	}

	parent(node) {
		return this.nodes.parent[node];
	}

	depth(node) {
		return this.nodes.depth[node];
	}

	first(node) {
		return node + 1 < this.nodes.end[node] ? node + 1 : -1;
	}

	next(node) {
		const parent = this.nodes.parent[node];

		return parent >= 0 && this.nodes.end[node] < this.nodes.end[parent] ?
			this.nodes.end[node] : -1;
	}

	total(node) {
		return this.totals[node];
	}

	self(node) {
		return this.selves[node];
	}

	before(node) {
		return this.beforeTotals ? this.beforeTotals[node] : 0;
	}

	beforeSelf(node) {
		return this.befores ? this.befores[node] : 0;
	}

	gone(node) {
		return this.goneTotals ? this.goneTotals[node] : 0;
	}

	place(node) {
		return this.labels.place[this.nodes.label[node]];
	}

	weigh(node, marks) {
		const end = this.nodes.end[node];
		let sum = 0;

		for (let i = node; i < end; i++) {
			if (marks[i])
				sum += this.selves[i];
		}
		return sum;
	}
}

/* Which nodes have a marked label on the way to them, or are marked themselves. */
function markPaths(nodes, isMarked) {
	const marks = new Uint8Array(nodes.count);

	for (let node = 1; node < nodes.count; node++)
		marks[node] = marks[nodes.parent[node]] || isMarked[nodes.label[node]];
	return marks;
}

/*
 * What people have asked to leave out. Each is { kind, path or name }:
 *   'hide'    the frame at that path, and all that it calls
 *   'without' every stack that has a function of that name
 *   'focus'   every stack that has not
 *   'work'    time that only waits for work (wait_kind.h)
 */
const WORK = 'w';

function labelsNamed(labels, name) {
	return Uint8Array.from(labels.name, (other) => other === name ? 1 : 0);
}

/* What a stack waited for is the kind of the last frame in it that has one (waits.h). */
function markWork(pack, waitLetters) {
	const { nodes, labels } = pack;
	const marks = new Uint8Array(nodes.count);

	for (let node = 1; node < nodes.count; node++) {
		const letter = labels.letter[nodes.label[node]];

		marks[node] = waitLetters.has(letter) ? Number(letter === WORK) :
			marks[nodes.parent[node]];
	}
	return marks;
}

/*
 * A path has a step for each frame on the way to one: its name. Where a caller has several callees of
 * that name (code of two kinds, or one after the other in a flame chart), a line break, which no name
 * has, is before the letter and the number of those of that letter up to this one.
 */
const STEP_MARK = '\n';

function nameOfStep(step) {
	return step.split(STEP_MARK, 1)[0];
}

function stepTo(shape, node) {
	const { name, letter } = shape.labels;
	const own = shape.label(node);
	let count = 0;
	let number = 0;

	for (let other = shape.first(shape.parent(node)); other >= 0; other = shape.next(other)) {
		const label = shape.label(other);

		if (name[label] === name[own]) {
			count++;
			number += letter[label] === letter[own] && other <= node ? 1 : 0;
		}
	}
	return count === 1 ? name[own] : name[own] + STEP_MARK + letter[own] + number;
}

/* The callee at a step, or -1; where only its name is there, the one with the most time. */
function calleeAt(shape, node, step) {
	const { name, letter } = shape.labels;
	const [wanted, which] = step.split(STEP_MARK);
	let best = -1;
	let number = 0;

	for (let child = shape.first(node); child >= 0; child = shape.next(child)) {
		const label = shape.label(child);

		if (name[label] !== wanted)
			continue;
		if (which && which[0] === letter[label] && which === letter[label] + ++number)
			return child;
		if (best < 0 || shape.total(child) > shape.total(best))
			best = child;
	}
	return best;
}

function findPath(shape, path) {
	let node = 0;

	for (let i = 0; i < path.length && node >= 0; i++)
		node = calleeAt(shape, node, path[i]);
	return node;
}

/* Empties in selves (and befores) what a rule leaves out. */
function applyRule(pack, rule, waitLetters, clear) {
	const { nodes, labels } = pack;

	if (rule.kind === 'hide') {
		const node = findPath(new Forward(pack, nodes.selves, null, null), rule.path);

		for (let i = node; node > 0 && i < nodes.end[node]; i++)
			clear(i);
		return;
	}
	const marks = rule.kind === 'work' ? markWork(pack, waitLetters) :
		markPaths(nodes, labelsNamed(labels, rule.name));
	const goes = rule.kind === 'focus' ? 0 : 1;

	for (let node = 0; node < nodes.count; node++) {
		if (marks[node] === goes)
			clear(node);
	}
}

/* The tree without what the rules leave out. */
function forwardWithout(pack, rules, waitLetters, gone) {
	const selves = rules.length > 0 ? pack.nodes.selves.slice() : pack.nodes.selves;
	const befores = pack.nodes.befores && rules.length > 0 ? pack.nodes.befores.slice() :
		pack.nodes.befores;

	for (const rule of rules) {
		applyRule(pack, rule, waitLetters, (node) => {
			selves[node] = 0;
			if (befores)
				befores[node] = 0;
		});
	}
	return new Forward(pack, selves, befores, gone);
}

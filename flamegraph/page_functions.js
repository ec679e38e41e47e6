/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a page has besides its pictures where scripts run. The views (view_start.js) do the drawing;
 * this asks them for their trees and tells them where to go. One function in several files:
 *   page_functions.js  what each function had, who called it, and what it called
 *   page_table.js      a table of figures
 *   page_chosen.js     one function: its figures, callers and callees
 *   page_link.js       what is done in one picture is done in the others
 *   page.js            puts them into the page
 */
(function () {
'use strict';

const { htmlElement, percent, grouped, cut, escapePattern } = globalThis.eprof.tools;
let { views } = globalThis.eprof; /* those of the page, now */

/* Letters of palette.h. */
const GAP = 'g';
const KINDS = { p: 'process', k: 'kernel', j: 'JIT' };

/* Figures by name of one tree. A stack counts once, however often it has what is added: nodes come
 * in depth-first order, so that those upon the last one added are known by where it ends. */
class Sums {
	constructor(forward) {
		const count = forward.labels.nameId.reduce((most, id) => Math.max(most, id), 0) + 1;

		this.forward = forward;
		this.selves = new Float64Array(count);
		this.totals = new Float64Array(count);
		this.beforeTotals = new Float64Array(count);
		this.ends = new Int32Array(count);
		this.labels = new Int32Array(count).fill(-1);
		this.widest = new Float64Array(count);
	}

	addSelf(id, node) {
		this.selves[id] += this.forward.self(node);
	}

	addTotal(id, node, label) {
		const { forward } = this;
		const total = forward.total(node);

		if (node < this.ends[id])
			return;
		this.ends[id] = forward.nodes.end[node];
		this.totals[id] += total;
		this.beforeTotals[id] += forward.before(node);
		if (total > this.widest[id] || this.labels[id] < 0) {
			this.widest[id] = total;
			this.labels[id] = label;
		}
	}

	/* What was added: [{ name, label, self, total, before }] */
	list() {
		const { labels } = this.forward;
		const found = [];

		for (let id = 0; id < this.labels.length; id++) {
			if (this.labels[id] >= 0)
				found.push({ name: labels.name[this.labels[id]], label: this.labels[id],
					self: this.selves[id], total: this.totals[id],
					before: this.beforeTotals[id] });
		}
		return found;
	}
}

/* What is drawn as gone is there a second time: where it was, it has what it had before. */
function isCopy(forward, node) {
	return forward.goneMarks !== null && forward.goneMarks[node] === 1;
}

/* Of all functions. */
function sumFunctions(forward) {
	const { nodes, labels } = forward;
	const sums = new Sums(forward);

	for (let node = 1; node < nodes.count; node++) {
		const label = nodes.label[node];

		if (isCopy(forward, node))
			continue;
		/* Time that a caller in a flame chart had itself is drawn as a callee. */
		if (labels.letter[label] === GAP) {
			sums.addSelf(labels.nameId[nodes.label[nodes.parent[node]]], node);
			continue;
		}
		sums.addSelf(labels.nameId[label], node);
		sums.addTotal(labels.nameId[label], node, label);
	}
	return sums.list();
}

/* Of the functions that call one directly, and that it calls: what the stacks had in which they do
 * so. */
function sumNeighbours(forward, name) {
	const { nodes, labels } = forward;
	const callers = new Sums(forward);
	const callees = new Sums(forward);

	for (let node = 1; node < nodes.count; node++) {
		const label = nodes.label[node];
		const above = nodes.parent[node] > 0 ? nodes.label[nodes.parent[node]] : -1;

		if (above < 0 || labels.letter[label] === GAP || isCopy(forward, node))
			continue;
		if (labels.name[label] === name)
			callers.addTotal(labels.nameId[above], node, above);
		if (labels.name[above] === name)
			callees.addTotal(labels.nameId[label], node, label);
	}
	return { callers: callers.list(), callees: callees.list() };
}

/* "libc.so.6", "kernel"; '' where it is not known. */
function moduleOf(labels, label) {
	return labels.place[label].module || KINDS[labels.letter[label]] || '';
}

const NOTHING = { self: 0, total: 0, before: 0 };

/* lists: of each view. A name that several have is one row: { name, module, figures (by view) }. */
function joinRows(lists) {
	const rows = new Map();

	lists.forEach((list, index) => {
		for (const figures of list) {
			let row = rows.get(figures.name);

			if (figures.total <= 0 && figures.before <= 0)
				continue;
			if (!row) {
				row = { name: figures.name, figures: lists.map(() => NOTHING),
					module: moduleOf(views[index].pack.labels, figures.label) };
				rows.set(figures.name, row);
			}
			row.figures[index] = figures;
		}
	});
	return Array.from(rows.values());
}

/* What 100 % is in a view. */
function wholeOf(view) {
	return view.forward.total(0) - view.forward.gone(0);
}

/* Of a comparison: how many percent of the whole a function has more than it had. */
function changeOf(view, { total, before }) {
	const change = view.picture.isNegated ? before - total : total - before;

	return 100 * change / (wholeOf(view) || 1);
}

function unitText(unit) {
	return unit.isTime() ? 'time' : unit.name;
}

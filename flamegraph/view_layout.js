/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the frames of a view lie. A view is all below one node, or below some of its callees, at
 * full width upon the frames that lead there. Rows are made from the root on, each from the one
 * before, and have their boxes from left to right: a place is found again by halving.
 *
 * A box is a frame, or a run: callees side by side that are each too narrow to be drawn.
 */
const NARROWEST = 0.5; /* pixels */
/* A run that is zoomed to becomes so many, where its frames are still too narrow: each can be zoomed to,
 * down to the frames. */
const PARTS_OF_RUN = 16;

class Row {
	constructor() {
		this.lefts = [];
		this.widths = [];
		this.nodes = []; /* of a run: -1 - its number */
	}

	add(left, width, node) {
		this.lefts.push(left);
		this.widths.push(width);
		this.nodes.push(node);
	}

	/* The number of the box at a place, or -1. */
	at(x) {
		let low = 0;
		let high = this.lefts.length;

		while (low < high) {
			const middle = low + high >> 1;

			if (this.lefts[middle] <= x)
				low = middle + 1;
			else
				high = middle;
		}
		return low > 0 && x < this.lefts[low - 1] + this.widths[low - 1] ? low - 1 : -1;
	}
}

class Layout {
	/* zoom: { node, from, to }; from and to are callees of node, or -1: all of it. isGap: by label,
	 * what takes its room but is drawn as nothing; null: there is none. */
	constructor(shape, zoom, width, isGap) {
		this.shape = shape;
		this.zoom = zoom;
		this.width = width;
		this.isGap = isGap;
		this.rows = [];
		this.runs = [];
		this.total = this.sumOfZoom();
		/* Rows below this one are callers at full width. */
		this.firstDepth = shape.depth(zoom.node) + (zoom.from >= 0 ? 1 : 0);
		if (this.total > 0)
			this.fill();
	}

	sumOfZoom() {
		const { shape, zoom } = this;
		let sum = 0;

		if (zoom.from < 0)
			return shape.total(zoom.node);
		for (let node = zoom.from; node >= 0; node = shape.next(node)) {
			sum += shape.total(node);
			if (node === zoom.to)
				break;
		}
		return sum;
	}

	fill() {
		const { shape, zoom } = this;
		const scale = this.width / this.total;

		for (let depth = 0; depth <= shape.depth(zoom.node); depth++)
			this.rows.push(new Row());
		for (let node = zoom.node; node >= 0; node = shape.parent(node))
			this.rows[shape.depth(node)].add(0, this.width, node);
		if (zoom.from >= 0) {
			this.rows.push(new Row());
			this.addSiblings(this.rows[this.rows.length - 1], zoom.from, zoom.to, 0, scale,
				this.width / PARTS_OF_RUN);
		}
		for (;;) {
			const row = this.rows[this.rows.length - 1];
			const above = new Row();

			for (let i = 0; i < row.nodes.length; i++) {
				const node = row.nodes[i];

				/* What a frame has itself is left of its callees, as in sorted folded lines. */
				if (node >= 0)
					this.addSiblings(above, shape.first(node), -1,
						row.lefts[i] + shape.self(node) * scale, scale);
			}
			if (above.nodes.length === 0)
				return;
			this.rows.push(above);
		}
	}

	/* The callees from first to last (-1: to the end) in a row, from left on; runs end when they are
	 * as wide as most, where it is given. */
	addSiblings(row, first, last, left, scale, most) {
		const { shape, isGap } = this;
		let run = null;

		for (let node = first; node >= 0; node = node === last ? -1 : shape.next(node)) {
			const total = shape.total(node);
			const width = total * scale;

			if (isGap && isGap[shape.label(node)]) {
				this.endRun(row, run, scale);
				run = null;
				left += width;
			} else if (width >= NARROWEST) {
				this.endRun(row, run, scale);
				run = null;
				row.add(left, width, node);
				left += width;
			} else if (total > 0) {
				run = run || { first: node, left, total: 0, count: 0 };
				run.total += total;
				run.count++;
				run.last = node;
				left += width;
				if (run.total * scale >= most) {
					this.endRun(row, run, scale);
					run = null;
				}
			}
		}
		this.endRun(row, run, scale);
	}

	endRun(row, run, scale) {
		if (run === null || run.total * scale < NARROWEST)
			return;
		this.runs.push(run);
		row.add(run.left, run.total * scale, -this.runs.length);
	}

	/* What is drawn at a depth and a place: { depth, box, node } or { ..., run }; null: nothing. */
	at(depth, x) {
		const row = this.rows[depth];
		const box = row ? row.at(x) : -1;

		return box < 0 ? null : this.hit(depth, box);
	}

	hit(depth, box) {
		const node = this.rows[depth].nodes[box];

		return node >= 0 ? { depth, box, node, run: null } :
			{ depth, box, node: -1, run: this.runs[-1 - node] };
	}

	/* Where a node is drawn, or null. */
	find(node) {
		const depth = this.shape.depth(node);
		const box = this.rows[depth] ? this.rows[depth].nodes.indexOf(node) : -1;

		return box < 0 ? null : this.hit(depth, box);
	}
}

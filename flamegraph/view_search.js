/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern is tried on each distinct name, of which there are far fewer than frames, and on nothing
 * but names. What matches is summed up over all data, drawn or not; of frames upon each other only
 * the lowest counts.
 */
class Search {
	/* Throws what RegExp throws. */
	constructor(pattern, ignoresCase, forward) {
		const regexp = new RegExp(pattern, ignoresCase ? 'iu' : 'u');
		const { labels, nodes } = forward;
		const tried = new Map();

		this.forward = forward;
		this.isMarked = Uint8Array.from(labels.name, (name, label) => {
			const id = labels.nameId[label];

			if (!tried.has(id))
				tried.set(id, regexp.test(name) ? 1 : 0);
			return labels.isGap && labels.isGap[label] ? 0 : tried.get(id);
		});
		/* Nodes that have a match on the way to them. */
		this.paths = markPaths(nodes, this.isMarked);
		/* Of it, what is not there any more. */
		this.gone = forward.goneMarks === null ? 0 :
			forward.weigh(0, this.paths.map((mark, node) => mark & forward.goneMarks[node]));
		this.total = forward.weigh(0, this.paths) - this.gone;
	}

	/* The matches in what a shape has below a zoom. */
	totalIn(layout) {
		const { shape, zoom } = layout;
		let sum = 0;

		if (zoom.from < 0)
			return shape.weigh(zoom.node, this.paths);
		for (let node = zoom.from; node >= 0; node = shape.next(node)) {
			sum += shape.weigh(node, this.paths);
			if (node === zoom.to)
				break;
		}
		return sum;
	}

	isHit(label) {
		return label >= 0 && this.isMarked[label] === 1;
	}

	/* The lowest matching nodes of the whole tree as it is, those with the most time first. */
	allHits() {
		const { nodes } = this.forward;
		const hits = [];

		for (let node = 1; node < nodes.count;) {
			if (!this.isMarked[nodes.label[node]]) {
				node++;
				continue;
			}
			if (this.forward.total(node) > 0)
				hits.push(node);
			node = nodes.end[node];
		}
		return hits.sort((a, b) => this.forward.total(b) - this.forward.total(a) || a - b);
	}

	/* The same of what a layout shows. */
	drawnHits(layout) {
		const { shape } = layout;
		const hits = [];

		for (const row of layout.rows) {
			for (const node of row.nodes) {
				if (node > 0 && this.isHit(shape.label(node)))
					hits.push(node);
			}
		}
		return hits.sort((a, b) => shape.total(b) - shape.total(a) || a - b);
	}
}

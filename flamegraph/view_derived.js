/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees that are made of another one as they are looked at: a node's callees are found when somebody
 * asks for the first of them, so that what is too narrow to be drawn costs nothing.
 *
 * A node stands for a set of places in the tree below, its members. Of a tree from the leaves a
 * member is a stack (the node it ends in) and how far up one has come in it (its cursor); of a tree
 * without recursion it is a node whose callees are the callees here.
 */
const KINDS_IN_ORDER = 'upnijk'; /* as in the tree itself, see call_tree_sort.c */

class Derived {
	constructor(forward) {
		this.forward = forward;
		this.labels = forward.labels;
		this.nodes = [];
	}

	/* weights: by node of the tree below, what a member of it counts. */
	add(label, parent, members) {
		this.nodes.push({ label, parent, depth: parent < 0 ? 0 : this.nodes[parent].depth + 1,
			first: -1, next: -1, isExpanded: false, total: 0, self: 0, before: 0,
			beforeSelf: 0, gone: 0, widest: -1, members });
		return this.nodes.length - 1;
	}

	/* Makes nodes of groups (function -> members), in the order of their names, then kinds. */
	addChildren(parent, groups) {
		const { name, letter } = this.labels;
		const rank = (label) => KINDS_IN_ORDER.indexOf(letter[label]);
		const order = Array.from(groups.keys()).sort((a, b) =>
			name[a] < name[b] ? -1 : name[a] > name[b] ? 1 : rank(a) - rank(b) || a - b);
		let before = -1;

		for (const label of order) {
			const child = this.add(label, parent, groups.get(label));

			this.count(child);
			if (before < 0)
				this.nodes[parent].first = child;
			else
				this.nodes[before].next = child;
			before = child;
		}
	}

	label(node) {
		return this.nodes[node].label;
	}

	parent(node) {
		return this.nodes[node].parent;
	}

	depth(node) {
		return this.nodes[node].depth;
	}

	first(node) {
		if (!this.nodes[node].isExpanded) {
			this.nodes[node].isExpanded = true;
			this.expand(node);
		}
		return this.nodes[node].first;
	}

	next(node) {
		return this.nodes[node].next;
	}

	total(node) {
		return this.nodes[node].total;
	}

	self(node) {
		return this.nodes[node].self;
	}

	before(node) {
		return this.nodes[node].before;
	}

	beforeSelf(node) {
		return this.nodes[node].beforeSelf;
	}

	gone(node) {
		return this.nodes[node].gone;
	}

	/* That of the member with the most time. */
	place(node) {
		return this.forward.place(this.nodes[node].widest);
	}
}

function group(groups, key) {
	let members = groups.get(key);

	if (!members) {
		members = { at: [], stack: [] };
		groups.set(key, members);
	}
	return members;
}

/*
 * From callees to callers. of: where it begins, see everyStack() and everyCall(). mergesRecursion: a
 * function that calls itself is there once.
 */
class Reversed extends Derived {
	constructor(forward, of, mergesRecursion) {
		super(forward);
		this.weights = of.weights;
		this.beforeWeights = of.beforeWeights;
		this.mergesRecursion = mergesRecursion;
		this.add(of.label, -1, { at: of.frames, stack: of.nodes });
		this.count(0);
	}

	count(node) {
		const { at, stack } = this.nodes[node].members;
		const me = this.nodes[node];
		const marks = this.forward.goneMarks;
		let most = -1;

		for (let i = 0; i < stack.length; i++) {
			const weight = this.weights[stack[i]];

			me.total += weight;
			me.before += this.beforeWeights ? this.beforeWeights[stack[i]] : 0;
			me.gone += marks && marks[stack[i]] ? weight : 0;
			if (weight > most) {
				most = weight;
				me.widest = at[i];
			}
		}
	}

	/* The caller of a node below, or 0. */
	callerOf(cursor) {
		const { parent, label } = this.forward.nodes;
		const names = this.forward.labels.nameId;
		let caller = parent[cursor];

		while (this.mergesRecursion && caller > 0 &&
				names[label[caller]] === names[label[cursor]])
			caller = parent[caller];
		return caller;
	}

	expand(node) {
		const me = this.nodes[node];
		const { at, stack } = me.members;
		const { label } = this.forward.nodes;
		const same = this.forward.labels.same;
		const groups = new Map();

		for (let i = 0; i < at.length; i++) {
			const cursor = me.label < 0 ? at[i] : this.callerOf(at[i]);

			if (cursor <= 0) {
				me.self += this.weights[stack[i]];
				me.beforeSelf += this.beforeWeights ? this.beforeWeights[stack[i]] : 0;
				continue;
			}
			const members = group(groups, same[label[cursor]]);

			members.at.push(cursor);
			members.stack.push(stack[i]);
		}
		this.addChildren(node, groups);
	}

	/* What ended in the outermost caller; nothing is known before its callers are. */
	self(node) {
		this.first(node);
		return this.nodes[node].self;
	}

	beforeSelf(node) {
		this.first(node);
		return this.nodes[node].beforeSelf;
	}

	weigh(node, marks) {
		let sum = 0;

		for (const leaf of this.nodes[node].members.stack) {
			if (marks[leaf])
				sum += this.weights[leaf];
		}
		return sum;
	}
}

/* From callers to callees. of, mergesRecursion: as above. */
class Merged extends Derived {
	constructor(forward, of, mergesRecursion) {
		super(forward);
		this.mergesRecursion = mergesRecursion;
		this.add(of.label, -1, { at: of.nodes, stack: null });
		this.count(0);
	}

	count(node) {
		const me = this.nodes[node];
		let most = -1;

		for (const member of me.members.at) {
			const total = this.forward.total(member);

			me.total += total;
			me.before += this.forward.before(member);
			me.gone += this.forward.gone(member);
			if (total > most) {
				most = total;
				me.widest = member;
			}
		}
	}

	expand(node) {
		const me = this.nodes[node];
		const { label } = this.forward.nodes;
		const { same, nameId, isGap } = this.labels;
		const own = me.label < 0 || !this.mergesRecursion ? -1 : nameId[me.label];
		const groups = new Map();
		const work = Array.from(me.members.at);

		while (work.length > 0) {
			const member = work.pop();

			me.self += this.forward.self(member);
			me.beforeSelf += this.forward.beforeSelf(member);
			for (let child = this.forward.first(member); child >= 0;
					child = this.forward.next(child)) {
				if (isGap && isGap[label[child]])
					me.self += this.forward.total(child);
				else if (nameId[label[child]] === own)
					work.push(child);
				else
					group(groups, same[label[child]]).at.push(child);
			}
		}
		this.addChildren(node, groups);
	}

	self(node) {
		this.first(node);
		return this.nodes[node].self;
	}

	beforeSelf(node) {
		this.first(node);
		return this.nodes[node].beforeSelf;
	}

	weigh(node, marks) {
		let sum = 0;

		for (const member of this.nodes[node].members.at)
			sum += this.forward.weigh(member, marks);
		return sum;
	}
}

/* Where a derived tree begins: with every node in which stacks end, and what ended there (what ended
 * in a gap did so in the frame that has it), */
function everyStack(forward) {
	const { parent, label } = forward.nodes;
	const { isGap } = forward.labels;
	const found = [];

	for (let node = 0; node < forward.nodes.count; node++) {
		if (forward.self(node) > 0 || forward.beforeSelf(node) > 0)
			found.push(node);
	}
	return { label: -1, nodes: found,
		frames: isGap ? found.map((node) => isGap[label[node]] ? parent[node] : node) : found,
		weights: forward.selves, beforeWeights: forward.befores };
}

/* or with a function wherever it is called. Of calls within calls only the outermost count, so that
 * nothing does so twice. */
function everyCall(forward, name) {
	const { nodes, labels } = forward;
	const found = [];
	let label = -1;

	for (let node = 1; node < nodes.count;) {
		if (labels.name[nodes.label[node]] === name) {
			label = label < 0 ? nodes.label[node] : label;
			found.push(node);
			node = nodes.end[node];
		} else {
			node++;
		}
	}
	return { label, nodes: found, frames: found, weights: forward.totals,
		beforeWeights: forward.beforeTotals };
}

/* The whole tree, for Merged. */
function fromRoot() {
	return { label: -1, nodes: [0] };
}

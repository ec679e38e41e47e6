/* SPDX-License-Identifier: Apache-2.0 */
/* What is done in one picture is done in the others, by names: what is zoomed to, pointed at and
 * searched for, and what kind of tree it is. What is left out is each picture's own matter. */
const SHAPE = ['calls', 'reversed', 'merged'];
const FOLLOWED = new Set([...SHAPE, 'zoom', 'search', 'inverted']);

function zoomLike(view, other) {
	const { path, calls, reversed, merged } = view.state;

	/* Paths of different shapes are not about the same. */
	if (SHAPE.some((key) => view.state[key] !== other.state[key])) {
		other.chosen = -1;
		other.set({ calls, reversed, merged, path: [], from: '', to: '' }, 'linked');
	}
	return { path: path.slice(0, other.follow(path).length), from: '', to: '' };
}

/* One does what another one did; why: see View.set(). */
function follow(view, other, why) {
	const { pattern, ignoresCase, inverted } = view.state;

	if (why === 'search') {
		other.set({ pattern, ignoresCase }, 'linked');
		return;
	}
	const zoom = zoomLike(view, other);

	other.chosen = -1;
	other.set({ ...zoom, pattern, ignoresCase, inverted }, 'linked');
}

/* Only the very same frame: its caller would be another one. */
function hoverLike(view, other, hit) {
	let found = null;

	if (hit !== null && hit.node >= 0 &&
			SHAPE.every((key) => view.state[key] === other.state[key])) {
		const path = view.pathOf(hit.node);
		const { node, length } = other.follow(path);

		found = length === path.length ? other.layout.find(node) : null;
	}
	other.hover(found, 'linked');
}

class Link {
	constructor() {
		this.isOn = true;
		this.leader = views[0]; /* what was used last */
		this.box = htmlElement('input', { type: 'checkbox', role: 'switch',
			onchange: () => this.turn(this.box.checked) });
		this.box.checked = true;
		this.element = htmlElement('label', { class: 'linked' }, this.box,
			'Linked: search, zoom and pointer');
		for (const view of views) {
			view.on('change', (of, why) => this.change(view, why));
			view.on('hover', (of, { hit, why }) => this.hover(view, hit, why));
		}
	}

	others(view) {
		return views.filter((other) => other !== view);
	}

	change(view, why) {
		if (!FOLLOWED.has(why))
			return;
		this.leader = view;
		if (this.isOn)
			this.others(view).forEach((other) => follow(view, other, why));
	}

	hover(view, hit, why) {
		if (this.isOn && why !== 'linked')
			this.others(view).forEach((other) => hoverLike(view, other, hit));
	}

	turn(isOn) {
		this.isOn = isOn;
		if (isOn)
			this.others(this.leader).forEach((other) => follow(this.leader, other, 'zoom'));
	}

	/* Changes all pictures, linked or not. */
	doAll(change, why) {
		for (const view of this.isOn ? [this.leader] : views)
			view.set(change, why);
	}
}

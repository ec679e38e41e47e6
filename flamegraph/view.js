/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One picture. Its state is a few plain values (what is zoomed to, by names; what is left out; ...),
 * from which all else is made anew where it has changed: state -> tree -> shape -> layout -> what the
 * window shows of it. Frames of one colour are one <path>, as browsers are slow with many elements;
 * which frame is at a place the layout knows.
 */
const SVG = 'http://www.w3.org/2000/svg';
const XHTML = 'http://www.w3.org/1999/xhtml';
const GLYPH_OF_FONT = 0.605; /* how wide a letter is, of the font's size */
const TEXT_MARGIN = 3;
const GLYPHS_MIN = 3;
const NAME_SHOWN = 400; /* letters of a name in a line */
/* Places in paths are whole tenths of a pixel: as text they are half the work of fractions. */
const TENTHS = 10;
const GAP_FROM = 15; /* tenths: boxes that are wider leave a gap to their neighbour */
const GAP = 5;

function fillIn(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {})) {
		if (name.startsWith('on'))
			element.addEventListener(name.slice(2), value);
		else if (value !== null && value !== undefined && value !== false)
			element.setAttribute(name, value);
	}
	element.append(...children.filter((child) => child !== null && child !== undefined));
	return element;
}

function svgElement(name, attributes, ...children) {
	return fillIn(document.createElementNS(SVG, name), attributes, children);
}

function htmlElement(name, attributes, ...children) {
	return fillIn(document.createElementNS(XHTML, name), attributes, children);
}

function cut(name, glyphs) {
	if (name.length <= glyphs)
		return name;
	/* Letters beyond 16 bits are two units long, and are not cut apart. */
	const letters = Array.from(name.slice(0, 2 * glyphs + 2));

	return letters.length <= glyphs ? letters.join('') :
		letters.slice(0, glyphs - 2).join('') + '..';
}

class View {
	constructor(picture) {
		this.picture = picture;
		this.pack = picture.pack;
		this.unit = picture.unit;
		this.rowHeight = Number(picture.data.frameHeight || 16);
		this.fontSize = Number(picture.data.fontSize || 12);
		this.listeners = { change: [], hover: [], draw: [], function: [] };
		this.state = {
			path: [], from: '', to: '',
			rules: picture.rulesAtFirst, calls: '', reversed: false, merged: false,
			inverted: picture.data.inverted === '1', colours: picture.colours[0],
			pattern: '', ignoresCase: false,
		};
		this.search = null;
		this.searchError = '';
		this.chosen = -1;
		this.drawn = { from: 0, to: -1 };
		this.classes = []; /* by label, as far as they were drawn */
		this.makeElements();
		this.makeTree();
		this.makeSearch();
	}

	makeElements() {
		this.shapes = svgElement('g', { class: 'shapes', transform: 'scale(' + 1 / TENTHS + ' 1)' });
		this.texts = svgElement('g', { class: 'texts' });
		this.hoverTitle = svgElement('title');
		this.hoverBox = svgElement('rect', { class: 'hover hidden' }, this.hoverTitle);
		this.item = svgElement('g', { role: 'treeitem', tabindex: 0 });
		this.svg = svgElement('svg', { class: 'frames', role: 'tree',
			'font-size': this.fontSize, 'aria-label': 'Flame graph: ' + this.picture.title });
		if (this.picture.defs)
			this.svg.append(this.picture.defs);
		this.svg.append(this.shapes, this.texts, this.item, this.hoverBox);
		this.live = htmlElement('div', { class: 'live', 'aria-live': 'polite' });
	}

	on(event, listener) {
		this.listeners[event].push(listener);
	}

	tell(event, detail) {
		for (const listener of this.listeners[event])
			listener(this, detail);
	}

	say(text) {
		this.live.textContent = text;
	}

	/* Changes some of the state, and what follows from it. why: told to who listens. */
	set(change, why) {
		const before = this.state;
		const isNew = (...keys) => keys.some((key) => this.state[key] !== before[key]);

		this.state = { ...before, ...change };
		if (isNew('rules'))
			this.makeTree();
		else if (isNew('calls', 'reversed', 'merged'))
			this.makeShape();
		if (isNew('rules', 'pattern', 'ignoresCase'))
			this.makeSearch();
		if (isNew('rules', 'calls', 'reversed', 'merged', 'path', 'from', 'to'))
			this.makeLayout();
		if (isNew('colours'))
			this.classes = [];
		const root = this.yOfRoot();

		this.draw();
		if (isNew('inverted'))
			this.showRoot();
		else
			window.scrollBy(0, this.yOfRoot() - root);
		this.tell('change', why);
	}

	/* In the window. Frames grow away from the root: it stays where it is. */
	yOfRoot() {
		const box = this.svg.getBoundingClientRect();

		return this.state.inverted ? box.top : box.bottom;
	}

	/* Where one begins to read. */
	showRoot() {
		this.host.scrollIntoView({ block: this.state.inverted ? 'start' : 'end' });
	}

	makeTree() {
		this.forward = forwardWithout(this.pack, this.state.rules, this.picture.waitLetters,
			this.picture.gone);
		this.makeShape();
	}

	makeShape() {
		const { calls, reversed, merged } = this.state;
		const { forward } = this;
		const of = calls !== '' ? everyCall(forward, calls) : null;

		if (reversed)
			this.shape = new Reversed(forward, of || everyStack(forward), merged);
		else
			this.shape = merged || of ? new Merged(forward, of || fromRoot(), merged) : forward;
		this.chosen = -1;
		this.hits = null;
		this.wholeRows = 0;
	}

	makeSearch() {
		this.search = null;
		this.searchError = '';
		this.hits = null;
		if (this.state.pattern === '')
			return;
		try {
			this.search = new Search(this.state.pattern, this.state.ignoresCase, this.forward);
		} catch (error) {
			this.searchError = String(error.message);
		}
	}

	/* As far as the path goes in this shape: { node, length }. */
	follow(path) {
		let node = 0;
		let length = 0;

		for (const step of path) {
			const child = calleeAt(this.shape, node, step);

			if (child < 0 || this.shape.total(child) <= 0)
				break;
			node = child;
			length++;
		}
		return { node, length };
	}

	pathOf(node) {
		const path = [];

		for (; node > 0; node = this.shape.parent(node))
			path.push(stepTo(this.shape, node));
		return path.reverse();
	}

	zoomOf(state) {
		const { node, length } = this.follow(state.path);
		const isRun = state.from !== '' && length === state.path.length;
		const from = isRun ? calleeAt(this.shape, node, state.from) : -1;
		const to = isRun ? calleeAt(this.shape, node, state.to) : -1;

		return { node, length, from: to < 0 ? -1 : from, to: from < 0 ? -1 : to };
	}

	innerWidth() {
		return Math.max(100, this.svg.clientWidth || this.picture.width);
	}

	makeLayout() {
		this.zoom = this.zoomOf(this.state);
		this.layout = new Layout(this.shape, this.zoom, this.innerWidth(), this.pack.labels.isGap);
		if (this.isWhole())
			this.wholeRows = this.layout.rows.length;
		this.rowCount = Math.max(this.layout.rows.length, this.wholeRows, 1);
	}

	isWhole() {
		return this.zoom.node === 0 && this.zoom.from < 0;
	}

	nameOf(node) {
		const label = this.shape.label(node);

		if (label >= 0)
			return this.pack.labels.name[label];
		if (this.state.calls !== '')
			return 'no call of ' + this.state.calls;
		return this.state.rules.length > 0 ? 'all that is shown' : 'all';
	}

	letterOf(node) {
		return node === 0 ? 'n' : this.pack.labels.letter[this.shape.label(node)];
	}

	zoomTo(node, why) {
		this.chosen = node;
		this.set({ path: this.pathOf(node), from: '', to: '' }, why || 'zoom');
		this.sayZoom(this.layout.find(node));
	}

	zoomToRun(run, why) {
		const parent = this.shape.parent(run.first);

		this.chosen = run.first;
		this.set({ path: this.pathOf(parent), from: stepTo(this.shape, run.first),
			to: stepTo(this.shape, run.last) }, why || 'zoom');
		this.sayZoom({ run });
	}

	sayZoom(hit) {
		if (hit !== null)
			this.say('Zoomed to ' + cut(titleOf(this, hit), NAME_SHOWN));
	}

	reset() {
		this.zoomTo(0);
	}

	yOf(depth) {
		return (this.state.inverted ? depth : this.rowCount - 1 - depth) * this.rowHeight;
	}

	depthAt(y) {
		const row = Math.floor(y / this.rowHeight);

		return this.state.inverted ? row : this.rowCount - 1 - row;
	}

	/* The depths that the window shows, and so many windows more on either side: { from, to }. */
	visibleRows(more) {
		const box = this.svg.getBoundingClientRect();
		const height = window.innerHeight;
		const ends = [this.depthAt(-box.top - more * height),
			this.depthAt(-box.top + (1 + more) * height)];
		const last = this.layout.rows.length - 1;

		return { from: Math.max(0, Math.min(...ends)), to: Math.min(last, Math.max(...ends)) };
	}

	/* Draws all that is new since the last layout; all: whether the window shows it or not. */
	draw(all) {
		const height = this.rowCount * this.rowHeight;

		this.svg.setAttribute('height', height);
		this.drawRows(all ? { from: 0, to: this.layout.rows.length - 1 } : this.visibleRows(1));
		this.showItem();
		this.hoverBox.classList.add('hidden');
		this.tell('draw');
	}

	/* All of it, to be scaled to the width of the paper. */
	drawForPaper() {
		this.draw(true);
		this.svg.setAttribute('viewBox',
			'0 0 ' + this.layout.width + ' ' + this.rowCount * this.rowHeight);
	}

	/* When the window has moved. */
	drawMore() {
		const { from, to } = this.visibleRows(0);

		if (from < this.drawn.from || to > this.drawn.to)
			this.drawRows(this.visibleRows(1));
	}

	drawRows(rows) {
		const paths = new Map();
		const texts = document.createDocumentFragment();

		for (let depth = rows.from; depth <= rows.to; depth++)
			this.drawRow(depth, paths, texts);
		this.shapes.replaceChildren(...Array.from(paths, ([className, parts]) =>
			svgElement('path', { class: className, d: parts.join('') })));
		this.texts.replaceChildren(texts);
		this.drawn = rows;
	}

	drawRow(depth, paths, texts) {
		const { lefts, widths, nodes } = this.layout.rows[depth];
		const y = this.yOf(depth);
		const below = depth < this.layout.firstDepth ? ' below' : '';
		const down = 'v' + (this.rowHeight - 1) + 'h-';
		const textFrom = this.fontSize * GLYPH_OF_FONT * GLYPHS_MIN + 2 * TEXT_MARGIN;

		for (let i = 0; i < nodes.length; i++) {
			const left = Math.round(lefts[i] * TENTHS);
			const width = Math.round((lefts[i] + widths[i]) * TENTHS) - left;
			const wide = width > GAP_FROM ? width - GAP : width;
			const className = this.classOf(nodes[i]) + below;
			const parts = paths.get(className);
			const part = 'M' + left + ' ' + y + 'h' + wide + down + wide + 'z';

			if (parts)
				parts.push(part);
			else
				paths.set(className, [part]);
			if (widths[i] >= textFrom)
				this.drawText(texts, nodes[i], lefts[i], y, widths[i]);
		}
	}

	classOf(node) {
		if (node < 0)
			return 'g0';
		if (this.search !== null && this.search.isHit(this.shape.label(node)))
			return 'hit';
		return classOfFrame(this, node);
	}

	drawText(into, node, left, y, width) {
		const glyphs = Math.floor((width - 2 * TEXT_MARGIN) / (this.fontSize * GLYPH_OF_FONT));

		into.append(svgElement('text', { x: (left + TEXT_MARGIN).toFixed(1),
			y: y + Math.round((this.rowHeight - 1 + this.fontSize * 0.7) / 2) },
		cut(node < 0 ? framesText(this.layout.runs[-1 - node].count) : this.nameOf(node), glyphs)));
	}

	/* What is at a point of the window, as Layout.hit() says it; null: nothing. */
	at(clientX, clientY) {
		const box = this.svg.getBoundingClientRect();

		return this.layout.at(this.depthAt(clientY - box.top), clientX - box.left);
	}

	placeBox(element, hit) {
		const row = this.layout.rows[hit.depth];

		fillIn(element, { x: row.lefts[hit.box].toFixed(2), y: this.yOf(hit.depth),
			width: Math.max(1, row.widths[hit.box]).toFixed(2), height: this.rowHeight - 1 }, []);
	}

	/* Shows that the pointer is upon something; null: upon nothing. */
	hover(hit, why) {
		this.hoverBox.classList.toggle('hidden', hit === null);
		if (hit !== null) {
			this.placeBox(this.hoverBox, hit);
			this.hoverTitle.textContent = cut(titleOf(this, hit), NAME_SHOWN * 4);
		}
		this.tell('hover', { hit, why });
	}

	/* The frame that the keys move: the chosen one, as long as it is drawn. */
	chosenHit() {
		const hit = this.chosen >= 0 ? this.layout.find(this.chosen) : null;

		return hit || this.layout.find(this.zoom.node);
	}

	/* One element stands for the chosen frame, for the keyboard and for those who hear the page.
	 * It is a new one each time, as only that is read out. */
	showItem() {
		const hit = this.chosenHit();
		const hadFocus = this.item === document.activeElement;
		const item = svgElement('g', { role: 'treeitem', tabindex: 0 });

		if (hit !== null) {
			const box = svgElement('rect', { class: 'chosen' });

			this.placeBox(box, hit);
			item.append(box);
			fillIn(item, { 'aria-level': hit.depth + 1, 'aria-label': cut(titleOf(this, hit), NAME_SHOWN),
				'aria-selected': this.chosen >= 0 }, []);
			item.classList.toggle('is-chosen', this.chosen >= 0);
		}
		this.item.replaceWith(item);
		this.item = item;
		if (hadFocus)
			item.focus({ preventScroll: true });
	}

	choose(node) {
		this.chosen = node;
		this.showItem();
		this.item.focus({ preventScroll: true });
		this.bringIntoView(node);
		this.hoverBox.classList.add('hidden');
		this.tell('hover', { hit: this.chosenHit(), why: 'key' });
	}

	/* Between what sticks to the ends of the window. */
	bringIntoView(node) {
		const y = this.svg.getBoundingClientRect().top + this.yOf(this.shape.depth(node));
		const top = Math.max(0, this.bar.top.getBoundingClientRect().bottom);
		const bottom = Math.min(window.innerHeight, this.bar.details.getBoundingClientRect().top);

		if (y < top + this.rowHeight || y > bottom - 2 * this.rowHeight)
			window.scrollBy(0, y - (top + bottom) / 2);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the pictures of a page, <svg class="eprof">, and puts a view in the place of each. A file
 * that is a picture by itself becomes a page: its root is replaced, so that the view has the same
 * ground everywhere. The style sheet is taken along as it was: a page's policy may know its hash.
 */
const WIDTH_DEFAULT = 1200;

function textOf(svg, selector) {
	const element = svg.querySelector(selector);

	return element ? element.textContent : '';
}

/* What is waited for: its colour's letter, its name, and the legend's words; empty where the picture
 * is not of waiting. */
function readWaits(svg) {
	return Array.from(svg.querySelectorAll('.legend [data-kind]'), (entry) => ({
		letter: entry.querySelector('rect').getAttribute('class')[0],
		kind: entry.dataset.kind, text: entry.textContent,
	}));
}

/* marks: which of the values count; null: all of them. */
function sumOf(values, marks) {
	let sum = 0;

	for (let i = 0; i < values.length; i++) {
		if (marks === null || marks[i])
			sum += values[i];
	}
	return sum;
}

/* What was there before and is gone lies below a note of its own at the root. */
const REMOVED = '[removed]';

/* Both sides of a comparison. */
function readComparison(pack, data) {
	const { nodes, labels } = pack;

	if (nodes.befores === null)
		return { isComparison: false, gone: null };
	const gone = markPaths(nodes, Uint8Array.from(labels.name, (name, label) =>
		name === REMOVED && labels.letter[label] === 'n' ? 1 : 0));

	return {
		isComparison: true, gone,
		isNormalized: data.normalized === '1',
		isNegated: data.negated === '1',
		sides: [data.before || 'before', data.after || 'after'],
		/* As it was: what is drawn may be scaled. */
		beforeTotal: Number(data.beforeTotal) || sumOf(nodes.befores, null),
		afterTotal: sumOf(nodes.selves, null) - sumOf(nodes.selves, gone),
	};
}

/* What frames can be coloured by; first what they are at first. The letters of labels are those of
 * the palette that was asked for, unless that is the one by module. */
function coloursOf(pack, data, isComparison) {
	const letters = data.colors && data.colors !== 'module' ? data.colors : 'kind';
	const hasModules = pack.labels.place.some((place) => place.module !== '');
	const colours = isComparison ? ['change', letters] : [letters];

	if (hasModules && data.colors === 'module')
		return isComparison ? ['change', 'module', letters] : ['module', letters];
	return hasModules ? colours.concat(['module']) : colours;
}

function readPicture(svg, index, count) {
	const data = svg.dataset;
	const pack = unpack(svg);
	const waits = readWaits(svg);
	const comparison = readComparison(pack, data);
	const picture = {
		pack, data, waits, waitLetters: new Map(waits.map(({ letter, kind }) => [letter, kind])),
		...comparison,
		unit: new Unit(data),
		title: textOf(svg, '.head'), subtitle: textOf(svg, '.subtitle'),
		notes: textOf(svg, '.notes'),
		width: Number(data.width) || WIDTH_DEFAULT,
		hasWidth: data.width !== undefined,
		total: sumOf(pack.nodes.selves, null),
		colours: coloursOf(pack, data, comparison.isComparison),
		defs: svg.querySelector('defs'),
		rulesAtFirst: [],
		suffix: index > 0 ? String(index + 1) : '',
		isAlone: count === 1, isFirst: index === 0,
	};

	return prepareWaits(picture);
}

/* Time that only waits for work is hidden at first, unless there is nothing else. */
function prepareWaits(picture) {
	const { pack, waitLetters, total } = picture;

	picture.workTotal = 0;
	if (waitLetters.has(WORK))
		picture.workTotal = sumOf(pack.nodes.selves, markWork(pack, waitLetters));
	picture.canHideWork = picture.workTotal > 0 && picture.workTotal < total;
	if (picture.canHideWork)
		picture.rulesAtFirst = [{ kind: 'work' }];
	return picture;
}

function makeView(picture) {
	const view = new View(picture);

	view.menu = new Menu(view);
	view.bar = new Bar(view);
	view.host = htmlElement('div', { class: 'eprof eprof-view' + (picture.waitLetters.size > 0 ?
		' waits' : ''), role: 'group', 'aria-label': picture.title },
	view.bar.top, htmlElement('div', { class: 'scene' }, view.svg), view.bar.details,
	picture.notes ? htmlElement('p', { class: 'notes' }, picture.notes) : null,
	view.live, view.menu.element, view.bar.help);
	if (picture.hasWidth)
		view.svg.style.width = picture.width + 'px';
	return view;
}

/* A page that is one picture: its root becomes a page, with the picture's own style sheet. */
function makePage(svg, picture) {
	const style = svg.querySelector('style');
	const head = htmlElement('head', {}, htmlElement('title', {}, picture.title),
		htmlElement('meta', { name: 'viewport', content: 'width=device-width' }));
	const body = htmlElement('body', { class: 'eprof-page' });

	if (style)
		head.append(htmlElement('style', {}, style.textContent));
	document.replaceChild(htmlElement('html', { lang: 'en' }, head, body), document.documentElement);
	return body;
}

/* The pictures below a node become views; signal: see listen(). */
function start(below, signal) {
	const pictures = Array.from(below.querySelectorAll('svg.eprof'))
		.filter((svg) => svg.querySelector('metadata.nodes'));
	const views = pictures.map((svg, index) => {
		const view = makeView(readPicture(svg, index, pictures.length));

		if (svg === document.documentElement)
			makePage(svg, view.picture).append(view.host);
		else
			svg.replaceWith(view.host);
		return view;
	});

	setTheme(themeKept());
	for (const view of views) {
		view.makeLayout();
		view.draw();
		view.bar.show();
		listen(view, signal);
	}
	return { views, address: new Address(views, signal) };
}

/* For the scripts of pages that have more than pictures (page.js), and that get them later. */
const eprof = { start, tools: { htmlElement, percent, grouped, cut, escapePattern },
	...start(document) };

/* Roots are at the bottom: that is where one begins to read. */
if (eprof.views.length === 1)
	eprof.views[0].showRoot();

globalThis.eprof = eprof;
})();

/* SPDX-License-Identifier: Apache-2.0 */
/* What is above and below the frames: title, search, the way to what is zoomed to, switches, what is
 * left out, the legend, and a line that tells of one frame. */
const CRUMBS_FIRST = 2;
const CRUMBS_LAST = 4;
const CRUMB_GLYPHS = 40;

/* label: what it is called and says when it is pointed at; it has the words on it, so that people can
 * say them. */
function button(text, label, onclick, attributes) {
	return htmlElement('button', { type: 'button', 'aria-label': label, title: label, onclick,
		...attributes }, text);
}

class Bar {
	constructor(view) {
		this.view = view;
		this.makeSearch();
		this.crumbs = htmlElement('nav', { class: 'crumbs', 'aria-label': 'Way to what is shown' });
		this.chips = htmlElement('div', { class: 'chips' });
		this.switches = this.makeSwitches();
		this.details = htmlElement('div', { class: 'details' });
		this.top = htmlElement('div', { class: 'bar' },
			htmlElement('div', { class: 'line' }, this.makeTitle(), this.searchLine),
			htmlElement('div', { class: 'line' }, this.crumbs, this.switches.line),
			this.chips, makeLegend(view));
		this.help = makeHelp();
		view.on('change', () => this.show());
		view.on('hover', (of, detail) => this.showDetails(detail.hit));
	}

	makeTitle() {
		const { title, subtitle } = this.view.picture;

		return htmlElement('div', { class: 'titles' },
			htmlElement(document.querySelector('h1') ? 'h2' : 'h1', {}, title),
			subtitle ? htmlElement('span', { class: 'subtitle' }, subtitle) : null);
	}

	makeSearch() {
		this.input = htmlElement('input', { type: 'search', class: 'find', spellcheck: 'false',
			autocomplete: 'off', placeholder: 'Search: regular expression  /',
			'aria-label': 'Search names, a regular expression',
			oninput: () => this.takeSearch(),
			onkeydown: (event) => this.searchKey(event) });
		this.ignoreCase = button('Aa', 'Tell upper from lower case',
			() => this.view.set({ ignoresCase: !this.view.state.ignoresCase }, 'search'));
		this.previous = button('\u2039', 'Previous match (N)', () => this.step(-1));
		this.following = button('\u203a', 'Next match (n)', () => this.step(1));
		this.matched = htmlElement('output', { class: 'matched', 'aria-live': 'polite' });
		this.searchLine = htmlElement('div', { class: 'search', role: 'search' }, this.matched,
			this.input, this.ignoreCase, this.previous, this.following);
	}

	takeSearch() {
		this.view.set({ pattern: this.input.value }, 'search');
	}

	searchFor(pattern) {
		this.input.value = pattern;
		this.takeSearch();
	}

	openSearch() {
		this.input.focus();
		this.input.select();
	}

	searchKey(event) {
		event.stopPropagation();
		if (event.key === 'Enter')
			this.step(event.shiftKey ? -1 : 1);
		else if (event.key === 'Escape')
			this.closeSearch();
		else
			return;
		event.preventDefault();
	}

	closeSearch() {
		this.searchFor('');
		this.view.item.focus({ preventScroll: true });
	}

	/* Zooms to the next match, those with the most time first; so far back in the other direction. */
	step(by) {
		const { view } = this;

		if (view.search === null)
			return;
		if (view.hits === null) {
			view.hits = view.shape === view.forward ? view.search.allHits() :
				view.search.drawnHits(view.layout);
			this.stepped = -1;
		}
		const count = view.hits.length;

		if (count === 0)
			return view.say('No match is left.');
		this.stepped = this.stepped < 0 && by < 0 ? count - 1 :
			(this.stepped + by + count) % count;
		const node = view.hits[this.stepped];

		view.zoomTo(node);
		this.showDetails(view.layout.find(node));
		view.say('Match ' + (this.stepped + 1) + ' of ' + count + ': ' +
			cut(titleOf(view, view.layout.find(node)), NAME_SHOWN));
		return undefined;
	}

	makeSwitches() {
		const { view } = this;
		const toggle = (name, text, label) => button(text, label,
			() => view.set({ [name]: !view.state[name], path: [], from: '', to: '' }, name),
			{ class: 'switch' });
		const switches = {
			reset: button('Reset', 'Reset: show all (0)', () => view.reset(), { class: 'reset' }),
			reversed: toggle('reversed', 'Reverse', 'Reverse: from the leaves to their callers (r)'),
			merged: toggle('merged', 'Merge recursion',
				'Merge recursion: a function that calls itself is one frame (R)'),
			inverted: button('Icicle', 'Icicle: callers above (i)',
				() => view.set({ inverted: !view.state.inverted }, 'inverted'), { class: 'switch' }),
			theme: button('\u25d1', 'Light or dark (t)', () => nextTheme(view)),
			help: button('?', 'Keys (?)', () => this.toggleHelp()),
		};

		switches.colours = htmlElement('select', { 'aria-label': 'Colours',
			onchange: (event) => view.set({ colours: event.target.value }, 'colours') },
		...view.picture.colours.map((name) => htmlElement('option', { value: name },
			'Colours: ' + name)));
		switches.line = htmlElement('div', { class: 'switches' }, switches.reset, switches.reversed,
			switches.merged, switches.inverted,
			view.picture.colours.length > 1 ? switches.colours : null, switches.theme, switches.help);
		return switches;
	}

	toggleHelp() {
		if (this.help.open)
			this.help.close();
		else
			this.help.showModal();
	}

	show() {
		const { state } = this.view;

		for (const name of ['reversed', 'merged', 'inverted'])
			this.switches[name].setAttribute('aria-pressed', state[name]);
		this.switches.colours.value = state.colours;
		this.switches.reset.classList.toggle('hidden', this.view.isWhole());
		this.ignoreCase.setAttribute('aria-pressed', !state.ignoresCase);
		if (this.input.value !== state.pattern)
			this.input.value = state.pattern;
		this.showCrumbs();
		this.showChips();
		this.showMatched();
		this.showDetails(null);
	}

	showCrumbs() {
		const { view } = this;
		const nodes = [];

		for (let node = view.zoom.node; node >= 0; node = view.shape.parent(node))
			nodes.push(node);
		nodes.reverse();
		const crumb = (node) => button(cut(view.nameOf(node), CRUMB_GLYPHS),
			'Zoom out to ' + cut(view.nameOf(node), NAME_SHOWN), () => view.zoomTo(node));
		const isLong = nodes.length > CRUMBS_FIRST + CRUMBS_LAST + 1;
		const parts = isLong ? [...nodes.slice(0, CRUMBS_FIRST).map(crumb),
			htmlElement('span', { class: 'more' },
				framesText(nodes.length - CRUMBS_FIRST - CRUMBS_LAST)),
			...nodes.slice(-CRUMBS_LAST).map(crumb)] : nodes.map(crumb);

		if (view.zoom.from >= 0)
			parts.push(htmlElement('span', { class: 'more' }, 'narrow frames'));
		parts[parts.length - 1].setAttribute('aria-current', 'location');
		this.crumbs.replaceChildren(...parts);
	}

	showChips() {
		const { view } = this;
		const { rules } = view.state;
		const left = 'Show again: ';

		this.chips.replaceChildren(...rules.filter((rule) => rule.kind !== 'work').map((rule) =>
			button(ruleText(rule) + ' \u00d7', left + ruleText(rule), () => view.set(
				{ rules: view.state.rules.filter((other) => other !== rule) }, 'rules'))));
		if (view.state.calls !== '') {
			const text = (isFromLeaves(view) ? 'callers of ' : 'calls of ') + cut(view.state.calls, 40);

			this.chips.append(button(text + ' \u00d7', 'Show all stacks, not only ' + text,
				() => leaveCalls(view)));
		}
		if (rules.length > 0)
			this.chips.append(htmlElement('span', { class: 'shown' }, view.unit.count(
				wholeOf(view)) + ' of ' + view.unit.count(view.picture.isComparison ?
				view.picture.afterTotal : view.picture.total) + ' shown'));
	}

	showMatched() {
		const { view, matched } = this;

		matched.classList.toggle('error', view.searchError !== '');
		matched.title = view.searchError;
		if (view.searchError !== '') {
			matched.textContent = 'Not a pattern: ' + cut(view.state.pattern, 30);
			return;
		}
		if (view.search === null) {
			matched.textContent = '';
			return;
		}
		const { total, gone } = view.search;
		const whole = wholeOf(view);

		matched.textContent = 'Matched: ' + view.unit.count(total) + ', ' + percent(total, whole) +
			(view.state.rules.length > 0 ? ofAll(view) : '') +
			(gone > 0 ? ', and ' + view.unit.count(gone) + ' ' + goneText(view) : '') +
			(view.isWhole() ? '' : ' (' + percent(view.search.totalIn(view.layout),
				view.layout.total) + ' of view)');
	}

	/* null: of what is chosen or zoomed to. */
	showDetails(hit) {
		const { view } = this;
		const of = hit || (view.layout.total > 0 ? view.chosenHit() : null);

		this.details.replaceChildren(...(of === null ? ['Nothing is left to show.'] :
			detailsOf(view, of).map(([name, text]) => htmlElement('span', { class: name }, text))));
	}
}

/* Auto, light, dark, and again; kept where the browser lets a page keep something. */
const THEMES = ['auto', 'light', 'dark'];
const THEME_KEY = 'eprof-theme';

function setTheme(theme) {
	if (theme === 'auto')
		delete document.documentElement.dataset.theme;
	else
		document.documentElement.dataset.theme = theme;
}

function themeKept() {
	try {
		const theme = window.localStorage.getItem(THEME_KEY);

		return THEMES.includes(theme) ? theme : 'auto';
	} catch (error) {
		return 'auto';
	}
}

function nextTheme(view) {
	const theme = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || 'auto') + 1) %
		THEMES.length];

	setTheme(theme);
	view.say('Colours: ' + theme);
	try {
		window.localStorage.setItem(THEME_KEY, theme);
	} catch (error) {
		/* It holds for this page then. */
	}
}

const KEYS = [
	['/, Ctrl+F, F3', 'search names by a regular expression'],
	['n, N', 'next, previous match: those with the most time first'],
	['\u2190 \u2191 \u2192 \u2193', 'walk the graph'],
	['Enter', 'zoom to the chosen frame'],
	['Backspace', 'zoom out to its caller'],
	['0, Escape', 'show all'],
	['m', 'menu of the chosen frame; so does a right click or a long touch'],
	['c, C', 'copy its name, its stack'],
	['h, H, f', 'hide it, hide its function everywhere, show only stacks with it'],
	['b, B', 'its callees wherever it is called, its callers'],
	['s', 'search for its name'],
	['r, R, i', 'reverse, merge recursion, icicle'],
	['w', 'show or hide waiting for work'],
	['t', 'light or dark'],
];

function makeHelp() {
	const help = htmlElement('dialog', { class: 'help', 'aria-label': 'Keys' },
		htmlElement('dl', {}, ...KEYS.flatMap(([keys, text]) =>
			[htmlElement('dt', {}, keys), htmlElement('dd', {}, text)])),
		button('Close', 'Close', () => help.close()));

	help.addEventListener('keydown', (event) => event.stopPropagation());
	return help;
}

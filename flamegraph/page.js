/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of the page, and what they do to each other. */
class Functions {
	constructor(link) {
		const choose = (name) => this.choose(name);

		this.link = link;
		this.pattern = '';
		this.forwards = [];
		this.rows = [];
		this.table = new FigureTable({ label: 'All functions', onchoose: choose,
			caption: 'All functions; a stack counts once, however often a function is in it',
			columns: [NAME_COLUMN, MODULE_COLUMN, ...figureColumns(['self', 'total'])],
			sorted: 2 });
		this.chosen = new Chosen({ onchoose: choose,
			doAll: (change, why) => this.doInPictures(change, why) });
		this.input = htmlElement('input', { type: 'search', spellcheck: 'false',
			autocomplete: 'off', placeholder: 'Search: regular expression', 'aria-label': 'Search functions',
			oninput: () => this.takePattern() });
		this.error = htmlElement('output', { class: 'error' });
		this.note = htmlElement('p', { class: 'note' });
		this.element = htmlElement('section', { class: 'functions',
			'aria-labelledby': 'eprof-functions',
			onkeydown: (event) => this.key(event) },
		htmlElement('div', { class: 'line' },
			htmlElement('h2', { id: 'eprof-functions' }, 'Functions'),
			htmlElement('div', { class: 'search', role: 'search' }, this.error, this.input)),
		this.note,
		htmlElement('div', { class: 'panes' }, this.table.element, this.chosen.element));
		for (const view of views) {
			view.on('change', (of) => this.change(of));
			if (view.listeners.function)
				view.on('function', (of, name) => this.choose(name, true));
		}
		this.takePatternOf(views[0]);
		this.makeRows();
	}

	/* Some key of a picture would do something there. */
	key(event) {
		if (event.ctrlKey || event.metaKey || event.altKey)
			return;
		if (event.key === '/' && event.target !== this.input) {
			this.input.focus();
			this.input.select();
			event.preventDefault();
		} else if (event.key === 'Escape' && event.target === this.input) {
			this.input.value = '';
			this.takePattern();
		}
		if (event.key !== 't' && event.key !== '?')
			event.stopPropagation();
	}

	takePattern() {
		this.pattern = this.input.value;
		if (this.link.isOn)
			this.link.doAll({ pattern: this.pattern }, 'search');
		else
			this.filter();
	}

	takePatternOf(view) {
		this.pattern = view.state.pattern;
		this.ignoresCase = view.state.ignoresCase;
		if (this.input.value !== this.pattern)
			this.input.value = this.pattern;
	}

	change(view) {
		if (this.link.isOn)
			this.takePatternOf(view);
		if (views.some((one, index) => one.forward !== this.forwards[index]))
			this.makeRows();
		else if (this.filteredBy !== this.filterText())
			this.filter();
	}

	filterText() {
		return (this.ignoresCase ? 'i ' : ' ') + this.pattern;
	}

	makeRows() {
		this.forwards = views.map((view) => view.forward);
		this.rows = joinRows(this.forwards.map(sumFunctions));
		this.note.textContent = views.filter((view) => view.state.rules.length > 0).map((view) =>
			view.picture.title + ': of the ' + view.unit.count(view.forward.total(0)) +
			' that the picture shows').join('; ');
		this.table.take(this.rows);
		this.filter();
		if (this.chosen.name !== null)
			this.choose(this.chosen.name);
	}

	filter() {
		let regexp = null;

		this.filteredBy = this.filterText();
		this.error.textContent = '';
		try {
			regexp = this.pattern && new RegExp(this.pattern, this.ignoresCase ? 'iu' : 'u');
		} catch (error) {
			this.error.textContent = 'Not a pattern';
			this.error.title = error.message;
		}
		if (regexp)
			this.table.filter((row) => regexp.test(row.name),
				['function matches', 'functions match']);
		else
			this.table.filter(null, ['function', 'functions']);
	}

	/* isShown: what is below the pictures comes into view. */
	choose(name, isShown) {
		this.chosen.show(name, this.rows.find((row) => row.name === name));
		this.table.choose(name);
		if (isShown) {
			this.chosen.element.scrollIntoView({ block: 'nearest' });
			this.chosen.heading.focus({ preventScroll: true });
		}
	}

	doInPictures(change, why) {
		this.link.doAll(change, why);
		document.querySelector('.pictures').scrollIntoView({ block: 'end' });
	}
}

/* Keys that scroll a page do so unless a picture is meant; where there is but one, it is. */
const SCROLLING = new Set(['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight']);

function leaveKeysToPage(event) {
	if (SCROLLING.has(event.key) && (event.target === document.body ||
			event.target === document.documentElement) &&
			!document.querySelector('.eprof-view:hover'))
		event.stopPropagation();
}

/* Of pictures side by side the roots are at the same height; icicles have theirs at the top. */
function alignRoots(view) {
	view.host.classList.toggle('from-top', view.state.inverted);
}

/* signal: see listen() of view_input.js. */
function startPage(signal) {
	const pictures = document.querySelector('.pictures');
	const header = document.querySelector('body > header');
	const link = new Link();
	const functions = new Functions(link);

	for (const view of views) {
		view.on('change', alignRoots);
		alignRoots(view);
	}
	if (views.length > 1 && header)
		header.append(link.element);
	else if (views.length > 1)
		pictures.before(link.element);
	pictures.after(functions.element);
	if (views.length > 1)
		document.addEventListener('keydown', leaveKeysToPage, { capture: true, signal });
	return [link.element, functions.element];
}

if (views.length > 0) {
	startPage();
	if (views[0].host.getBoundingClientRect().bottom > window.innerHeight)
		views[0].showRoot();
}

/* For a page that gets its pictures later, and others after them. Returns what was put beside them,
 * which is the page's to take away. */
globalThis.eprof.startPage = (those, signal) => {
	views = those;
	return startPage(signal);
};
})();

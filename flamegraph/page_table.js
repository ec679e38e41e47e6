/* SPDX-License-Identifier: Apache-2.0 */
/* A table of functions with figures of each view: sorted by any column, walked by keys, and with no
 * more rows in the page than can be looked at. */
const ROWS_AT_ONCE = 200;
const ROWS_MAX = 2000;
const NAME_GLYPHS = 300;
const PAGE_OF_ROWS = 10;

function putFigure(cell, view, value) {
	const whole = wholeOf(view);

	cell.className = 'figure';
	if (value <= 0)
		return;
	cell.append(view.unit.number(value), htmlElement('span', { class: 'share' },
		percent(value, whole)));
	cell.style.setProperty('--part', String(whole > 0 ? 100 * value / whole : 0));
}

function putChange(cell, value) {
	cell.className = 'figure';
	cell.append((value >= 0 ? '+' : '') + value.toFixed(2));
}

const NAME_COLUMN = { text: 'Function', isText: true, className: 'name-head',
	value: (row) => row.name,
	put: (cell, row) => {
		cell.className = 'name';
		cell.title = cut(row.name, 4 * NAME_GLYPHS);
		cell.append(cut(row.name, NAME_GLYPHS));
	} };
const MODULE_COLUMN = { text: 'Module', isText: true, className: 'module',
	value: (row) => row.module,
	put: (cell, row) => {
		cell.className = 'module';
		cell.title = row.module;
		cell.append(cut(row.module.slice(row.module.lastIndexOf('/') + 1), NAME_GLYPHS));
	} };

/* Of one view; which: 'self' or 'total'. */
function figureColumn(view, index, which) {
	return { text: which, className: 'number', view, value: (row) => row.figures[index][which],
		put: (cell, row) => putFigure(cell, view, row.figures[index][which]) };
}

function changeColumn(view, index) {
	const change = (row) => changeOf(view, row.figures[index]);

	return { text: 'change, %', className: 'number', view, value: change,
		put: (cell, row) => putChange(cell, change(row)) };
}

/* The columns of all views that show these figures of a function. */
function figureColumns(which) {
	return views.flatMap((view, index) => [
		...which.map((one) => figureColumn(view, index, one)),
		...view.picture.isComparison ? [changeColumn(view, index)] : [],
	]);
}

function compareText(a, b) {
	return a < b ? -1 : a > b ? 1 : 0;
}

class FigureTable {
	/* onchoose: told of the row that was pressed. sorted: the number of the column at first. */
	constructor({ caption, label, columns, sorted, onchoose }) {
		this.columns = columns;
		this.onchoose = onchoose;
		this.sorted = sorted;
		this.isDown = !columns[sorted].isText;
		this.isAsked = false; /* somebody has pressed the head of a column */
		this.all = [];
		this.rows = []; /* those of all that are wanted */
		this.test = null;
		this.limit = ROWS_AT_ONCE;
		this.chosen = null;
		this.body = htmlElement('tbody', {
			onclick: (event) => this.press(event.target.closest('tr')),
			onkeydown: (event) => this.key(event),
		});
		this.table = htmlElement('table', { class: 'figures', role: 'grid' },
			htmlElement('caption', {}, caption), this.makeHead(), this.body);
		this.shown = htmlElement('span', { class: 'shown', 'aria-live': 'polite' });
		this.more = htmlElement('button', { type: 'button', onclick: () => this.showMore() },
			'Show more');
		this.scroll = htmlElement('div', { class: 'wide tall', tabindex: -1 }, this.table);
		this.element = htmlElement('div', { class: 'table', role: 'group', 'aria-label': label },
			this.scroll, htmlElement('div', { class: 'foot' }, this.shown, this.more));
	}

	/* A line that says which view the columns below are of, where there are such. */
	makeHead() {
		const groups = htmlElement('tr', { class: 'groups' });
		const heads = htmlElement('tr', {});

		this.heads = this.columns.map((column, index) => this.makeColumnHead(column, index));
		this.columns.forEach((column, index) => {
			const span = this.columns.filter((other) => other.view === column.view).length;

			if (!column.view)
				groups.append(htmlElement('td', { class: column.className }));
			else if (this.columns[index - 1].view !== column.view)
				groups.append(htmlElement('th', { scope: 'colgroup', colspan: span },
					cut(column.view.picture.title, 40) + ', ' + unitText(column.view.unit)));
		});
		heads.append(...this.heads);
		return htmlElement('thead', {}, groups, heads);
	}

	makeColumnHead(column, index) {
		return htmlElement('th', { scope: 'col', class: column.className },
			htmlElement('button', { type: 'button', onclick: () => this.sortBy(index) },
				column.text));
	}

	/* By the totals of a view, unless somebody wants it otherwise. */
	prefer(view) {
		if (!this.isAsked)
			this.sorted = this.columns.findIndex((column) =>
				column.view === view && column.text === 'total');
	}

	sortBy(index) {
		this.isAsked = true;
		this.isDown = index === this.sorted ? !this.isDown : !this.columns[index].isText;
		this.sorted = index;
		this.sort();
		this.filter(this.test, this.what);
	}

	sort() {
		const { value, isText } = this.columns[this.sorted];
		const sign = this.isDown ? -1 : 1;

		this.all.sort((a, b) => sign * (isText ? compareText(value(a), value(b)) :
			value(a) - value(b)) || compareText(a.name, b.name));
	}

	/* They are shown by what follows, filter(). */
	take(rows) {
		this.all = rows.slice();
		this.sort();
	}

	/* test: of a row, whether it is wanted; null: each is. what: the rows, in words:
	 * ["function", "functions"] */
	filter(test, what) {
		this.test = test;
		this.what = what;
		this.rows = test === null ? this.all : this.all.filter(test);
		this.limit = ROWS_AT_ONCE;
		this.draw();
		this.scroll.scrollTop = 0;
	}

	showMore() {
		const first = this.limit;

		this.limit = Math.min(this.limit + ROWS_AT_ONCE, ROWS_MAX);
		this.draw();
		this.focusRow(first);
	}

	draw() {
		const drawn = this.rows.slice(0, this.limit);

		this.heads.forEach((head, index) => {
			if (index === this.sorted)
				head.setAttribute('aria-sort', this.isDown ? 'descending' : 'ascending');
			else
				head.removeAttribute('aria-sort');
		});
		this.body.replaceChildren(...drawn.map((row) => this.makeRow(row)));
		if (this.body.firstChild && !this.body.querySelector('[tabindex="0"]'))
			this.body.firstChild.tabIndex = 0;
		this.more.hidden = this.rows.length <= this.limit || this.limit >= ROWS_MAX;
		this.element.classList.toggle('empty', drawn.length === 0);
		this.shown.textContent = this.countText(drawn.length, this.rows.length);
	}

	/* "200 of 3,456 functions" */
	countText(drawn, count) {
		const isCut = drawn < count;

		return (isCut ? grouped(drawn) + ' of ' : '') + grouped(count) + ' ' +
			this.what[count === 1 ? 0 : 1] +
			(isCut && this.limit >= ROWS_MAX ? '; search for others' : '');
	}

	makeRow(row) {
		const isChosen = row.name === this.chosen;
		const element = htmlElement('tr', { tabindex: isChosen ? 0 : -1,
			'aria-selected': String(isChosen) });

		this.columns.forEach((column, index) => {
			const cell = index === 0 ? htmlElement('th', { scope: 'row' }) : htmlElement('td');

			column.put(cell, row);
			element.append(cell);
		});
		return element;
	}

	choose(name) {
		this.chosen = name;
		Array.from(this.body.children).forEach((element, index) => {
			element.setAttribute('aria-selected', String(this.rows[index].name === name));
		});
	}

	focusRow(index) {
		const rows = this.body.children;
		const to = rows[Math.max(0, Math.min(index, rows.length - 1))];

		if (!to)
			return;
		for (const row of rows)
			row.tabIndex = row === to ? 0 : -1;
		to.focus();
	}

	press(element) {
		const index = Array.from(this.body.children).indexOf(element);

		if (index < 0)
			return;
		this.focusRow(index);
		this.onchoose(this.rows[index].name);
	}

	key(event) {
		const at = Array.from(this.body.children).indexOf(event.target.closest('tr'));
		const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.rows.length,
			PageDown: at + PAGE_OF_ROWS, PageUp: at - PAGE_OF_ROWS };

		if (event.key in steps)
			this.focusRow(steps[event.key]);
		else if (event.key === 'Enter' || event.key === ' ')
			this.press(event.target.closest('tr'));
		else
			return;
		event.preventDefault();
	}
}

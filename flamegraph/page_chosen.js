/* SPDX-License-Identifier: Apache-2.0 */
/* One function: what it had, by whom it is called, and what it calls. */
class Chosen {
	/* onchoose: told of a caller or callee that was pressed. doAll: see Link. */
	constructor({ onchoose, doAll }) {
		const table = (caption) => new FigureTable({ caption, label: caption,
			columns: [NAME_COLUMN, ...figureColumns(['total'])], sorted: 1, onchoose });

		this.name = null;
		this.doAll = doAll;
		this.heading = htmlElement('h3', { tabindex: -1 });
		this.figures = htmlElement('p', { class: 'its-figures' });
		this.callers = table('Callers');
		this.callees = table('Callees');
		this.tables = htmlElement('div', { class: 'neighbours' }, this.callers.element,
			this.callees.element);
		this.buttons = this.makeButtons();
		this.element = htmlElement('section', { class: 'chosen-function',
			'aria-label': 'Callers and callees' });
		this.element.append(htmlElement('p', { class: 'hint' },
			'Choose a function to see by whom it is called, and what it calls.'));
	}

	makeButtons() {
		const show = (text, reversed) => htmlElement('button', { type: 'button',
			onclick: () => this.showInPictures(reversed) }, text);

		return htmlElement('div', { class: 'buttons' }, show('Show its callees', false),
			show('Show its callers', true),
			htmlElement('button', { type: 'button', onclick: () => this.search() },
				'Search for it'));
	}

	/* row: of the function, or undefined where it is in none of what is shown. */
	show(name, row) {
		const lists = views.map((view) => sumNeighbours(view.forward, name));

		this.name = name;
		this.heading.textContent = cut(name, NAME_GLYPHS);
		this.figures.replaceChildren(...this.figureLines(row));
		this.showNeighbours(this.callers, lists.map((list) => list.callers), row);
		this.showNeighbours(this.callees, lists.map((list) => list.callees), row);
		this.element.replaceChildren(this.heading, this.figures, this.buttons, this.tables);
	}

	showNeighbours(table, lists, row) {
		table.prefer(this.viewWithMost(row));
		table.take(joinRows(lists));
		table.filter(null, table === this.callers ? ['caller', 'callers'] : ['callee', 'callees']);
	}

	/* In which kind of time the function has the largest share. */
	viewWithMost(row) {
		const share = (index) => row ? row.figures[index].total / wholeOf(views[index]) || 0 : 0;

		return views.reduce((best, view, index) =>
			share(index) > share(views.indexOf(best)) ? view : best);
	}

	figureLines(row) {
		if (!row)
			return [htmlElement('span', {}, 'Not in what is shown.')];
		const lines = views.map((view, index) => {
			const { self, total } = row.figures[index];
			const whole = wholeOf(view);

			return htmlElement('span', {}, view.picture.title + ': ' + (total <= 0 ? 'none' :
				view.unit.countAndTime(total) + ', ' + percent(total, whole) + '; self ' +
				view.unit.count(self) + ', ' + percent(self, whole)));
		});

		return row.module ? [htmlElement('span', {}, row.module), ...lines] : lines;
	}

	showInPictures(reversed) {
		this.doAll({ calls: this.name, reversed, path: [], from: '', to: '' }, 'calls');
	}

	search() {
		this.doAll({ pattern: '^' + escapePattern(this.name) + '$' }, 'search');
	}
}

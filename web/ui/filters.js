/* SPDX-License-Identifier: Apache-2.0 */
/* Which profiles: by host and labels. Names and values are offered as they are kept. */
import { askJson } from './api.js';
import { button, htmlElement } from './dom.js';
import { selectionOf, timeOf } from './state.js';

const LABEL = 'label.';
const NOT_LABELS = new Set(['host', 'service']); /* among the names that are kept */
const OFFERED_MAX = 500;

function nameText(name) {
	return name.startsWith(LABEL) ? name.slice(LABEL.length) : name;
}

/* What a label has been seen with, or which labels there are (name ""). What it might be is no
 * reason for an error of the page. */
export async function offeredValues(name, state, now) {
	try {
		return (await askJson('/api/v1/values', [...selectionOf(state, timeOf(state, now), []),
			...name === '' ? [] : [['name', name]]])).values;
	} catch (error) {
		return [];
	}
}

let lists = 0; /* ids have to differ */

/* title: what it is for; filters: [[name, value], ...]; change(filters): told of the new ones. */
export class Filters {
	constructor({ title, filters, page, change }) {
		this.filters = filters;
		this.page = page;
		this.change = change;
		this.offers = htmlElement('datalist', { id: 'values' + ++lists });
		this.name = htmlElement('select', { 'aria-label': title + ': label',
			onchange: () => this.offer() }, htmlElement('option', { value: 'host' }, 'host'));
		this.value = htmlElement('input', { list: this.offers.id, spellcheck: 'false',
			autocomplete: 'off', placeholder: 'value', 'aria-label': title + ': value',
			onfocus: () => this.offer(),
			onkeydown: (event) => event.key === 'Enter' && this.add(),
			onchange: () => this.isOffered() && this.add() });
		this.chips = htmlElement('span', { class: 'chips' }, ...filters.map((filter) =>
			this.makeChip(filter)));
		this.element = htmlElement('div', { class: 'filters', role: 'group', 'aria-label': title },
			htmlElement('span', { class: 'what' }, title), this.chips, this.name, this.value,
			this.offers, button('Add', () => this.add(), { title: 'Add this filter' }));
		this.loadNames();
	}

	makeChip(filter) {
		const text = nameText(filter[0]) + ' = ' + filter[1];

		return button(text + ' \u00d7', () => this.change(this.filters.filter((one) => one !== filter)),
			{ class: 'chip', 'aria-label': 'Remove ' + text });
	}

	async loadNames() {
		const names = await offeredValues('', this.page.state, this.page.now);

		this.name.append(...names.filter((name) => !NOT_LABELS.has(name)).map((name) =>
			htmlElement('option', { value: LABEL + name }, name)));
	}

	async offer() {
		const wanted = this.name.value;

		if (this.offered === wanted)
			return;
		this.offered = wanted;
		const values = await offeredValues(nameText(wanted), this.page.state, this.page.now);

		this.offers.replaceChildren(...values.slice(0, OFFERED_MAX).map((value) =>
			htmlElement('option', { value })));
	}

	isOffered() {
		return Array.from(this.offers.options).some(({ value }) => value === this.value.value);
	}

	/* Once: whoever presses Enter has changed the value, too. */
	add() {
		const filter = [this.name.value, this.value.value];
		const isThere = this.filters.some(([name, value]) => name === filter[0] && value === filter[1]);

		if (filter[1] === '' || isThere || this.isDone)
			return;
		this.isDone = true;
		this.change([...this.filters, filter]);
	}
}

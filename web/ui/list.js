/* SPDX-License-Identifier: Apache-2.0 */
/* All services: how much each had, and when, as a line. */
import { askJson } from './api.js';
import { button, figure, htmlElement, link, svgElement } from './dom.js';
import { addressOf, ALL, selectionOf, stepOf, stepsOf, timeOf } from './state.js';

const POINTS = 60; /* of a line */
const WIDTH = 180;
const HEIGHT = 28;
const NS = 1e9;

/* Time is shown as what it is of a second: CPUs in use, or threads that wait. */
function amountOf(point) {
	return Number(point.count) / (point.unit === 'nanoseconds' ? NS : 1);
}

/* By service: { values: by step, mean } */
function gather(answer, { first, count, secondsOf }) {
	const seconds = Array.from({ length: count }, (unused, index) => secondsOf(index));
	const all = seconds.reduce((sum, one) => sum + one, 0);
	const services = new Map();

	for (const point of answer.points) {
		const index = point.at / answer.step - first;

		if (!services.has(point.value))
			services.set(point.value, { values: new Float64Array(count), mean: 0 });
		const service = services.get(point.value);

		service.values[index] += amountOf(point) / seconds[index];
		service.mean += amountOf(point) / all;
	}
	return services;
}

function sparkline(values, name) {
	const most = values.reduce((max, value) => Math.max(max, value), 0) || 1;
	const x = (index) => (WIDTH * index / Math.max(1, values.length - 1)).toFixed(1);
	const y = (value) => (HEIGHT - 1 - (HEIGHT - 2) * value / most).toFixed(1);
	const line = Array.from(values, (value, index) => x(index) + ',' + y(value)).join(' ');

	return svgElement('svg', { class: 'sparkline', viewBox: '0 0 ' + WIDTH + ' ' + HEIGHT,
		role: 'img', 'aria-label': name + ': at most ' + figure(most) },
	svgElement('polygon', { points: '0,' + HEIGHT + ' ' + line + ' ' + WIDTH + ',' + HEIGHT }),
	svgElement('polyline', { points: line }));
}

const NOTHING = { values: new Float64Array(2), mean: 0 };

function figureCell(service, name) {
	return htmlElement('td', { class: 'series' }, htmlElement('span', { class: 'mean' },
		figure(service.mean)), sparkline(service.values, name));
}

function makeRow(page, name, of) {
	const address = addressOf({ ...page.state, service: name });

	return htmlElement('tr', {}, htmlElement('th', { scope: 'row' },
		link(name, address, () => page.go({ service: name }))),
	figureCell(of.on, name + ', CPUs in use'), figureCell(of.off, name + ', threads that wait'));
}

function compareText(a, b) {
	return a < b ? -1 : a > b ? 1 : 0;
}

function nothingKept(page) {
	return htmlElement('section', { class: 'message' },
		htmlElement('h2', {}, 'No profile in this time'),
		htmlElement('p', {}, 'Choose a longer time above, or send some:'),
		htmlElement('pre', {}, 'eprof agent --upload eprof://' + window.location.host),
		htmlElement('div', { class: 'buttons' },
			button('The last 24 hours', () => page.go({ last: 86400, fixed: null })),
			button('The last 30 days', () => page.go({ last: 30 * 86400, fixed: null }))));
}

function makeTable(page, on, off) {
	const names = Array.from(new Set([...on.keys(), ...off.keys()]));
	const of = new Map(names.map((name) => [name,
		{ on: on.get(name) || NOTHING, off: off.get(name) || NOTHING }]));
	const body = htmlElement('tbody');
	const note = htmlElement('p', { class: 'note', 'aria-live': 'polite' });
	const show = (pattern) => {
		const wanted = names.filter((name) => name.toLowerCase().includes(pattern.toLowerCase()));

		body.replaceChildren(...wanted.map((name) => makeRow(page, name, of.get(name))));
		note.textContent = wanted.length === names.length ? names.length + ' services' :
			wanted.length + ' of ' + names.length + ' services';
	};

	names.sort((a, b) => of.get(b).on.mean - of.get(a).on.mean || compareText(a, b));
	show('');
	return htmlElement('section', { class: 'services', 'aria-labelledby': 'services-head' },
		htmlElement('div', { class: 'line' }, htmlElement('h2', { id: 'services-head' }, 'Services'),
			htmlElement('input', { type: 'search', placeholder: 'Name of a service',
				'aria-label': 'Find services', spellcheck: 'false',
				oninput: (event) => show(event.target.value) })),
		htmlElement('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'Services' },
			htmlElement('table', { class: 'list' },
				htmlElement('thead', {}, htmlElement('tr', {},
					htmlElement('th', { scope: 'col' }, 'Service'),
					htmlElement('th', { scope: 'col' }, 'CPUs in use'),
					htmlElement('th', { scope: 'col' }, 'Threads that wait'))), body)),
		htmlElement('div', { class: 'buttons' }, note,
			button('All of them together', () => page.go({ service: ALL }))));
}

/* The content of the page; page: see app.js. */
export async function showList(page, now, signal) {
	const time = timeOf(page.state, now);
	const step = stepOf(time, POINTS);
	const steps = stepsOf(time, step);
	const pairs = [...selectionOf(page.state, steps), ['by', 'service'], ['states', '0'],
		['step', String(step)]];
	const [on, off] = await Promise.all(['on-cpu', 'off-cpu'].map((kind) =>
		askJson('/api/v1/series', [...pairs, ['kind', kind]], signal)));
	const content = on.points.length + off.points.length > 0 ?
		makeTable(page, gather(on, steps), gather(off, steps)) : nothingKept(page);

	return [content];
}

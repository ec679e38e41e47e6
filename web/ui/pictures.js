/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flame graphs of what is selected, with their functions. The server sends the element that a
 * file of its own would have, and the view is the same (flamegraph/view_start.js).
 */
import { askText, download, isOfAll } from './api.js';
import { button, dateText, htmlElement, spanText } from './dom.js';
import { ALL, beforeSpanOf, kindsOf, selectionOf, spanOf } from './state.js';

const TITLES = new Map([['on-cpu', 'on-CPU'], ['off-cpu', 'off-CPU']]);
const titleOf = (kind) => TITLES.get(kind) || kind;
const FORMATS = { svg: 'svg', folded: 'folded', pprof: 'pb.gz', html: 'html' };

/* What to ask for: [{ title, path, pairs, formats, name }, ...] */
function questions(state, now) {
	const span = spanOf(state, now);
	const before = beforeSpanOf(state, now);
	const after = selectionOf(state, span);
	const hasOwn = (name) => state.before.filters.some(([own]) => own === name);
	const filtersBefore = [...state.filters.filter(([name]) => !hasOwn(name)),
		...state.before.filters];
	const one = (title, kind, pairs) => ({ title, path: '/api/v1/merge', formats: Object.keys(FORMATS),
		pairs: [['kind', kind], ...pairs], name: fileName(state, kind) });

	return kindsOf(state).flatMap((kind) => {
		if (state.show === 'profile')
			return [one(titleOf(kind), kind, after)];
		if (state.show === 'sides')
			return [one(titleOf(kind) + ', before', kind, selectionOf(state, before, filtersBefore)),
				one(titleOf(kind) + ', after', kind, after)];
		return [{ title: titleOf(kind) + ', what has changed', path: '/api/v1/diff',
			formats: ['svg', 'folded', 'html'], name: fileName(state, kind + '-diff'),
			pairs: [['kind', kind], ...after, ['before.from', String(Math.floor(before.from))],
				['before.until', String(Math.ceil(before.until))],
				...state.before.filters.map(([name, value]) => ['before.' + name, value])] }];
	});
}

function fileName(state, what) {
	const service = state.service === ALL ? 'all' : state.service;

	return service.replace(/[^\w.-]+/g, '_').slice(0, 80) + '-' + what;
}

function downloads(question, page) {
	const buttons = question.formats.map((format) => button(format === 'pprof' ? 'pprof' :
		format === 'folded' ? 'Folded' : format.toUpperCase(), async () => {
		try {
			await download(question.path, [...question.pairs, ['format', format]],
				question.name + '.' + FORMATS[format]);
		} catch (error) {
			page.tell(error);
		}
	}, { 'aria-label': 'Download ' + question.title + ' as ' + format }));

	return htmlElement('div', { class: 'downloads', role: 'group',
		'aria-label': 'Download ' + question.title },
	htmlElement('span', {}, 'Download ' + question.title + ':'), ...buttons);
}

/* The element that the answer is; what it is not, is an error. */
function parse(text) {
	const parsed = new DOMParser().parseFromString(text, 'image/svg+xml');

	if (parsed.documentElement.localName !== 'svg' || parsed.querySelector('parsererror'))
		throw new Error('The server sent no picture');
	return document.importNode(parsed.documentElement, true);
}

/* What cannot be drawn is told in its place. */
async function load(question, signal) {
	try {
		const text = await askText(question.path, [...question.pairs, ['format', 'picture']], signal);

		return text === '' ? { question, missing: 'nothing was recorded' } :
			{ question, svg: parse(text) };
	} catch (error) {
		if (isOfAll(error))
			throw error;
		return { question, failed: error.message };
	}
}

function nothingThere(page, answers) {
	const { state, now } = page;
	const { from, until } = spanOf(state, now);

	return htmlElement('section', { class: 'message' },
		htmlElement('h2', {}, 'Nothing was recorded'),
		htmlElement('p', {}, 'From ' + dateText(from) + ' for ' + spanText(until - from) + ': ' +
			answers.map(({ question, missing, failed }) => question.title + ': ' +
				(failed || missing)).join('; ') + '.'),
		htmlElement('div', { class: 'buttons' },
			state.span ? button('The whole time above', () => page.go({ span: null })) : null,
			state.filters.length > 0 ? button('Without filters', () => page.go({ filters: [] })) : null,
			state.kind ? button('On-CPU and off-CPU', () => page.go({ kind: '' })) : null,
			state.show === 'profile' ? null :
				button('Do not compare', () => page.go({ show: 'profile' })),
			button('The last 24 hours', () => page.go({ last: 86400, fixed: null, span: null }))));
}

function missingText({ question, missing, failed }) {
	return htmlElement('p', { class: failed ? 'note failed' : 'note' },
		'No ' + question.title + ': ' + (failed || missing));
}

/* The content below the time axis: the nodes, and what is to be done when they are in the page, with
 * a signal that fires when they are not any more. */
export async function loadPictures(page, signal) {
	const answers = await Promise.all(questions(page.state, page.now).map((question) =>
		load(question, signal)));
	const found = answers.filter(({ svg }) => svg);

	if (found.length === 0)
		return { nodes: [nothingThere(page, answers)], start: () => [] };
	const section = htmlElement('section', { class: 'pictures' + (found.length > 1 ? ' several' : ''),
		'aria-label': 'Flame graphs' }, ...found.map(({ svg }) => svg));
	const nodes = [...answers.filter(({ svg }) => !svg).map(missingText),
		htmlElement('div', { class: 'keep' }, ...found.map(({ question }) =>
			downloads(question, page))), section];

	return { nodes, start: (shown) => {
		const { views } = globalThis.eprof.start(section, shown);

		return views.length > 0 ? globalThis.eprof.startPage(views, shown) : [];
	} };
}

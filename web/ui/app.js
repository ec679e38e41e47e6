/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of eprof-server. Its state is in the address (state.js); whatever changes it makes the
 * page anew, as far as that is needed: the list of services, or the times, pictures and functions
 * of one. What is under way for a state that is gone is given up.
 */
import { isOfAll, keepToken, NEEDS_TOKEN, onBusy, Refusal } from './api.js';
import { button, choice, dateText, fromInput, htmlElement, link, spanText, toInput }
	from './dom.js';
import { Filters, offeredValues } from './filters.js';
import { showList } from './list.js';
import { loadPictures } from './pictures.js';
import { addressOf, ALL, beforeSpanOf, spanOf, stateFrom, timeOf } from './state.js';
import { Timeline } from './timeline.js';

const BUSY_MS = 150; /* what is faster needs no bar */
const TIMES = [['900', 'last 15 minutes'], ['3600', 'last hour'], ['21600', 'last 6 hours'],
	['86400', 'last 24 hours'], ['604800', 'last 7 days'], ['2592000', 'last 30 days']];
const FIXED = 'fixed';

const main = document.getElementById('main');
const controls = document.getElementById('controls');
const busy = document.getElementById('busy');

const page = {
	state: stateFrom(window.location.search),
	now: 0,
	timeline: null,
	timelineOf: '', /* what it was loaded for */
	added: [], /* what the pictures put beside themselves */
	shown: null, /* of the pictures that are in the page */
	loading: null, /* of the state that is being shown */
	tell: showError,
	/* Changes some of the state. */
	go(change) {
		const state = { ...page.state, ...change };
		/* Where one was in the pictures of another service says nothing. */
		const place = 'service' in change ? '' : window.location.hash;

		window.history.pushState(null, '', addressOf(state) + place);
		show(state);
	},
};

function nowSeconds() {
	return Math.ceil(Date.now() / 1000);
}

/* --- what is under way ---------------------------------------------------------------------- */

let busyTimer = 0;

function showBusy({ asked, answered }) {
	const isBusy = asked > answered;

	main.setAttribute('aria-busy', String(isBusy));
	if (!isBusy) {
		window.clearTimeout(busyTimer);
		busyTimer = 0;
		busy.replaceChildren();
	} else if (busy.firstChild) {
		busy.querySelector('progress').max = asked;
		busy.querySelector('progress').value = answered;
	} else if (!busyTimer) {
		busyTimer = window.setTimeout(() => {
			const progress = htmlElement('progress', { 'aria-label': 'Loading', max: asked });

			if (answered > 0)
				progress.value = answered;
			busy.replaceChildren(progress);
		}, BUSY_MS);
	}
}

/* --- what went wrong ------------------------------------------------------------------------ */

function tokenForm() {
	const input = htmlElement('input', { type: 'password', id: 'token', autocomplete: 'off' });

	return htmlElement('form', { class: 'buttons', onsubmit: (event) => {
		event.preventDefault();
		keepToken(input.value);
		show(page.state);
	} }, htmlElement('label', { for: 'token' }, 'Token'), input,
	htmlElement('button', {}, 'Go on'));
}

function showError(error) {
	if (error.name === 'AbortError')
		return;
	const needsToken = error instanceof Refusal && NEEDS_TOKEN.includes(error.status);
	const message = htmlElement('section', { class: 'message error', role: 'alert' },
		htmlElement('h2', {}, needsToken ? 'A token is needed' : 'That did not work'),
		htmlElement('p', {}, error.message),
		needsToken ? tokenForm() : htmlElement('div', { class: 'buttons' },
			button('Try again', () => show(page.state)),
			link('All services', '/', () => page.go({ service: '' }))));

	main.querySelectorAll('.message').forEach((one) => one.remove());
	main.prepend(message);
	if (!(error instanceof Refusal))
		console.error(error);
}

/* --- what is asked for ---------------------------------------------------------------------- */

function chooseTime(value) {
	if (value === FIXED)
		page.go({ fixed: timeOf(page.state, page.now) });
	else
		page.go({ last: Number(value), fixed: null, span: null,
			before: { ...page.state.before, span: null } });
}

/*
 * Two times to write; take({ from, until }). They count when they are left, or Enter is pressed:
 * while one is written, each part of it is a change.
 */
function spanInputs(label, { from, until }, take) {
	const times = [from, until];
	let isDone = false; /* it is made anew then */
	const input = (index, name) => {
		const commit = ({ target }) => {
			const time = fromInput(target.value);

			/* Browsers write the same time in several ways. */
			if (time === null || time === times[index] || isDone)
				return;
			times[index] = time;
			isDone = times[0] < times[1];
			if (isDone)
				take({ from: times[0], until: times[1] });
		};

		return htmlElement('input', { type: 'datetime-local', step: 1, value: toInput(times[index]),
			'aria-label': label + ' ' + name, onblur: commit,
			onkeydown: (event) => event.key === 'Enter' && commit(event) });
	};

	return htmlElement('span', { class: 'span' }, input(0, 'from'), ' to ', input(1, 'until'));
}

function timeControls() {
	const { state } = page;
	const options = TIMES.some(([value]) => Number(value) === state.last) ? TIMES :
		[...TIMES, [String(state.last), 'last ' + spanText(state.last)]];

	return [choice('Time', [...options, [FIXED, 'from ... to ...']],
		state.fixed ? FIXED : String(state.last), chooseTime),
	state.fixed ? spanInputs('Time', state.fixed, (fixed) => page.go({ fixed })) : null,
	button('Refresh', () => show(page.state), { title: 'Ask again' })];
}

function showControls() {
	const { state } = page;

	controls.replaceChildren(...[
		state.service ? link('All services', addressOf({ ...state, service: '' }),
			() => page.go({ service: '', span: null, filters: [], show: 'profile' })) : null,
		...timeControls()].filter((one) => one));
}

function compareControls() {
	const { state, now } = page;

	if (state.show === 'profile')
		return null;
	return htmlElement('div', { class: 'compare' },
		new Filters({ title: 'Before', filters: state.before.filters, page,
			change: (filters) => page.go({ before: { ...state.before, filters } }) }).element,
		spanInputs('Before', beforeSpanOf(state, now), (span) =>
			page.go({ before: { ...state.before, span } })),
		choice('Dragging sets', [['after', 'after'], ['before', 'before']], page.dragged,
			(value) => { page.dragged = value; }),
		button('Exchange', () => page.go({
			span: beforeSpanOf(state, now), filters: exchanged(state),
			before: { span: spanOf(state, now), filters: state.filters },
		}), canExchange(state) ? { title: 'Before becomes after' } :
			{ title: 'After has no filter of that name, and Before cannot be without one',
				disabled: '' }));
}

/* Before has all filters of After but those that it has of its own. */
function canExchange({ filters, before }) {
	return before.filters.every(([own]) => filters.some(([name]) => name === own));
}

function exchanged(state) {
	const own = new Set(state.before.filters.map(([name]) => name));

	return [...state.filters.filter(([name]) => !own.has(name)), ...state.before.filters];
}

/* Kinds of other profilers are offered where there are some. */
function kindChoice() {
	const { state, now } = page;
	const known = [['', 'on-CPU and off-CPU'], ['on-cpu', 'on-CPU'], ['off-cpu', 'off-CPU']];
	const isKnown = (kind) => known.some(([one]) => one === kind);
	const own = isKnown(state.kind) ? [] : [[state.kind, state.kind]];
	const field = choice('Kind', [...known, ...own], state.kind, (kind) => page.go({ kind }));

	offeredValues('kind', state, now).then((kinds) => field.querySelector('select')
		.append(...kinds.filter((kind) => !isKnown(kind) && kind !== state.kind).map((kind) =>
			htmlElement('option', { value: kind }, kind))));
	return field;
}

function selectionControls() {
	const { state, now } = page;
	const span = spanOf(state, now);

	return htmlElement('section', { class: 'selection', 'aria-label': 'What is shown' },
		htmlElement('div', { class: 'line' },
			choice('Show', [['profile', 'one time'], ['diff', 'what has changed'],
				['sides', 'before and after, side by side']], state.show, (show) => page.go({ show })),
			kindChoice(),
			spanInputs('Span', span, (chosen) => page.go({ span: chosen })),
			state.span ? button('Whole time', () => page.go({ span: null })) : null),
		new Filters({ title: state.show === 'profile' ? 'Filters' : 'After', filters: state.filters, page,
			change: (filters) => page.go({ filters }) }).element,
		compareControls());
}

page.dragged = 'after';

function chooseSpan(span) {
	const { state } = page;

	/* What was chosen is a part of this time, also when it is looked at later. */
	const fixed = timeOf(state, page.now);

	if (state.show !== 'profile' && page.dragged === 'before')
		page.go({ fixed, before: { ...state.before, span } });
	else
		page.go({ fixed, span });
}

/* --- what is shown -------------------------------------------------------------------------- */

function endPictures() {
	page.shown?.abort();
	page.shown = new AbortController();
	page.added.forEach((one) => one.remove());
	page.added = [];
}

/* Controls are made anew with the state: the one that was used keeps the focus. */
function nameOf(element) {
	return element.tagName + (element.getAttribute('aria-label') || element.textContent);
}

function replaceContent(nodes) {
	const focused = main.contains(document.activeElement) ? nameOf(document.activeElement) : null;

	main.replaceChildren(...nodes);
	if (focused === null)
		return;
	const heir = Array.from(main.querySelectorAll('button, select, input, a')).find((element) =>
		nameOf(element) === focused);

	(heir || main).focus({ preventScroll: true });
}

/* The times stay while only what is below them changes; where they fail, it is told in their place. */
async function loadTimes(signal) {
	const { state, now } = page;
	const of = JSON.stringify([state.service, state.filters, timeOf(state, now)]);

	if (page.timeline === null)
		page.timeline = new Timeline(chooseSpan);
	if (page.timelineOf === of)
		return;
	try {
		await page.timeline.load(state, now, signal);
		page.timelineOf = of;
	} catch (error) {
		if (isOfAll(error))
			throw error;
		page.timelineOf = '';
		page.timeline.fail(error.message);
	}
}

async function showService(signal) {
	const { state } = page;
	const heading = htmlElement('h2', { class: 'service' },
		state.service === ALL ? 'All services' : state.service);
	const [pictures] = await Promise.all([loadPictures(page, signal), loadTimes(signal)]);

	if (signal.aborted)
		return;
	endPictures();
	replaceContent([heading, page.timeline.element, selectionControls(), ...pictures.nodes]
		.filter((one) => one));
	page.timeline.draw(state, page.now);
	page.added = pictures.start(page.shown.signal);
}

function endTimes() {
	page.timeline?.end();
	page.timeline = null;
	page.timelineOf = '';
}

async function showServices(signal) {
	const nodes = await showList(page, page.now, signal);

	if (signal.aborted)
		return;
	endPictures();
	endTimes();
	replaceContent(nodes);
}

function titleOf(state, now) {
	const { from, until } = spanOf(state, now);

	return state.service === '' ? 'eprof' : (state.service === ALL ? 'all services' : state.service) +
		', ' + dateText(from) + ', ' + spanText(until - from) + ' - eprof';
}

async function show(state) {
	page.loading?.abort();
	page.loading = new AbortController();
	const { signal } = page.loading;

	page.state = state;
	/* A time that was chosen stays where it was, while it is looked at. */
	if (page.now === 0 || !state.span)
		page.now = nowSeconds();
	document.title = titleOf(state, page.now);
	showControls();
	try {
		await (state.service === '' ? showServices(signal) : showService(signal));
	} catch (error) {
		if (!signal.aborted)
			showError(error);
	}
}

document.getElementById('home').addEventListener('click', (event) => {
	if (event.ctrlKey || event.metaKey || event.shiftKey)
		return;
	event.preventDefault();
	page.go({ service: '', span: null, filters: [], show: 'profile', kind: '' });
});

/* The way back: the '#' is the pictures' own matter. */
window.addEventListener('popstate', () => {
	const state = stateFrom(window.location.search);

	if (addressOf(state) !== addressOf(page.state))
		show(state);
});
onBusy(showBusy);
show(page.state);

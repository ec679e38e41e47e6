/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the page shows, as the address says it in front of the '#'; behind it is where one is in the
 * pictures (flamegraph/view_history.js).
 *   service=S                 which service, or "*": all together; without it: the list of them
 *   last=SECONDS              the time until now, or
 *   from=T&until=T            a time that stays
 *   span=T-T                  the part of it that was chosen
 *   kind=on-cpu|off-cpu|...   one picture; without it: both
 *   show=diff|sides           compared with what is "before."
 *   host=, label.NAME=        filters, any number of them
 *   before.span=T-T, before.host=, before.label.NAME=
 */
export const LAST_DEFAULT = 3600;

/* What eprof's own agents send; others have more. */
const KINDS = ['on-cpu', 'off-cpu'];
const SHOWS = ['profile', 'diff', 'sides'];

function spanFrom(text) {
	const match = /^(\d+)-(\d+)$/.exec(text || '');

	return match && Number(match[1]) < Number(match[2]) ?
		{ from: Number(match[1]), until: Number(match[2]) } : null;
}

function numberFrom(text) {
	return /^\d{1,12}$/.test(text || '') ? Number(text) : 0;
}

/* beginning: "" or "before." */
function filtersFrom(params, beginning) {
	return Array.from(params).filter(([name]) => name.startsWith(beginning) &&
		/^(host$|label\.)/.test(name.slice(beginning.length)))
		.map(([name, value]) => [name.slice(beginning.length), value]);
}

export function stateFrom(search) {
	const params = new URLSearchParams(search);
	const time = { from: numberFrom(params.get('from')), until: numberFrom(params.get('until')) };

	return {
		service: params.get('service') || '',
		last: numberFrom(params.get('last')) || LAST_DEFAULT,
		fixed: time.from < time.until ? time : null,
		span: spanFrom(params.get('span')),
		kind: params.get('kind') || '',
		show: SHOWS.includes(params.get('show')) ? params.get('show') : 'profile',
		filters: filtersFrom(params, ''),
		before: { span: spanFrom(params.get('before.span')), filters: filtersFrom(params, 'before.') },
	};
}

export function addressOf(state) {
	const params = new URLSearchParams();
	const put = (name, value) => value && params.append(name, value);
	const putSpan = (name, span) => span && params.append(name, span.from + '-' + span.until);

	put('service', state.service);
	if (state.fixed) {
		put('from', state.fixed.from);
		put('until', state.fixed.until);
	} else if (state.last !== LAST_DEFAULT) {
		put('last', state.last);
	}
	putSpan('span', state.span);
	put('kind', state.kind);
	put('show', state.show === 'profile' ? '' : state.show);
	state.filters.forEach(([name, value]) => params.append(name, value));
	if (state.show !== 'profile') {
		putSpan('before.span', state.before.span);
		state.before.filters.forEach(([name, value]) => params.append('before.' + name, value));
	}
	return '/' + (params.size > 0 ? '?' + params : '');
}

/* Whether it is one service, or none is chosen, or all of them together. */
export const ALL = '*';

function isOne(state) {
	return state.service !== '' && state.service !== ALL;
}

/* The time that the axis shows. */
export function timeOf(state, now) {
	return state.fixed || { from: Math.max(0, now - state.last), until: now };
}


/* Seconds between the points of a line, at most so many of them; windows have a minute, or more. */
export function stepOf({ from, until }, points) {
	return Math.max(60, Math.ceil((until - from) / points));
}

/*
 * The steps of a line, from the beginning of the first one on; the last one is of the seconds that are
 * over. { first, count, from, until, secondsOf(index) }
 */
export function stepsOf({ from, until }, step) {
	const first = Math.floor(from / step);

	return { first, count: Math.max(1, Math.ceil(until / step) - first), from: first * step, until,
		secondsOf: (index) => Math.max(1, Math.min(step, until - (first + index) * step)) };
}

/* What the pictures are of. */
export function spanOf(state, now) {
	return state.span || timeOf(state, now);
}

/* As long as the span, and just before it, unless another one was chosen. */
export function beforeSpanOf(state, now) {
	const { from, until } = spanOf(state, now);

	if (state.before.span)
		return state.before.span;
	return state.before.filters.length > 0 ? { from, until } :
		{ from: Math.max(0, from - (until - from)), until: Math.max(1, from) };
}

export function kindsOf(state) {
	return state.kind ? [state.kind] : KINDS;
}

/* The parameters of a request: [[name, value], ...] */
export function selectionOf(state, { from, until }, filters = state.filters) {
	return [...isOne(state) ? [['service', state.service]] : [], ...filters,
		['from', String(Math.floor(from))], ['until', String(Math.ceil(until))]];
}

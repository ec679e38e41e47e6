/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where one is, in the address behind the '#', so that it can be kept, sent, and gone back from: names,
 * not numbers or pixels, so it means the same in another profile. Of a page with several pictures
 * the keys of the second end in 2, and so on:
 *   z=NAME;NAME  zoom       from=NAME to=NAME  narrow callees of it side by side
 *   q=PATTERN    search     case=1             upper and lower case are the same
 *   f=NAME       one function's calls
 *   r=1 m=1 i=1  reversed, recursion merged, icicle (i=0: not, where the picture is one)
 *   c=NAME       colours
 *   x=KIND:NAME;NAME&x=...  what is left out; x= where nothing is
 * A path that is too long for an address is kept by the browser, for the way back only.
 */
const ADDRESS_MAX = 8000; /* letters */

/* It stands for a name without letters, and is encoded in others. */
const NO_NAME = ',';

function pathText(path) {
	return path.map((step) => step === '' ? NO_NAME : encodeURIComponent(step)).join(';');
}

function pathFrom(text) {
	return text === '' ? [] : text.split(';').map((step) => {
		try {
			return step === NO_NAME ? '' : decodeURIComponent(step);
		} catch (error) {
			return step;
		}
	});
}

function ruleToText(rule) {
	return rule.kind + ':' + pathText(rule.kind === 'hide' ? rule.path :
		rule.kind === 'work' ? [] : [rule.name]);
}

function ruleFromText(text) {
	const kind = text.slice(0, text.indexOf(':'));
	const path = pathFrom(text.slice(kind.length + 1));

	if (kind === 'work')
		return { kind };
	if (kind === 'hide' && path.length > 0)
		return { kind, path };
	return (kind === 'without' || kind === 'focus') && path.length === 1 ?
		{ kind, name: path[0] } : null;
}

function isSameRules(one, other) {
	return one.map(ruleToText).join(' ') === other.map(ruleToText).join(' ');
}

/* [key, value] for all that is not as it was at first. */
function stateToPairs(view) {
	const { state, picture, firstState } = view;
	const pairs = [];
	const put = (key, isWanted, value) => isWanted && pairs.push([key + picture.suffix, value]);

	put('z', state.path.length > 0, pathText(state.path));
	put('from', state.from !== '', encodeURIComponent(state.from));
	put('to', state.from !== '', encodeURIComponent(state.to));
	put('q', state.pattern !== '', encodeURIComponent(state.pattern));
	put('case', state.ignoresCase, '1');
	put('f', state.calls !== '', encodeURIComponent(state.calls));
	put('r', state.reversed, '1');
	put('m', state.merged, '1');
	put('i', state.inverted !== firstState.inverted, state.inverted ? '1' : '0');
	put('c', state.colours !== firstState.colours, encodeURIComponent(state.colours));
	if (!isSameRules(state.rules, firstState.rules)) {
		put('x', state.rules.length === 0, '');
		for (const rule of state.rules)
			put('x', true, ruleToText(rule));
	}
	return pairs;
}

function stateFromPairs(view, pairs) {
	const { picture, firstState } = view;
	const all = (key) => pairs.filter(([name]) => name === key + picture.suffix)
		.map(([, value]) => value);
	const one = (key) => all(key).pop();
	const text = (key) => pathFrom(one(key) || '')[0] || '';
	const rules = all('x').map(ruleFromText).filter((rule) => rule !== null);
	const colours = text('c');

	return {
		path: pathFrom(one('z') || ''), from: text('from'), to: text('to'),
		pattern: text('q'), ignoresCase: one('case') === '1',
		calls: text('f'), reversed: one('r') === '1', merged: one('m') === '1',
		inverted: one('i') === undefined ? firstState.inverted : one('i') === '1',
		colours: picture.colours.includes(colours) ? colours : firstState.colours,
		rules: all('x').length === 0 ? firstState.rules : rules,
	};
}

function pairsOfAddress() {
	return window.location.hash.slice(1).split('&').filter((part) => part !== '').map((part) => {
		const key = part.split('=', 1)[0];

		return [key, part.slice(key.length + 1)];
	});
}

/* What is a step of its own on the way back. Typing a pattern is not one at each letter. */
const STEPS = new Set(['zoom', 'rules', 'calls', 'reversed', 'merged', 'inverted']);

class Address {
	/* signal: as that of listen(). */
	constructor(views, signal) {
		this.views = views;
		this.isGoing = false; /* set, while the state comes from the address */
		this.wanted = null;
		this.written = '[]'; /* what the address says */
		for (const view of views) {
			view.firstState = view.state;
			view.on('change', (of, why) => this.remember(why));
		}
		window.addEventListener('popstate', (event) => this.go(event.state), { signal });
		window.addEventListener('hashchange', () => this.go(window.history.state), { signal });
		if (window.location.hash.length > 1)
			this.go(window.history.state);
	}

	/* Several views that change together are one step. */
	remember(why) {
		if (this.isGoing)
			return;
		if (this.wanted === null)
			window.queueMicrotask(() => this.write());
		this.wanted = STEPS.has(why) || this.wanted === 'push' ? 'push' : 'replace';
	}

	pairs() {
		return this.views.flatMap(stateToPairs);
	}

	write() {
		const pairs = this.pairs();
		const isSame = JSON.stringify(pairs) === this.written;
		const text = pairs.map(([key, value]) => key + '=' + value).join('&');
		const isLong = text.length > ADDRESS_MAX;
		const address = '#' + (isLong ? pairs.filter(([, value]) => value.length < ADDRESS_MAX / 8)
			.map(([key, value]) => key + '=' + value).join('&') : text);
		const method = this.wanted === 'push' ? 'pushState' : 'replaceState';

		this.wanted = null;
		if (isSame)
			return;
		this.written = JSON.stringify(pairs);
		try {
			window.history[method]({ eprof: pairs }, '', address);
		} catch (error) {
			/* A page that may not: it has no way back then. */
		}
	}

	go(kept) {
		const pairs = kept && kept.eprof ? kept.eprof : pairsOfAddress();

		this.isGoing = true;
		for (const view of this.views) {
			const wanted = stateFromPairs(view, pairs);

			if (isSameRules(wanted.rules, view.state.rules))
				wanted.rules = view.state.rules;
			view.chosen = -1;
			view.set(wanted, 'address');
			if (view.zoom.length < wanted.path.length)
				view.say('Not in this profile: ' +
					cut(nameOfStep(wanted.path[view.zoom.length]), NAME_SHOWN));
		}
		this.written = JSON.stringify(this.pairs());
		this.isGoing = false;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Zoom, search, the switch of waiting for work, and the keys. */
function show(next) {
	view = next;
	draw();
	resetButton.classList.toggle('hidden', isWhole());
	showMatched();
}

function reset() {
	show(viewOf(0, tree.count));
}

function zoomTo(node) {
	show(viewOf(node, tree.end[node]));
}

/* The counts of the topmost hits within first .. end - 1: what lies on a hit is not added again. */
function sumHits(first, end) {
	let sum = 0;

	for (let node = first; node < end;) {
		if (isHit(node)) {
			sum += sums.totals[node];
			node = tree.end[node];
		} else {
			node++;
		}
	}
	return sum;
}

function sumHitsInView() {
	for (let node = tree.parent[view.first]; node >= 0; node = tree.parent[node]) {
		if (isHit(node))
			return view.total;
	}
	return sumHits(view.first, view.end);
}

function showMatched() {
	if (marks === null)
		return;
	const hits = sumHits(0, tree.count);
	let text = 'Matched: ' + (unit === 'microseconds' ? countText(hits) + ', ' : '') +
		percent(hits, sums.totals[0]) + (sums === shown ? '' : ofAll());

	if (!isWhole())
		text += ' (' + percent(sumHitsInView(), view.total) + ' of view)';
	matched.textContent = text;
	matched.classList.remove('error');
}

/* Marks are made per distinct name, of which there are far fewer than frames. */
function search(text) {
	let pattern = null;

	marks = null;
	matched.textContent = '';
	matched.classList.remove('error');
	if (text !== '') {
		try {
			pattern = new RegExp(text, 'u');
		} catch (error) {
			matched.textContent = 'Not a pattern: ' + text;
			matched.classList.add('error');
		}
	}
	if (pattern !== null)
		marks = Uint8Array.from(labels.names, (name) => pattern.test(name) ? 1 : 0);
	for (const [node, element] of elements)
		element.classList.toggle('hit', isHit(node));
	showMatched();
}

/* Makes an element one that can be pressed, with the keyboard too. */
function onPress(element, action) {
	element.setAttribute('tabindex', 0);
	element.setAttribute('role', 'button');
	element.classList.add('button');
	element.addEventListener('click', action);
	element.addEventListener('keydown', (event) => {
		if (event.key !== 'Enter' && event.key !== ' ')
			return;
		event.preventDefault();
		event.stopPropagation();
		action();
	});
}

function button(x, anchor, text, action) {
	const element = make('text', { x, y: 24, 'text-anchor': anchor }, text);

	onPress(element, action);
	root.append(element);
	return element;
}

const resetButton = button(MARGIN, 'start', 'Reset zoom', reset);
const searchButton = button(width - MARGIN, 'end', 'Search', openSearch);
const matched = make('text', { class: 'matched', x: width - MARGIN, y: 18,
	'text-anchor': 'end', 'aria-live': 'polite' });
const prompt = makePrompt();

function makePrompt() {
	const box = make('foreignObject', { class: 'hidden', x: width - MARGIN - 300, y: 6,
		width: 300, height: 24 });
	const input = document.createElementNS(XHTML, 'input');

	input.setAttribute('type', 'text');
	input.setAttribute('placeholder', 'regular expression');
	input.setAttribute('aria-label', 'Search names');
	input.addEventListener('input', () => search(input.value));
	input.addEventListener('keydown', (event) => {
		event.stopPropagation();
		if (event.key === 'Enter')
			return search(input.value);
		if (event.key === 'Escape')
			closeSearch();
	});
	box.append(input);
	root.append(box);
	return { box, input };
}

/* The legend's entry of waiting for work; null: nothing to hide, or nothing else to show. */
const workSwitch = working && root.querySelector('.legend [data-letter=' + WORK + ']');

function showSwitch() {
	const isHidden = sums === working;

	workSwitch.setAttribute('aria-pressed', isHidden);
	workSwitch.querySelector('text').textContent = kinds.get(WORK) + ': ' +
		countText(workTotal) + (isHidden ? ' hidden - show' : ' shown - hide');
}

/* What the view was of stays, if anything of it does. */
function toggleWork() {
	sums = sums === shown ? working : shown;
	const next = viewOf(view.first, view.end);

	showSwitch();
	show(next.total > 0 ? next : viewOf(0, tree.count));
}

if (workSwitch) {
	workSwitch.setAttribute('aria-label', 'Hide ' + kinds.get(WORK) + ', ' + countText(workTotal));
	onPress(workSwitch, toggleWork);
	showSwitch();
}

function openSearch() {
	prompt.box.classList.remove('hidden');
	searchButton.classList.add('hidden');
	prompt.input.focus();
	prompt.input.select();
}

function closeSearch() {
	prompt.input.value = '';
	prompt.input.blur();
	prompt.box.classList.add('hidden');
	searchButton.classList.remove('hidden');
	search('');
}

function describeNode(node) {
	return describeInView(nameOf(node), sums.totals[node], kindText(node));
}

function choose(node) {
	const old = elements.get(chosen);
	const element = elements.get(node);

	if (!element)
		return;
	if (old)
		old.classList.remove('chosen');
	chosen = node;
	element.classList.add('chosen');
	details.textContent = describeNode(node);
}

/* Up goes to the widest callee, down to the caller, left and right to drawn neighbours. */
function neighbour(key) {
	const parent = tree.parent[chosen];
	let best = -1;

	if (key === 'ArrowDown')
		return parent;
	if (key === 'ArrowUp') {
		for (let i = chosen + 1; i < tree.end[chosen]; i = tree.end[i]) {
			if (best < 0 || sums.totals[i] > sums.totals[best])
				best = i;
		}
		return best;
	}
	for (let i = parent + 1; parent >= 0 && i < tree.end[parent]; i = tree.end[i]) {
		if (!elements.has(i) || i === chosen)
			continue;
		if (key === 'ArrowLeft' && i < chosen)
			best = i;
		if (key === 'ArrowRight' && i > chosen)
			return i;
	}
	return best;
}

/* Several pictures may share a page; keys go to the one under the pointer. */
function isAddressed() {
	return document.querySelectorAll('svg.eprof').length < 2 ||
		root.matches(':hover') || root.matches(':focus-within');
}

function onKey(event) {
	if (!isAddressed() || event.altKey || /^(input|textarea|select)$/i.test(event.target.tagName))
		return;
	if (event.ctrlKey || event.metaKey) {
		if (event.key !== 'f')
			return;
		openSearch();
	} else if (event.key === '/') {
		openSearch();
	} else if (event.key === 'Escape' || event.key === '0') {
		reset();
	} else if (event.key === 'w' && workSwitch) {
		toggleWork();
	} else if (event.key === 'Enter' && sums.totals[chosen] > 0) {
		zoomTo(chosen);
	} else if (/^Arrow(Up|Down|Left|Right)$/.test(event.key) && !event.shiftKey) {
		choose(elements.has(chosen) ? neighbour(event.key) : view.first);
	} else {
		return;
	}
	event.preventDefault();
}

function groupOf(event) {
	const group = event.target.closest && event.target.closest('g');

	return group && (group.node !== undefined || group.run) ? group : null;
}

framesGroup.addEventListener('click', (event) => {
	const group = groupOf(event);

	if (!group)
		return;
	if (group.run)
		show(viewOf(group.run.first, group.run.end));
	else
		zoomTo(group.node);
});
framesGroup.addEventListener('mouseover', (event) => {
	const group = groupOf(event);

	if (group && group.run)
		details.textContent = describeInView(runText(group.run), group.run.total, '');
	else if (group)
		details.textContent = describeNode(group.node);
});
framesGroup.addEventListener('mouseout', () => {
	details.textContent = '';
});
window.addEventListener('keydown', onKey);
footGroup.append(matched);
reset();
})();

/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done with one frame: by the menu, which a right click or the key m opens, or by a key
 * alone. */

/* Not in all browsers, nor for pages that are no files of a server; the old way works there, unless
 * the page is an SVG. What has the focus keeps it. */
function copyTheOldWay(view, text) {
	const area = htmlElement('textarea', { class: 'live' });
	const focused = document.activeElement;

	area.value = text;
	view.host.append(area);
	area.select();
	try {
		return document.execCommand('copy');
	} catch (error) {
		return false;
	} finally {
		area.remove();
		if (focused)
			focused.focus({ preventScroll: true });
	}
}

async function copyText(view, text) {
	try {
		await navigator.clipboard.writeText(text);
	} catch (error) {
		if (!copyTheOldWay(view, text))
			return view.say('The browser does not let this page copy.');
	}
	return view.say('Copied: ' + cut(text, NAME_SHOWN));
}

/* The stack as a line of folded stacks has it: from the root on. */
function stackText(view, node) {
	const path = view.pathOf(node).map(nameOfStep);

	return (isFromLeaves(view) ? path.reverse() : path).join(';');
}

function withRule(view, rule) {
	view.chosen = -1;
	view.set({ rules: view.state.rules.concat([rule]) }, 'rules');
	view.say(ruleText(rule));
}

/* One function as the root of all its calls, or of all that leads to them. */
function showCalls(view, node, wantsCallers) {
	const reversed = wantsCallers !== (view.picture.data.reversed === '1');

	view.chosen = -1;
	view.set({ calls: view.nameOf(node), reversed, path: [], from: '', to: '' }, 'calls');
}

function lastOf(path) {
	return path[path.length - 1];
}

/* What a chip and the page's voice call a rule. */
function ruleText(rule) {
	return {
		hide: () => 'without ' + cut(nameOfStep(lastOf(rule.path)), 40) + ' here',
		without: () => 'without ' + cut(rule.name, 40),
		focus: () => 'only ' + cut(rule.name, 40),
		work: () => 'without waiting for work',
	}[rule.kind]();
}

/* Paths that rules know are those of the tree itself. */
function canHide(view) {
	return !view.state.reversed && !view.state.merged && view.state.calls === '';
}

const ACTIONS = [
	{ key: 'Enter', text: 'Zoom', run: (view, node) => view.zoomTo(node) },
	{ key: 'c', text: 'Copy name', run: (view, node) => copyText(view, view.nameOf(node)) },
	{ key: 'C', text: 'Copy stack', run: (view, node) => copyText(view, stackText(view, node)) },
	{ key: 'h', text: 'Hide this frame', can: canHide,
		run: (view, node) => withRule(view, { kind: 'hide', path: view.pathOf(node) }) },
	{ key: 'H', text: 'Hide all stacks with this function',
		run: (view, node) => withRule(view, { kind: 'without', name: view.nameOf(node) }) },
	{ key: 'f', text: 'Focus: only stacks with this function',
		run: (view, node) => withRule(view, { kind: 'focus', name: view.nameOf(node) }) },
	{ key: 'b', text: 'Its callees, wherever it is called',
		run: (view, node) => showCalls(view, node, false) },
	{ key: 'B', text: 'Its callers', run: (view, node) => showCalls(view, node, true) },
	{ key: 'l', text: 'Its callers and callees in the table',
		can: (view) => view.listeners.function.length > 0,
		run: (view, node) => view.tell('function', view.nameOf(node)) },
	{ key: 's', text: 'Search for this name',
		run: (view, node) => view.bar.searchFor('^' + escapePattern(view.nameOf(node)) + '$') },
];

function escapePattern(name) {
	return name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/* Does what a key stands for; false: it stands for nothing, or there is no frame for it. */
function act(view, key, node) {
	const action = ACTIONS.find((one) => one.key === key);

	if (!action || node < 0 || (node === 0 && action.key !== 'Enter') ||
			(action.can && !action.can(view)))
		return false;
	action.run(view, node);
	return true;
}

class Menu {
	constructor(view) {
		this.view = view;
		this.element = htmlElement('div', { class: 'menu hidden', role: 'menu',
			onkeydown: (event) => this.key(event),
			onfocusout: (event) => {
				if (!this.element.contains(event.relatedTarget))
					this.close();
			} });
		this.node = -1;
	}

	/* At a point of the window, and kept inside of it. */
	open(node, x, y) {
		const { view, element } = this;

		this.node = node;
		element.setAttribute('aria-label', cut(view.nameOf(node), NAME_SHOWN));
		element.replaceChildren(htmlElement('div', { class: 'what' }, cut(view.nameOf(node), 60)),
			...ACTIONS.filter((action) => node > 0 ? !action.can || action.can(view) :
				action.key === 'Enter').map((action) => htmlElement('button', {
				type: 'button', role: 'menuitem', tabindex: -1,
				onclick: () => this.choose(action),
			}, htmlElement('span', {}, action.text), htmlElement('kbd', {}, action.key))));
		element.classList.remove('hidden');
		element.style.left = Math.max(0, Math.min(x, window.innerWidth - element.offsetWidth - 4)) +
			'px';
		element.style.top = Math.max(0, Math.min(y, window.innerHeight - element.offsetHeight - 4)) +
			'px';
		element.querySelector('button').focus();
	}

	isOpen() {
		return !this.element.classList.contains('hidden');
	}

	close() {
		if (!this.isOpen())
			return;
		const hadFocus = this.element.contains(document.activeElement);

		this.element.classList.add('hidden');
		if (hadFocus)
			this.view.item.focus({ preventScroll: true });
	}

	choose(action) {
		const { node } = this;

		this.close();
		action.run(this.view, node);
	}

	key(event) {
		const buttons = Array.from(this.element.querySelectorAll('button'));
		const at = buttons.indexOf(document.activeElement);
		const steps = { ArrowDown: 1, ArrowUp: -1 };

		event.stopPropagation();
		if (event.key in steps)
			buttons[(at + steps[event.key] + buttons.length) % buttons.length].focus();
		else if (event.key === 'Escape')
			this.close();
		else if (event.key === 'Tab')
			return this.close();
		else
			return undefined;
		return event.preventDefault();
	}
}

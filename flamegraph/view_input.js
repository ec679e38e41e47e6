/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, pointers and fingers. */

/* Up goes to the widest callee, down to the caller, left and right to the neighbours that are drawn
 * in the same row; with the callers above, up and down change places. */
function neighbourOf(view, key) {
	const { shape, layout } = view;
	const from = view.chosenHit();

	if (from === null)
		return -1;
	const towardsLeaf = view.state.inverted ? 'ArrowDown' : 'ArrowUp';

	if (key === 'ArrowLeft' || key === 'ArrowRight') {
		const { nodes } = layout.rows[from.depth];
		const step = key === 'ArrowLeft' ? -1 : 1;
		let box = from.box + step;

		while (box >= 0 && box < nodes.length && nodes[box] < 0)
			box += step;
		return box >= 0 && box < nodes.length ? nodes[box] : -1;
	}
	if (key !== towardsLeaf)
		return shape.parent(from.node);
	let widest = -1;

	for (let child = shape.first(from.node); child >= 0; child = shape.next(child)) {
		if (layout.find(child) && (widest < 0 || shape.total(child) > shape.total(widest)))
			widest = child;
	}
	return widest;
}

function walk(view, key) {
	const isFirst = view.chosen < 0 || view.item !== document.activeElement;
	const node = isFirst && view.chosen < 0 ? view.zoom.node : neighbourOf(view, key);

	if (node >= 0)
		view.choose(node);
}

function toggleWork(view) {
	const { rules } = view.state;
	const others = rules.filter((rule) => rule.kind !== 'work');

	if (view.picture.canHideWork)
		view.set({ rules: others.length < rules.length ? others : others.concat([{ kind: 'work' }]) },
			'rules');
}

function zoomOut(view) {
	const { zoom } = view;

	if (!view.isWhole())
		view.zoomTo(zoom.from >= 0 ? zoom.node : view.shape.parent(zoom.node));
}

function toggle(view, name) {
	view.set({ [name]: !view.state[name], ...(name === 'inverted' ? {} :
		{ path: [], from: '', to: '' }) }, name);
}

function leaveCalls(view) {
	view.set({ calls: '', reversed: false, path: [], from: '', to: '' }, 'calls');
}

/* One thing at a time: the zoom, the pattern, one function's calls. */
function escape(view) {
	if (!view.isWhole())
		view.reset();
	else if (view.state.pattern !== '')
		view.bar.closeSearch();
	else if (view.state.calls !== '')
		leaveCalls(view);
}

function openMenu(view, hit) {
	const of = hit || view.chosenHit();

	if (of === null || of.node < 0)
		return;
	view.choose(of.node);
	const box = view.item.getBoundingClientRect();

	view.menu.open(of.node, Math.max(0, box.left), box.bottom);
}

/* What keys without a frame stand for. */
const COMMANDS = {
	'/': (view) => view.bar.openSearch(),
	'F3': (view) => view.bar.openSearch(),
	'n': (view) => view.bar.step(1),
	'N': (view) => view.bar.step(-1),
	'0': (view) => view.reset(),
	'Escape': escape,
	'Backspace': zoomOut,
	'r': (view) => toggle(view, 'reversed'),
	'R': (view) => toggle(view, 'merged'),
	'i': (view) => toggle(view, 'inverted'),
	'w': toggleWork,
	't': nextTheme,
	'm': (view) => openMenu(view, null),
	'ContextMenu': (view) => openMenu(view, null),
	'?': (view) => view.bar.toggleHelp(),
};

/* Keys belong to the picture that has the focus, or the pointer, or was used last. */
function isAddressed(view) {
	const { host, picture } = view;

	return picture.isAlone || host.matches(':focus-within') ||
		(host.matches(':hover') && !document.querySelector('.eprof-view:focus-within')) ||
		(picture.isFirst && !document.querySelector('.eprof-view:hover, .eprof-view:focus-within'));
}

function isPressable(element) {
	return /^(button|select|a|summary|input|textarea)$/i.test(element.tagName);
}

function onKey(view, event) {
	const isFind = (event.ctrlKey || event.metaKey) && event.key === 'f';

	if (event.altKey || ((event.ctrlKey || event.metaKey) && !isFind) || !isAddressed(view) ||
			/^(input|textarea|select)$/i.test(event.target.tagName) || view.menu.isOpen())
		return;
	if (isFind) {
		view.bar.openSearch();
	} else if (/^Arrow(Up|Down|Left|Right)$/.test(event.key) && !event.shiftKey) {
		walk(view, event.key);
	} else if (event.key in COMMANDS) {
		COMMANDS[event.key](view);
	} else {
		const hit = view.chosenHit();

		/* Enter and the space bar press what has the focus. */
		if (isPressable(event.target) || hit === null || !act(view, event.key, hit.node))
			return;
	}
	event.preventDefault();
}

function zoomToHit(view, hit) {
	if (hit.run)
		view.zoomToRun(hit.run);
	else
		view.zoomTo(hit.node);
}

/* A finger has no way to point without touching: the first touch tells of a frame, a second on the
 * same one zooms. */
function onClick(view, event) {
	const hit = view.at(event.clientX, event.clientY);
	const isTouch = event.pointerType === 'touch';
	const isSame = hit !== null && view.touched !== null && hit.node === view.touched.node &&
		hit.run === view.touched.run;

	if (hit === null)
		return;
	view.touched = hit;
	if (!isTouch || isSame)
		return zoomToHit(view, hit);
	view.hover(hit, 'pointer');
	return undefined;
}

function onMove(view, event) {
	const hit = view.at(event.clientX, event.clientY);
	const old = view.pointed;
	const isSame = hit !== null && old !== null && hit.node === old.node && hit.run === old.run;

	if (event.pointerType === 'touch' || isSame || (hit === null && old === null))
		return;
	view.pointed = hit;
	view.hover(hit, 'pointer');
}

/* False: there is no frame. */
function openMenuAt(view, { clientX, clientY }) {
	const hit = view.at(clientX, clientY);

	if (hit === null || hit.run)
		return false;
	view.choose(hit.node);
	view.menu.open(hit.node, clientX, clientY);
	return true;
}

/* Not all browsers have a long touch open a menu. What comes after it is no click. */
const HOLD_MS = 500;
const HOLD_MOVES = 10; /* pixels: a finger is never still */

function listenToHolding(view) {
	const { svg } = view;
	let start = null;
	let timer = 0;
	let isHeld = false;
	const stop = () => window.clearTimeout(timer);

	svg.addEventListener('touchstart', ({ touches }) => {
		stop();
		isHeld = false;
		start = touches[0];
		if (touches.length === 1)
			timer = window.setTimeout(() => { isHeld = openMenuAt(view, start); }, HOLD_MS);
	}, { passive: true });
	svg.addEventListener('touchmove', ({ touches: [now] }) => {
		if (Math.hypot(now.clientX - start.clientX, now.clientY - start.clientY) > HOLD_MOVES)
			stop();
	}, { passive: true });
	svg.addEventListener('touchcancel', stop);
	svg.addEventListener('touchend', (event) => {
		stop();
		if (isHeld)
			event.preventDefault();
	});
}

/* Once for each frame that the screen shows. */
function soon(action) {
	let isWaiting = false;

	return () => {
		if (isWaiting)
			return;
		isWaiting = true;
		window.requestAnimationFrame(() => {
			isWaiting = false;
			action();
		});
	};
}

/* signal: when it is given, and fires, what the view has heard of the page is not heard any more. */
function listen(view, signal) {
	const { svg } = view;

	view.touched = null;
	view.pointed = null;
	svg.addEventListener('click', (event) => onClick(view, event));
	svg.addEventListener('pointermove', (event) => onMove(view, event));
	svg.addEventListener('pointerleave', () => {
		view.pointed = null;
		view.hover(null, 'pointer');
	});
	svg.addEventListener('contextmenu', (event) => {
		if (openMenuAt(view, event))
			event.preventDefault();
	});
	listenToHolding(view);
	document.addEventListener('keydown', (event) => onKey(view, event), { signal });
	document.addEventListener('scroll', soon(() => view.drawMore()),
		{ capture: true, passive: true, signal });
	window.addEventListener('beforeprint', () => view.drawForPaper(), { signal });
	window.addEventListener('afterprint', () => {
		svg.removeAttribute('viewBox');
		view.draw();
	}, { signal });
	new ResizeObserver(soon(() => {
		if (svg.isConnected && view.innerWidth() !== view.layout.width) {
			view.makeLayout();
			view.draw();
		}
	})).observe(svg);
}

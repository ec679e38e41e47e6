/* SPDX-License-Identifier: Apache-2.0 */
/* Elements, made as the view makes its own (flamegraph/view.js): what a profile says is text. */
export const { htmlElement, percent, grouped, cut } = globalThis.eprof.tools;

const SVG = 'http://www.w3.org/2000/svg';

export function svgElement(name, attributes, ...children) {
	const element = document.createElementNS(SVG, name);

	for (const [key, value] of Object.entries(attributes))
		element.setAttribute(key, value);
	element.append(...children);
	return element;
}

export function button(text, onclick, attributes = {}) {
	return htmlElement('button', { type: 'button', onclick, ...attributes }, text);
}

/* A link that goes there without loading the page anew. */
export function link(text, address, go, attributes = {}) {
	return htmlElement('a', { href: address, ...attributes, onclick: (event) => {
		if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0)
			return;
		event.preventDefault();
		go();
	} }, text);
}

/* options: [[value, text], ...] */
export function choice(label, options, value, onchange) {
	const select = htmlElement('select', { 'aria-label': label,
		onchange: () => onchange(select.value) },
		...options.map(([one, text]) => htmlElement('option',
			{ value: one, selected: one === value ? '' : null }, text)));

	return htmlElement('label', { class: 'field' }, label, select);
}

const PAD = 2;

function two(number) {
	return String(number).padStart(PAD, '0');
}

/* "2026-01-02 12:00", of this place and season. */
export function dateText(seconds) {
	const date = new Date(1000 * seconds);

	return date.getFullYear() + '-' + two(date.getMonth() + 1) + '-' + two(date.getDate()) + ' ' +
		timeText(seconds);
}

export function timeText(seconds) {
	const date = new Date(1000 * seconds);
	const left = date.getSeconds();

	return two(date.getHours()) + ':' + two(date.getMinutes()) + (left ? ':' + two(left) : '');
}

/* What an <input type="datetime-local"> has. */
export function toInput(seconds) {
	const date = new Date(1000 * seconds);

	return dateText(seconds).replace(' ', 'T').slice(0, 16) + ':' + two(date.getSeconds());
}

export function fromInput(text) {
	const time = new Date(text).getTime() / 1000;

	return Number.isFinite(time) ? Math.floor(time) : null;
}

const UNITS = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];

/* "1 h 30 min" */
export function spanText(seconds) {
	const parts = [];
	let left = Math.round(seconds);

	for (const [size, name] of UNITS) {
		if (left >= size && parts.length < 2)
			parts.push(Math.floor(left / size) + ' ' + name);
		left %= size;
	}
	return parts.join(' ') || '0 s';
}

/* A figure with three digits that count. */
export function figure(value) {
	if (value === 0 || !Number.isFinite(value))
		return '0';
	if (value >= 1000)
		return grouped(Math.round(value));
	return String(Number(value.toPrecision(3)));
}

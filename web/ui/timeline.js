/* SPDX-License-Identifier: Apache-2.0 */
/* What a service had over time; a part of it is chosen by dragging. */
import { askJson } from './api.js';
import { figure, htmlElement } from './dom.js';
import { beforeSpanOf, selectionOf, stepOf, stepsOf, timeOf } from './state.js';
import uPlot from './uplot.js';

const POINTS = 240;
const HEIGHT = 130;
const NS = 1e9;
const PIXELS_LEAST = 4; /* what is dragged less is a click */

/* States of threads off a CPU, in this order; others come behind them. */
const STATES = ['runqueue', 'uninterruptible', 'sleep'];
const COLOURS = ['--line-0', '--line-1', '--line-2', '--line-3', '--line-4', '--line-5'];

/* As a canvas takes it: light-dark() is for style sheets only. */
function colour(name) {
	const probe = htmlElement('span', {});

	probe.style.color = 'var(' + name + ')';
	document.body.append(probe);
	const text = getComputedStyle(probe).color;

	probe.remove();
	return text;
}

/* { names, times, lines: by name, the values by time } */
function gather(answer, { first, count, secondsOf }) {
	const lines = new Map();

	for (const { at, state, unit, count: value } of answer.points) {
		const index = at / answer.step - first;

		if (!lines.has(state))
			lines.set(state, new Array(count).fill(0));
		lines.get(state)[index] += Number(value) / (unit === 'nanoseconds' ? NS : 1) /
			secondsOf(index);
	}
	const rank = (name) => (STATES.indexOf(name) + 1) || STATES.length + 1;
	const names = Array.from(lines.keys()).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));

	return { names, lines,
		times: Array.from({ length: count }, (unused, index) => (first + index) * answer.step) };
}

class Plot {
	/* onspan: told of { from, until } that was dragged, or null: all. */
	constructor({ title, data, words, time, sync, onspan }) {
		this.data = data;
		this.time = time;
		this.onspan = onspan;
		this.before = null;
		this.isOurs = false;
		this.box = htmlElement('div', { class: 'plot' });
		this.element = htmlElement('figure', { class: 'timeline', 'aria-label': title },
			htmlElement('figcaption', {}, title), this.box);
		this.words = words;
		this.sync = sync;
	}

	series() {
		return [{}, ...this.data.names.map((name, index) => ({
			label: this.words(name), stroke: colour(COLOURS[index % COLOURS.length]), width: 1.5,
			points: { show: this.data.times.length < 2 },
			value: (plot, value) => value === null ? '-' : figure(value),
		}))];
	}

	axis() {
		return { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 },
			ticks: { stroke: colour('--line'), width: 1 } };
	}

	make() {
		const { names, lines, times } = this.data;

		this.plot?.destroy();
		this.plot = new uPlot({
			width: Math.max(200, this.box.clientWidth), height: HEIGHT,
			series: this.series(),
			axes: [{ ...this.axis() }, { ...this.axis(), size: 56,
				values: (plot, values) => values.map(figure) }],
			scales: { x: { time: true, range: () => [this.time.from, this.time.until] },
				y: { range: (plot, least, most) => [0, most > 0 ? 1.05 * most : 1] } },
			/* What is dragged in one plot is told once. */
			cursor: { sync: { key: this.sync, filters: { pub: (type) => type.startsWith('mousemove') ||
				type.startsWith('mouseleave'), sub: () => true } },
			drag: { x: true, y: false, setScale: false } },
			legend: { live: true },
			hooks: { setSelect: [(plot) => this.take(plot)], drawClear: [(plot) => this.shade(plot)] },
		}, [times, ...names.map((name) => lines.get(name))], this.box);
		/* The plot tells of what it was told, too, when it is laid out anew. */
		this.plot.over.addEventListener('mousedown', () => { this.isDragged = true; });
		this.plot.over.addEventListener('click', () => this.plot.select.width < PIXELS_LEAST &&
			this.show(this.span, this.before));
		this.plot.over.addEventListener('dblclick', () => this.leaveSpan());
		this.show(this.span, this.before);
	}

	leaveSpan() {
		if (this.span)
			this.onspan(null);
	}

	take(plot) {
		const { left, width } = plot.select;

		if (!this.isDragged || this.isOurs)
			return;
		this.isDragged = false;
		if (width >= PIXELS_LEAST)
			this.onspan({ from: Math.floor(plot.posToVal(left, 'x')),
				until: Math.ceil(plot.posToVal(left + width, 'x')) });
	}

	/* What is compared with, behind the lines. */
	shade(plot) {
		if (!this.before)
			return;
		const from = plot.valToPos(Math.max(this.before.from, this.time.from), 'x', true);
		const until = plot.valToPos(Math.min(this.before.until, this.time.until), 'x', true);

		if (until <= from)
			return;
		plot.ctx.fillStyle = colour('--before');
		plot.ctx.fillRect(from, plot.bbox.top, until - from, plot.bbox.height);
	}

	show(span, before) {
		this.span = span;
		this.before = before;
		if (!this.plot)
			return;
		const left = span ? this.plot.valToPos(span.from, 'x') : 0;
		const right = span ? this.plot.valToPos(span.until, 'x') : 0;

		this.isOurs = true;
		this.plot.setSelect({ left, width: Math.max(0, right - left), top: 0,
			height: this.plot.over.clientHeight }, false);
		this.isOurs = false;
		this.plot.redraw(false, true);
	}
}

const ON_CPU = { title: 'CPUs in use', words: () => 'on a CPU' };
const OFF_CPU = { title: 'Threads that wait', words: (state) => state || 'any state' };

/* The plots, and what makes them fit anew. */
export class Timeline {
	constructor(onspan) {
		this.onspan = onspan;
		this.plots = [];
		this.element = htmlElement('section', { class: 'timelines', 'aria-label': 'Over time' });
		this.observer = new ResizeObserver(() => this.fit());
		this.observer.observe(this.element);
		/* Lines are pixels, and do not follow a theme by themselves. */
		this.remake = () => this.plots.forEach((plot) => plot.make());
		this.themes = new MutationObserver(this.remake);
		this.themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
		this.preference = window.matchMedia('(prefers-color-scheme: dark)');
		this.preference.addEventListener('change', this.remake);
	}

	async load(state, now, signal) {
		const time = timeOf(state, now);
		const step = stepOf(time, POINTS);
		const steps = stepsOf(time, step);
		const pairs = [...selectionOf(state, steps), ['step', String(step)]];
		const answers = await Promise.all(['on-cpu', 'off-cpu'].map((kind) =>
			askJson('/api/v1/series', [...pairs, ['kind', kind]], signal)));

		this.plots.forEach((plot) => plot.plot?.destroy());
		this.plots = [ON_CPU, OFF_CPU].map((words, index) => new Plot({ ...words, time,
			data: gather(answers[index], steps), sync: 'eprof', onspan: this.onspan }))
			.filter((plot) => plot.data.names.length > 0);
		this.element.replaceChildren(...this.plots.map((plot) => plot.element));
		return answers.some((answer) => answer.points.length > 0);
	}

	fail(text) {
		this.plots.forEach((plot) => plot.plot?.destroy());
		this.plots = [];
		this.element.replaceChildren(htmlElement('p', { class: 'note failed' },
			'No times: ' + text));
	}

	/* Once it is in the page. */
	draw(state, now) {
		const before = state.show === 'profile' ? null : beforeSpanOf(state, now);

		for (const plot of this.plots) {
			plot.span = state.span;
			plot.before = before;
			if (plot.plot)
				plot.show(state.span, before);
			else
				plot.make();
		}
	}

	fit() {
		for (const { plot, box } of this.plots) {
			if (plot && plot.width !== box.clientWidth && box.clientWidth > 0)
				plot.setSize({ width: box.clientWidth, height: HEIGHT });
		}
		this.plots.forEach((plot) => plot.show(plot.span, plot.before));
	}

	end() {
		this.observer.disconnect();
		this.themes.disconnect();
		this.preference.removeEventListener('change', this.remake);
		this.plots.forEach((plot) => plot.plot?.destroy());
	}
}

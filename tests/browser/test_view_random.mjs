// SPDX-License-Identifier: Apache-2.0
/*
 * Whatever people do, in whatever order: random trees, random keys and clicks, and after each of
 * them all that is drawn, and what has matched, is what the folded lines say. Names end in seeds.
 */
import assert from 'node:assert/strict';

import { checkDrawn, clickBox, pointAtBox, pressKeys, readDrawn } from './drawn.mjs';
import { draw } from './eprof.mjs';
import { percent } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { growTree, layOut, ORDERS, pathOf, readStacks, turn } from './trees.mjs';
import { viewOf } from './view.mjs';

/* `./dev browser` takes its time. */
const TREES = process.env.EPROF_ALL ? 60 : 6;
const ACTIONS = 30;
const NAMES = ['main', 'a.b', 'axb', 'Run', 'run', 'f(x)', 'vfs_[k]', 'inl_[i]', 'jit$1_[j]',
	'op[]'];
const PATTERNS = ['run', '^a.b$', 'a\\.b', '[rR]un', 'f\\(', 'vfs|op', '^w[0-9]*5$', '\\$1$',
	'nothing', '^main$'];

/* Numbers in [0, 1), the same for the same seed. */
function randomOf(seed) {
	let state = seed;

	return () => {
		state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
		let mixed = Math.imul(state ^ state >>> 12, 0x297a2d39);

		mixed ^= mixed >>> 15;
		return (mixed >>> 0) / 2 ** 32;
	};
}

function pick(random, list) {
	return list[Math.floor(random() * list.length)];
}

function makeFolded(random) {
	const lines = new Map();
	const stacks = 3 + Math.floor(random() * 40);

	for (let i = 0; i < stacks; i++) {
		const depth = 1 + Math.floor(random() * 7);
		const stack = Array.from({ length: depth }, () => pick(random, NAMES)).join(';');

		lines.set(stack, Math.ceil(Math.exp(random() * 9)));
	}
	/* And some that are too narrow. */
	for (let i = Math.floor(random() * 90); i > 0; i--)
		lines.set(`main;w${i}`, 1 + i % 3);
	return Array.from(lines, ([stack, count]) => `${stack} ${count}\n`).join('');
}

const AT_FIRST = { path: [], block: null, isOut: [], calls: '', reversed: false, merged: false,
	inverted: false, pattern: '' };

/* What a view has to be like: its state, and the states before that one can go back to. */
class Model {
	constructor(folded) {
		this.stacks = readStacks(folded);
		this.states = [AT_FIRST];
		this.at = 0;
		this.grow();
	}

	get state() {
		return this.states[this.at];
	}

	/* A step on the way back, unless nothing changes. */
	step(change) {
		const next = { ...this.state, ...change };

		if (textOf(next) !== textOf(this.state)) {
			this.states.splice(++this.at, Infinity, next);
			this.grow();
		}
	}

	replace(change) {
		this.states[this.at] = { ...this.state, ...change };
	}

	go(by) {
		this.at += by;
		this.grow();
	}

	isPlain() {
		const { reversed, merged, calls } = this.state;

		return !reversed && !merged && calls === '';
	}

	/* The stacks as they are shown, of those that are wanted. */
	treeOf(stacks) {
		const { calls, reversed } = this.state;
		/* What counts nothing is no leaf. */
		const wanted = reversed && calls === '' ? stacks.filter((stack) => stack.count > 0n) :
			stacks;
		const order = this.isPlain() ? ORDERS.lines : ORDERS.name;

		return growTree(turn(wanted, this.state), order, calls);
	}

	shown() {
		return this.stacks.map((stack) => this.state.isOut.some(({ test }) => test(stack)) ?
			{ ...stack, count: 0n } : stack);
	}

	grow() {
		const { path, block } = this.state;
		const named = (node, name) => node.children.findIndex((one) => one.frame === name);

		this.tree = this.treeOf(this.shown());
		this.zoom = this.tree;
		this.block = null;
		for (const frame of path) {
			const child = this.zoom.children[named(this.zoom, frame)];

			if (!child || child.total === 0n)
				return;
			this.zoom = child;
		}
		const [from, to] = block ? block.map((frame) => named(this.zoom, frame)) : [-1, -1];

		if (from >= 0 && to >= 0)
			this.block = this.zoom.children.slice(from, to + 1);
	}

	isWhole() {
		return this.zoom === this.tree && !this.block;
	}

	/* What the page has to say of the pattern. */
	matched() {
		const { pattern, calls, reversed, isOut } = this.state;
		const regexp = new RegExp(pattern, 'u');
		const shown = this.shown();
		const whole = growTree(shown).total;
		const hits = shown.filter(({ names }) => names.some((name) => regexp.test(name)));
		const count = growTree(hits).total;
		/* Of callers of a function only what leads to it is there. */
		const inShape = calls === '' || !reversed ? hits : hits.filter(({ names }) =>
			names.slice(0, names.indexOf(calls) + 1).some((name) => regexp.test(name)));
		const share = (part, all) => all > 0n ? percent(part, all) : '0.00%';

		if (pattern === '')
			return '';
		return `Matched: ${count.toLocaleString('en')} samples, ${share(count, whole)}` +
			(isOut.length > 0 ? ' of what is shown' : '') + (this.isWhole() ? '' :
			` (${share(...this.inView(this.treeOf(inShape)))} of view)`);
	}

	/* [matches, all] of what is zoomed to; tree: of what matches only. */
	inView(tree) {
		let node = tree;
		const find = (of, frame) => of?.children.find((child) => child.frame === frame);
		const sum = (nodes) => nodes.reduce((total, one) => total + (one?.total ?? 0n), 0n);

		for (const frame of pathOf(this.zoom))
			node = find(node, frame);
		if (!this.block)
			return [sum([node]), this.zoom.total];
		return [sum(this.block.map(({ frame }) => find(node, frame))), sum(this.block)];
	}
}

function textOf({ isOut, ...state }) {
	return JSON.stringify([state, isOut.map(({ name }) => name)]);
}

/* A person at a view, and the model of it; each action is done to both. */
class Player {
	constructor(view, folded, random) {
		this.view = view;
		this.random = random;
		this.model = new Model(folded);
	}

	/* What can be hit: browsers tell in whole pixels where a click was. */
	async boxes() {
		const { zoom, block } = this.model;
		const { width } = await readDrawn(this.view);

		return layOut(zoom, width, block).filter((box) => box.width >= 2);
	}

	async click() {
		const { view, model } = this;
		const box = pick(this.random, await this.boxes());

		if (!box)
			return 'nothing to click on';
		await clickBox(view, box, model.state.inverted);
		if (box.node)
			model.step({ path: pathOf(box.node), block: null });
		else
			model.step({ path: pathOf(box.block[0].parent),
				block: [box.block[0].frame, box.block.at(-1).frame] });
		return `click on ${box.node ? box.node.frame : 'a block'}`;
	}

	/* Chooses a frame by the menu, which goes again; then a key is about that frame. */
	async press(key) {
		const { view, model } = this;
		const { page } = view;
		const box = pick(this.random, (await this.boxes()).filter(({ node }) => node));

		if (!box)
			return 'nothing to choose';
		await page.mouse.click(...await pointAtBox(view, box, model.state.inverted),
			{ button: 'right' });
		await pressKeys(page, 'Escape', key);
		if (box.node.parent)
			this.take(key, box.node);
		return `${key} on ${box.node.frame}`;
	}

	take(key, node) {
		const { model } = this;
		const { name } = node;
		const path = pathOf(node);
		const out = (what, test) => model.step({ isOut: [...model.state.isOut,
			{ name: `${what} ${path.join(';')}`, test }] });

		if (key === 'b' || key === 'B')
			model.step({ calls: name, reversed: key === 'B', path: [], block: null });
		else if (key === 'H')
			out('H', ({ names }) => names.includes(name));
		else if (key === 'f')
			out('f', ({ names }) => !names.includes(name));
		else if (model.isPlain())
			out('h', ({ frames }) => path.every((frame, i) => frames[i] === frame));
	}

	async turn(key, name) {
		const { model, view } = this;

		await pressKeys(view.page, key);
		model.step({ [name]: !model.state[name],
			...(name === 'inverted' ? {} : { path: [], block: null }) });
		return key;
	}

	async leave() {
		const { model, view } = this;
		const { pattern, calls } = model.state;

		await pressKeys(view.page, 'leave');
		if (!model.isWhole())
			model.step({ path: [], block: null });
		else if (pattern !== '')
			model.replace({ pattern: '' });
		else if (calls !== '')
			model.step({ calls: '', reversed: false, path: [], block: null });
		return 'Escape';
	}

	async out() {
		const { model } = this;
		const path = pathOf(model.zoom);

		await pressKeys(this.view.page, 'out');
		if (!model.isWhole())
			model.step({ path: model.block ? path : path.slice(0, -1), block: null });
		return 'Backspace';
	}

	async reset() {
		await pressKeys(this.view.page, 'reset');
		this.model.step({ path: [], block: null });
		return '0';
	}

	async search() {
		const pattern = pick(this.random, PATTERNS);

		await this.view.search(pattern);
		await pressKeys(this.view.page, 'Tab');
		this.model.replace({ pattern });
		return `search ${pattern}`;
	}

	async go(by) {
		const { model, view } = this;

		if (!model.states[model.at + by])
			return 'no way back';
		await (by < 0 ? view.page.goBack() : view.page.goForward());
		model.go(by);
		return by < 0 ? 'back' : 'forward';
	}

	act() {
		const actions = [() => this.click(), () => this.click(), () => this.click(),
			() => this.out(), () => this.reset(), () => this.leave(), () => this.search(),
			() => this.go(-1), () => this.go(-1), () => this.go(1),
			() => this.turn('reverse', 'reversed'), () => this.turn('merge', 'merged'),
			() => this.turn('icicle', 'inverted'),
			...['h', 'H', 'f', 'b', 'B'].map((key) => () => this.press(key))];

		return pick(this.random, actions)();
	}

	async check() {
		const drawn = await readDrawn(this.view);

		checkDrawn(drawn, layOut(this.model.zoom, drawn.width, this.model.block),
			this.model.state.inverted);
		assert.equal(await this.view.matched(), this.model.matched());
	}
}

for (let seed = 1; seed <= TREES; seed++) {
	browserTest(`after random actions all is as the lines say (${seed})`, async ({ open }) => {
		const random = randomOf(seed);
		const folded = makeFolded(random);
		const page = await open(draw(folded, seed % 4 === 0 ? 'html' : 'svg'));
		const player = new Player(await viewOf(page), folded, random);
		const done = [];

		try {
			await player.check();
			while (done.length < ACTIONS) {
				done.push('(not done)');
				done[done.length - 1] = await player.act();
				await player.check();
			}
		} catch (error) {
			error.message += `\nafter ${done.join(', ')} in\n${folded}`;
			throw error;
		}
	});
}

// SPDX-License-Identifier: Apache-2.0
/* What is told of a frame, and in which units. */
import assert from 'node:assert/strict';
import fs from 'node:fs';

import { checkZoom, clickOn, isAt, pointOn, pressKeys, readDetails } from './drawn.mjs';
import { draw, newPath, runEprof } from './eprof.mjs';
import { percent } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { FOLDED, STACKS, TREE } from './input.mjs';
import { makePage, timeText, viewsOf } from './page.mjs';
import { toPprof } from './pprof.mjs';
import { allNodes, follow, growTree, kindOf, ORDERS, readStacks, turn } from './trees.mjs';
import { viewOf } from './view.mjs';

const KINDS = { k: 'kernel', i: 'inlined', j: 'JIT', '': undefined };
const WIDE = 30n; /* samples: so much is wide enough to be pointed at */

function countText(count) {
	return `${count.toLocaleString('en')} samples`;
}

/* zoom: what is zoomed to; of: whom the share of the caller is of. */
function detailsOf(node, zoom, { whole = TREE.total, of = 'caller' } = {}) {
	const isInView = zoom.parent && node.total <= zoom.total;
	const caller = node.parent?.parent ? node.parent : null;
	const share = (all) => percent(node.total, all);
	const self = `self ${countText(node.self)}, ${percent(node.self, whole)}`;

	return {
		name: node.name,
		...(kindOf(node.frame) ? { kind: KINDS[kindOf(node.frame)] } : {}),
		total: [countText(node.total), `${share(whole)} of all`,
			...(isInView ? [`${share(zoom.total)} of view`] : []),
			...(caller ? [`${share(caller.total)} of ${of}`] : [])].join(', '),
		...(of === 'caller' ? { self } : {}),
	};
}

browserTest('of each frame kind, counts, and shares of all, view and caller', async ({ open }) => {
	const view = await viewOf(await open(draw(FOLDED)));
	const zoom = follow(TREE, ['app', 'main']);
	const seen = new Set();

	for (const node of allNodes(TREE).filter(({ total }) => total >= WIDE)) {
		await pointOn(view, TREE, ({ node: other }) => other === node);
		assert.deepEqual(await readDetails(view), detailsOf(node, TREE));
		seen.add(kindOf(node.frame));
	}
	assert.equal(seen.size, 4, 'frames of every kind');
	await clickOn(view, TREE, isAt('app', 'main'));
	for (const node of [TREE, zoom.parent, zoom, ...zoom.children.slice(-6)]) {
		await pointOn(view, zoom, ({ node: other }) => other === node);
		assert.deepEqual(await readDetails(view), detailsOf(node, zoom));
	}
	/* Away from all frames it tells of what is zoomed to. */
	await view.page.mouse.move(5, 5);
	assert.deepEqual(await readDetails(view), detailsOf(zoom, zoom));
});

browserTest('reversed the shares are of who is called', async ({ open }) => {
	const view = await viewOf(await open(draw(FOLDED)));
	const tree = growTree(turn(STACKS, { reversed: true }), ORDERS.name);
	const compare = follow(tree, ['compare']);

	await pressKeys(view.page, 'reverse');
	for (const node of [compare, ...compare.children, ...compare.children[0].children]) {
		await pointOn(view, tree, ({ node: other }) => other === node);
		assert.deepEqual(await readDetails(view), detailsOf(node, tree, { of: 'callee' }));
	}
});

/* A recording's, with places, by way of a file of pprof's. */
const PLACED = {
	main: { name: 'main', module: '/usr/bin/demo', file: 'src/main.c', line: 12 },
	copy: { name: 'memcpy', module: '/lib/x86_64-linux-gnu/libc.so.6', file: '', line: 0 },
	read: { name: 'vfs_read', module: '[kernel.kallsyms]', file: 'fs/read_write.c', line: 450 },
	bare: { name: 'bare', module: '', file: '', line: 0 },
};

browserTest('module, file and line are told as far as they are known', async ({ open }) => {
	const { main, copy, read, bare } = PLACED;
	const input = newPath('pb');
	const output = newPath('html');
	const stacks = readStacks('main;bare 20\nmain;memcpy 30\nmain;vfs_read_[k] 50\n');
	const tree = growTree(stacks);

	fs.writeFileSync(input, toPprof([{ frames: [main, copy], count: 30 },
		{ frames: [main, read], count: 50 }, { frames: [main, bare], count: 20 }]));
	runEprof('flamegraph', input, '-o', output);
	const view = await viewOf(await open(output));

	await checkZoom(view, tree);
	for (const [path, kind, place] of [[['main'], undefined, 'demo, src/main.c:12'],
		[['main', 'memcpy'], undefined, 'libc.so.6'],
		[['main', 'vfs_read'], 'kernel', /^(?:\[kernel.*\], )?fs\/read_write\.c:450$/u],
		[['main', 'bare'], undefined, undefined]]) {
		await pointOn(view, tree, isAt(...path));
		const details = await readDetails(view);

		assert.equal(details.name, path.at(-1));
		assert.equal(details.kind, kind, details.name);
		if (place instanceof RegExp)
			assert.match(details.place, place);
		else
			assert.equal(details.place, place, details.name);
	}
	await pressKeys(view.page, 'reverse', 'merge');
	await pointOn(view, growTree(turn(stacks, { reversed: true }), ORDERS.name),
		isAt('memcpy', 'main'));
	assert.equal((await readDetails(view)).place, 'demo, src/main.c:12');
});

browserTest('samples have their seconds next to them, where those are known', async ({ open }) => {
	const on = 'app;main;work 1234\napp;main;idle 30\napp;rare 2\n';
	const off = 'app;main;nap 2500000\napp;main;lock 1500\napp;read 12\n';
	const views = await viewsOf(await open(makePage(on, off)));
	const trees = { on: growTree(readStacks(on)), off: growTree(readStacks(off)) };
	const periodUs = 10_000n;

	for (const node of allNodes(trees.on).filter(({ total }) => total >= WIDE)) {
		await pointOn(views.on, trees.on, ({ node: other }) => other === node);
		assert.equal((await readDetails(views.on)).total.split(', ')[0].replace(',', ''),
			`${node.total} samples = ${timeText(node.total * periodUs)}`, node.name);
	}
	for (const node of allNodes(trees.off).filter(({ total }) => total > 1_000_000n)) {
		await pointOn(views.off, trees.off, ({ node: other }) => other === node);
		const [time] = (await readDetails(views.off)).total.split(', ');

		assert.equal(time, timeText(node.total), node.name);
	}
});

browserTest('microseconds are shown as times, and other units by their names', async ({ open }) => {
	const folded = 'a;us 17\na;ms 4321\na;ms2 65432\na;ms3 999499\n';
	const tree = growTree(readStacks(folded));
	const time = await viewOf(await open(draw(folded, 'html', ['--unit', 'microseconds'])));
	const bytes = await viewOf(await open(draw(folded, 'html', ['--countname', 'bytes'])));

	for (const node of allNodes(tree).filter(({ name }) => name !== 'us' && name !== 'ms')) {
		await pointOn(time, tree, ({ node: other }) => other === node);
		assert.equal((await readDetails(time)).total.split(', ')[0], timeText(node.total));
		await pointOn(bytes, tree, ({ node: other }) => other === node);
		assert.ok((await readDetails(bytes)).total.startsWith(
			`${node.total.toLocaleString('en')} bytes, `), node.name);
	}
	await time.search('^us$');
	assert.ok((await time.matched()).startsWith('Matched: 17 us, '));
	await bytes.search('ms2');
	assert.ok((await bytes.matched()).startsWith('Matched: 65,432 bytes, '));
});

browserTest('decimals are exact', async ({ open }) => {
	const folded = 'a;b 0.1\na;c 0.2\na;d 1234.567\na;e 2\na 0.003\n';
	const tree = growTree(readStacks('a;b 100\na;c 200\na;d 1234567\na;e 2000\na 3\n'));
	const view = await viewOf(await open(draw(folded)));

	await checkZoom(view, tree);
	for (const [path, total, self] of [[[], '1,236.87', '0'], [['a'], '1,236.87', '0.003'],
		[['a', 'd'], '1,234.567', '1,234.567']]) {
		await pointOn(view, tree, isAt(...path));
		const details = await readDetails(view);

		assert.ok(details.total.startsWith(`${total} samples, `), details.total);
		assert.ok(details.self.startsWith(`self ${self} samples, `), details.self);
	}
	for (const [pattern, count, part] of [['b|c', '0.3', 300n], ['[bce]', '2.3', 2300n],
		['a', '1,236.87', tree.total]]) {
		await view.search(pattern);
		assert.equal(await view.matched(),
			`Matched: ${count} samples, ${percent(part, tree.total)}`);
	}
});

browserTest('counts beyond what a number holds are told without an exponent', async ({ open }) => {
	const folded = 'a;b 9007199254740993000\na;c 3\n';
	const view = await viewOf(await open(draw(folded)));

	await view.find('b');
	assert.match((await readDetails(view)).total,
		/^9,007,199,254,74\d,\d{3},\d{3} samples, 100\.00%/u);
	await view.search('c');
	assert.equal(await view.matched(), 'Matched: 3 samples, 0.00%');
});

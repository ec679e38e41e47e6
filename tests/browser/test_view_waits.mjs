// SPDX-License-Identifier: Apache-2.0
/* Pictures of time off a CPU: what is waited for, and the switch that hides waiting for work. */
import assert from 'node:assert/strict';
import fs from 'node:fs';

import { checkZoom, clickOn, isAt, pointOn, pressKeys, readChips, readDetails } from './drawn.mjs';
import { draw } from './eprof.mjs';
import { matched, percent, total } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { allNodes, follow, growTree, readStacks } from './trees.mjs';
import { viewOf } from './view.mjs';

const SYSCALL = 'do_syscall_64_[k];';
const EPOLL = `${SYSCALL}ep_poll_[k];__schedule_[k]`;
const FUTEX = `${SYSCALL}futex_do_wait_[k];__schedule_[k]`;
const FSYNC = ['app', 'main', 'loop', 'serve', 'fsync', 'do_syscall_64_[k]', 'ext4_sync_file_[k]'];

/* The first and the last only wait for work. */
const FOLDED = `\
app;main;loop;epoll_wait;${EPOLL} 95200000
app;main;loop;epoll_wait;${EPOLL};[runqueue] 12345
app;main;loop;serve;fsync;${SYSCALL}ext4_sync_file_[k];__schedule_[k];[uninterruptible] 1000000
app;main;loop;serve;a;b;pthread_mutex_lock;${FUTEX} 7000
app;main;loop;serve;a;b;pthread_mutex_lock;${FUTEX};--;futex_wake_[k];unlock;other 300
app;start_thread;worker;pthread_cond_wait;${FUTEX};--;signal;other 4000000
`;
const STACKS = readStacks(FOLDED);
const LEFT = STACKS.map((stack, i) => i === 0 || i === 5 ? { ...stack, count: 0n } : stack);
const ALL_TREE = growTree(STACKS);
const LEFT_TREE = growTree(LEFT);
const OPTIONS = ['--unit', 'microseconds'];
const HIDDEN = 'waiting for work 99.2 s: hidden, show';
const SHOWN = 'waiting for work 99.2 s: shown, hide';

async function openView(open, folded = FOLDED, form = 'html') {
	return viewOf(await open(draw(folded, form, OPTIONS)));
}

function switchOf(view) {
	return view.root.locator('.legend button');
}

async function checkSwitch(view, text) {
	assert.equal(await switchOf(view).textContent(), text);
	assert.equal(await switchOf(view).getAttribute('aria-pressed'), String(text === HIDDEN));
}

async function titleAt(view, tree, path) {
	await pointOn(view, tree, isAt(...path));
	return (await view.hovered()).title;
}

function timeShare(text, path) {
	return `${path.at(-1).replace('_[k]', '')} (${text}, ` +
		percent(follow(LEFT_TREE, path).total, LEFT_TREE.total);
}

browserTest('waiting for work is hidden at first, and the amount is told', async ({ open }) => {
	for (const form of ['html', 'svg']) {
		const view = await openView(open, FOLDED, form);

		await checkSwitch(view, HIDDEN);
		await checkZoom(view, LEFT_TREE);
		assert.equal(await titleAt(view, LEFT_TREE, []),
			'all that is shown (1.02 s, 100%)');
		assert.equal(await titleAt(view, LEFT_TREE, FSYNC),
			`${timeShare('1.00 s', FSYNC)}, I/O)`);
		assert.equal((await readDetails(view)).kind, 'I/O');
		const queue = [...STACKS[1].frames];

		assert.equal(await titleAt(view, LEFT_TREE, queue),
			`${timeShare('12.3 ms', queue)}, run queue)`, 'a wait for a CPU is shown');
		assert.deepEqual(await readChips(view), ['1.02 s of 100 s shown']);
	}
});

browserTest('the legend has what is waited for, with the time of each', async ({ open }) => {
	const view = await openView(open);
	const entries = await view.root.locator('.legend .kind').allTextContents();

	assert.deepEqual(entries.toSorted(),
		['I/O 1.00 s', 'lock 7.30 ms', 'run queue 12.3 ms', HIDDEN]);
});

browserTest('a click and the key show it, and hide it again', async ({ open }) => {
	const view = await openView(open);
	const { page } = view;

	await switchOf(view).click();
	await checkSwitch(view, SHOWN);
	await checkZoom(view, ALL_TREE);
	assert.equal(await titleAt(view, ALL_TREE, []), 'all (100 s, 100%)');
	assert.deepEqual(await readChips(view), []);
	await pressKeys(page, 'work');
	await checkSwitch(view, HIDDEN);
	await checkZoom(view, LEFT_TREE);
	await switchOf(view).focus();
	await pressKeys(page, 'Space');
	await checkSwitch(view, SHOWN);
	const hash = await page.evaluate(() => window.location.hash);

	await checkZoom(await viewOf(await open(draw(FOLDED, 'html', OPTIONS), { hash })), ALL_TREE);
	await page.goBack();
	await checkZoom(view, LEFT_TREE);
	await page.goBack();
	await checkZoom(view, ALL_TREE);
	await page.goBack();
	await checkZoom(view, LEFT_TREE);
});

browserTest('search and zoom are of what is shown', async ({ open }) => {
	const view = await openView(open);
	const serve = ['app', 'main', 'loop', 'serve'];
	const lock = matched(LEFT, /worker|lock/u);
	const share = percent(lock, total(LEFT));

	assert.equal(lock, 7300n);
	await view.search('worker|lock');
	assert.equal(await view.matched(), `Matched: 7.30 ms, ${share} of what is shown`);
	await clickOn(view, LEFT_TREE, isAt(...serve));
	await checkZoom(view, follow(LEFT_TREE, serve));
	const ofView = percent(lock, total(LEFT, serve));

	assert.equal(await view.matched(),
		`Matched: 7.30 ms, ${share} of what is shown (${ofView} of view)`);
	await pointOn(view, follow(LEFT_TREE, serve), isAt(...serve, 'a'));
	assert.equal((await readDetails(view)).total,
		`7.30 ms, ${share} of what is shown, ${ofView} of view, ${ofView} of caller`);
	await pressKeys(view.page, 'work');
	await checkZoom(view, follow(ALL_TREE, serve));
	const all = matched(STACKS, /worker|lock/u);

	assert.equal(await view.matched(),
		`Matched: 4.01 s, ${percent(all, total(STACKS))} (${ofView} of view)`);
});

browserTest('a zoom into what is then hidden goes back', async ({ open }) => {
	const view = await openView(open);

	await pressKeys(view.page, 'work');
	await clickOn(view, ALL_TREE, isAt('app', 'start_thread', 'worker'));
	await pressKeys(view.page, 'work');
	await checkZoom(view, follow(LEFT_TREE, ['app']));
	await pressKeys(view.page, 'out');
	await checkZoom(view, LEFT_TREE);
});

browserTest('nothing is hidden when nothing else remains, or nothing can be', async ({ open }) => {
	for (const stack of [`app;main;epoll_wait;${EPOLL} 5\n`, `app;main;f;${FUTEX} 5\n`]) {
		const view = await openView(open, stack);
		const tree = growTree(readStacks(stack));

		assert.equal(await switchOf(view).count(), 0);
		await checkZoom(view, tree);
		await pressKeys(view.page, 'work');
		await checkZoom(view, tree);
		assert.equal(await titleAt(view, tree, []), 'all (5 us, 100%)');
	}
});

/* Of frames; the first is the picture's. */
function titlesOf(svg) {
	const titles = fs.readFileSync(svg, 'utf8').matchAll(/<title>(?<title>.*?)<\/title>/gu);

	return Array.from(titles, ({ groups }) => groups.title).slice(1);
}

browserTest('the view says what the static picture says', async ({ open }) => {
	/* Of one magnitude each: what is too narrow is not drawn. */
	for (const counts of [[2, 7, 999, 1000, 1235], [9994, 9995, 12345, 999499, 999500, 1000500],
		[95249999, 999499999, 999500000], [31536000123456, 31536000123456]]) {
		const folded = counts.map((count, i) =>
			`app;f${i};${i % 2 ? EPOLL : FUTEX} ${count}\n`).join('');
		const picture = draw(folded, 'svg', OPTIONS);
		const view = await viewOf(await open(picture));
		const tree = growTree(readStacks(folded));
		const seen = [];

		if (await switchOf(view).count() > 0)
			await pressKeys(view.page, 'work');
		for (const node of allNodes(tree)) {
			await pointOn(view, tree, ({ node: other }) => other === node);
			seen.push((await view.hovered()).title);
		}
		assert.ok(seen.length >= 4 * counts.length);
		assert.deepEqual(seen.sort(), titlesOf(picture).sort());
	}
});

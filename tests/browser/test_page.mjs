// SPDX-License-Identifier: Apache-2.0
/* A page of two pictures: what links them, the table of functions, callers and callees, the
 * summary. */
import assert from 'node:assert/strict';
import fs from 'node:fs';

import { strictPolicy } from './chromium.mjs';
import { draw, drawDifference } from './eprof.mjs';
import { matched, percent, readFolded, total } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { cellText, makePage, rowsOf, sumFunctions, sumNeighbours, timeText, viewsOf }
	from './page.mjs';
import { viewOf } from './view.mjs';

/* work calls itself, by way of help and directly. */
const ON = `\
app;main;work;help;work;help;work;leaf 30
app;main;work;work;leaf_[k] 20
app;main;work 10
app;main;serve;read_[k] 25
app;idle 10
other;main;serve;parse 5
`;
const OFF = `\
app;main;work;lock_wait 2000000
app;main;serve;read_[k];[uninterruptible] 1500000
app;main;serve;read_[k];io_wait 500000
third;nap 1000000
`;
const ON_STACKS = readFolded(ON);
const OFF_STACKS = readFolded(OFF);
/* Of all functions, sorted. */
const NAMES = Object.keys({ ...sumFunctions(ON_STACKS), ...sumFunctions(OFF_STACKS) }).sort();
const ALL = '.functions .panes > .table';
const WIDE = { viewport: { width: 1300, height: 900 } };

function table(page, selector = ALL) {
	return page.locator(`${selector} table`);
}

/* Of callers or callees. */
function neighbours(page, caption) {
	return table(page, `.neighbours .table[aria-label=${caption}]`);
}

async function openBoth(open, options = WIDE) {
	const page = await open(makePage(ON, OFF), options);

	return { page, ...await viewsOf(page) };
}

async function namesOf(of) {
	return (await rowsOf(of)).map(([name]) => name);
}

browserTest('what is zoomed to in one picture is zoomed to in the other', async ({ open }) => {
	const { page, on, off } = await openBoth(open);

	await on.zoom('serve');
	assert.deepEqual(await on.crumbs(), ['all', 'app', 'main', 'serve']);
	assert.deepEqual(await off.crumbs(), ['all', 'app', 'main', 'serve']);
	await page.keyboard.press('0');
	assert.deepEqual(await off.crumbs(), ['all']);
	await off.zoom('nap');
	assert.deepEqual(await on.crumbs(), ['all']);
	await on.zoom('help');
	assert.deepEqual(await on.crumbs(), ['all', 'app', 'main', 'work', 'help']);
	assert.deepEqual(await off.crumbs(), ['all', 'app', 'main', 'work'], 'as far as it goes');
	await page.goBack();
	assert.deepEqual(await on.crumbs(), ['all'], 'one step for both');
	assert.deepEqual(await off.crumbs(), ['all', 'third', 'nap']);
});

browserTest('a search is one in both pictures, and of the table', async ({ open }) => {
	const { page, on, off } = await openBoth(open);
	const share = (stacks) => percent(matched(stacks, /re|lock/u), total(stacks));

	await off.search('re|lock');
	assert.ok((await on.matched()).includes(share(ON_STACKS)), await on.matched());
	assert.ok((await off.matched()).includes(share(OFF_STACKS)), await off.matched());
	assert.deepEqual((await namesOf(table(page))).sort(), ['lock_wait', 'read']);
	assert.equal(await page.locator(`${ALL} .shown`).textContent(), '2 functions match');

	await page.locator('.functions input[type=search]').click();
	await page.keyboard.press('Control+A');
	await page.keyboard.type('^work$');
	assert.deepEqual(await namesOf(table(page)), ['work']);
	assert.equal(await on.part('search').inputValue(), '^work$');
	assert.equal(await off.part('search').inputValue(), '^work$');
	await page.keyboard.type('(');
	assert.equal(await page.locator('.functions .error').textContent(), 'Not a pattern');
	await page.keyboard.press('Escape');
	assert.equal(await on.part('search').inputValue(), '');
	assert.equal((await namesOf(table(page))).length, NAMES.length);
});

browserTest('what the pointer is upon is marked in both pictures', async ({ open }) => {
	const { on, off } = await openBoth(open);

	await on.find('serve');
	assert.equal((await off.hovered()).title, 'serve (2.00 s, 40.00%)');
	await on.find('help');
	assert.equal(await off.hovered(), null, 'not where there is no such frame');
	await off.find('work');
	assert.equal((await on.hovered()).title, 'work (60 samples, 60.00%)');
});

browserTest('pictures can be used apart', async ({ open }) => {
	const { page, on, off } = await openBoth(open);
	const linked = page.getByRole('switch', { name: 'Linked' });

	await linked.click();
	await on.zoom('serve');
	await on.search('read');
	assert.deepEqual(await off.crumbs(), ['all']);
	assert.equal(await off.matched(), '');
	await on.find('main');
	assert.equal(await off.hovered(), null);
	assert.equal((await namesOf(table(page))).length, NAMES.length);
	await page.locator('.functions input[type=search]').click();
	await page.keyboard.type('leaf');
	assert.deepEqual(await namesOf(table(page)), ['leaf']);
	assert.equal(await on.part('search').inputValue(), 'read');

	await linked.focus();
	await page.keyboard.press('Space');
	assert.deepEqual(await off.crumbs(), ['all', 'app', 'main', 'serve'], 'it follows again');
	assert.equal(await off.part('search').inputValue(), 'read');
	assert.deepEqual(await namesOf(table(page)), ['read']);
});

browserTest('both pictures are turned round together', async ({ open }) => {
	const { page, on, off } = await openBoth(open);
	const pressed = (view, name) =>
		view.root.getByRole('button', { name }).getAttribute('aria-pressed');

	await on.find('main');
	await page.keyboard.press('r');
	assert.equal(await pressed(off, /^Reverse/u), 'true');
	await on.zoom('read');
	assert.deepEqual(await on.crumbs(), ['all', 'read']);
	assert.deepEqual(await off.crumbs(), ['all'], 'read is no leaf there');
});

browserTest('the table has what each function had, in both kinds of time', async ({ open }) => {
	const { page } = await openBoth(open);
	const on = sumFunctions(ON_STACKS);
	const off = sumFunctions(OFF_STACKS);
	const rows = await rowsOf(table(page));

	assert.deepEqual(rows.map(([name]) => name).sort(), NAMES);
	for (const [name, , selfOn, totalOn, selfOff, totalOff] of rows) {
		assert.deepEqual([selfOn, totalOn], [cellText(on[name]?.self, ON_STACKS),
			cellText(on[name]?.total, ON_STACKS)], name);
		assert.deepEqual([selfOff, totalOff], [cellText(off[name]?.self, OFF_STACKS, timeText),
			cellText(off[name]?.total, OFF_STACKS, timeText)], name);
	}
});

browserTest('each column sorts the table, by mouse and by key', async ({ open }) => {
	const { page } = await openBoth(open);
	const head = (nth) => table(page).locator('thead tr:last-child th').nth(nth);
	const first = async () => (await namesOf(table(page)))[0];

	assert.equal(await head(2).getAttribute('aria-sort'), 'descending');
	assert.equal(await first(), 'leaf');
	await head(0).locator('button').click();
	assert.equal(await head(0).getAttribute('aria-sort'), 'ascending');
	assert.equal(await head(2).getAttribute('aria-sort'), null);
	assert.deepEqual(await namesOf(table(page)), NAMES);
	await page.keyboard.press('Enter');
	assert.equal(await head(0).getAttribute('aria-sort'), 'descending');
	assert.equal(await first(), 'work');
	await head(5).locator('button').focus();
	await page.keyboard.press('Space');
	assert.equal(await head(5).getAttribute('aria-sort'), 'descending');
	assert.equal(await first(), 'app');
	await page.keyboard.press('Space');
	assert.equal(await head(5).getAttribute('aria-sort'), 'ascending');
});

async function checkNeighbours(page, name) {
	for (const [caption, isCaller] of [['Callers', true], ['Callees', false]]) {
		const on = sumNeighbours(ON_STACKS, name, isCaller);
		const off = sumNeighbours(OFF_STACKS, name, isCaller);
		const wanted = [...new Set([...Object.keys(on), ...Object.keys(off)])].sort().map((one) =>
			[one, cellText(on[one], ON_STACKS), cellText(off[one], OFF_STACKS, timeText)]);

		assert.deepEqual((await rowsOf(neighbours(page, caption))).sort(), wanted,
			`${caption} of ${name}`);
	}
}

browserTest('callers and callees are those of the folded stacks', async ({ open }) => {
	const { page } = await openBoth(open);
	const heading = page.locator('.chosen-function h3');

	for (const name of ['work', 'read', 'app', 'leaf', 'nap']) {
		await table(page).getByRole('rowheader', { name, exact: true }).click();
		assert.equal(await heading.textContent(), name);
		await checkNeighbours(page, name);
	}
	await neighbours(page, 'Callers').getByRole('rowheader', { name: 'third' }).click();
	assert.equal(await heading.textContent(), 'third');
	await checkNeighbours(page, 'third');
	assert.equal(await neighbours(page, 'Callers').locator('tbody tr').count(), 0);
	assert.equal(await table(page).locator('[aria-selected=true]').textContent(),
		'third1.00 s20.00%');
});

browserTest('rows are walked and chosen by keys', async ({ open }) => {
	const { page, on } = await openBoth(open);
	const focused = () => page.evaluate(() => document.activeElement.cells?.[0].textContent);
	const names = await namesOf(table(page));

	await table(page).locator('tbody tr[tabindex="0"]').focus();
	assert.equal(await focused(), names[0]);
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('ArrowDown');
	assert.equal(await focused(), names[2]);
	await page.keyboard.press('ArrowUp');
	assert.equal(await focused(), names[1]);
	await page.keyboard.press('End');
	assert.equal(await focused(), names.at(-1));
	await page.keyboard.press('Home');
	await page.keyboard.press('Enter');
	assert.equal(await page.locator('.chosen-function h3').textContent(), names[0]);
	assert.equal(await focused(), names[0], 'the focus stays');
	await page.keyboard.press('r');
	await page.keyboard.press('/');
	assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), 'Search functions');
	assert.equal(await on.root.getByRole('button', { name: /^Reverse/u })
		.getAttribute('aria-pressed'), 'false', 'keys are not the picture\'s');
});

browserTest('a function is shown in both pictures', async ({ open }) => {
	const { page, on, off } = await openBoth(open);

	await table(page).getByRole('rowheader', { name: 'serve', exact: true }).click();
	await page.getByRole('button', { name: 'Show its callees' }).click();
	assert.deepEqual(await on.crumbs(), ['serve']);
	assert.deepEqual(await off.crumbs(), ['serve']);
	assert.notEqual(await off.find('io_wait'), null);
	await page.getByRole('button', { name: 'Show its callers' }).click();
	assert.notEqual(await on.find('other'), null);
	await page.getByRole('button', { name: 'Search for it' }).click();
	assert.equal(await on.part('search').inputValue(), '^serve$');
	assert.deepEqual(await namesOf(table(page)), ['serve']);
});

browserTest('the table is of what is not left out', async ({ open }) => {
	const { page, on } = await openBoth(open);
	const rest = readFolded(ON).filter(({ names }) => !names.includes('work'));

	await table(page).getByRole('rowheader', { name: 'main', exact: true }).click();
	await on.find('work');
	await page.keyboard.press('ArrowUp');
	await page.mouse.click((await on.hovered() ?? await on.find('work')).x + 3,
		(await on.find('work')).y + 3, { button: 'right' });
	await page.getByRole('menuitem', { name: /^Hide all stacks/u }).click();
	const [, , , count] = (await rowsOf(table(page))).find(([name]) => name === 'main');

	assert.equal(count, cellText(sumFunctions(rest).main.total, rest));
	assert.deepEqual(await namesOf(neighbours(page, 'Callees')), ['serve', 'work']);
	assert.equal((await rowsOf(neighbours(page, 'Callees')))[1][1], '', 'none of it on a CPU');
});

browserTest('a table of many functions has few rows in the page', async ({ open }) => {
	const many = Array.from({ length: 3000 }, (_, i) => `app;f${i} ${3000 - i}`).join('\n');
	const page = await open(makePage(`${many}\n`, OFF), WIDE);
	const more = page.locator(ALL).getByRole('button', { name: 'Show more' });
	const shown = page.locator(`${ALL} .shown`);

	assert.equal(await table(page).locator('tbody tr').count(), 200);
	assert.equal(await shown.textContent(), '200 of 3,010 functions');
	await more.click();
	assert.equal(await table(page).locator('tbody tr').count(), 400);
	assert.equal(await page.evaluate(() => document.activeElement.cells[0].textContent), 'f200');
	while (await more.isVisible())
		await more.click();
	assert.equal(await table(page).locator('tbody tr').count(), 2000);
	assert.equal(await shown.textContent(), '2,000 of 3,010 functions; search for others');
	await page.locator('.functions input[type=search]').fill('^f29');
	assert.equal(await table(page).locator('tbody tr').count(), 111);
});

browserTest('one picture has the table, too, and nothing that is not known', async ({ open }) => {
	const page = await open(draw(ON));
	const heads = table(page).locator('thead tr:last-child th');

	await viewOf(page);
	assert.deepEqual(await heads.allTextContents(), ['Function', 'Module', 'self', 'total']);
	assert.equal(await page.getByRole('switch').count(), 0);
	assert.equal(await page.locator('.summary, header').count(), 0);
});

browserTest('a comparison says how much has changed', async ({ open }) => {
	const page = await open(drawDifference('a;b 50\na;c 50\n', 'a;b 30\na;d 70\n'));
	const rows = await rowsOf(table(page));

	assert.deepEqual(await table(page).locator('thead tr:last-child th').allTextContents(),
		['Function', 'Module', 'self', 'total', 'change, %']);
	assert.deepEqual(rows.map(([name, , self, total, change]) => [name, self, total, change]), [
		['d', '7070.00%', '7070.00%', '+70.00'],
		['b', '3030.00%', '3030.00%', '-20.00'],
		['a', '', '100100.00%', '+0.00'],
		['c', '', '', '-50.00'],
	]);
});

browserTest('an empty picture leaves the other one usable', async ({ open }) => {
	const page = await open(makePage(ON, ''), WIDE);
	const view = await viewOf(page);

	await view.zoom('serve');
	assert.deepEqual(await view.crumbs(), ['all', 'app', 'main', 'serve']);
	assert.match(await page.locator('.pictures > svg').textContent(), /Nothing was counted/u);
	assert.equal((await namesOf(table(page))).length, Object.keys(sumFunctions(ON_STACKS)).length);
});

browserTest('without scripts there are pictures, facts, losses and a ledger', async ({ open }) => {
	const page = await open(makePage(ON, OFF), { ...WIDE, javaScriptEnabled: false });

	assert.equal(await page.locator('.pictures > svg.eprof').count(), 2);
	assert.match(await page.locator('.facts').innerText(), /Target\s+<demo> & "co"/u);
	assert.match(await page.locator('.losses').innerText(), /<\/td> map full\s+12,345/u);
	assert.match(await page.locator('.ledger').innerText(),
		/<script>throw 1<\/script>\s+7\s+2\s+6\.00 s\s+1\.00 s\s+4\.00 s\s+1\.00 s/u);
	assert.equal(await page.locator('.ledger tbody tr').first().locator('.times rect').count(), 3);
	assert.match(await page.locator('.ledger tfoot').innerText(), /All/u);
	assert.equal(await page.locator('.functions').count(), 0);
});

browserTest('a strict policy by hashes allows all of it', async ({ open, serve }) => {
	const body = fs.readFileSync(makePage(ON, OFF), 'utf8');
	const headers = { 'Content-Security-Policy': strictPolicy(body) };
	const url = await serve({ '/': { body, type: 'text/html; charset=utf-8', headers } });
	const page = await open(`${url}/`, WIDE);
	const { on, off } = await viewsOf(page);

	assert.doesNotMatch(body, /\son[a-z]+=|\sstyle=/u);
	await on.zoom('serve');
	assert.deepEqual(await off.crumbs(), ['all', 'app', 'main', 'serve']);
	await table(page).getByRole('rowheader', { name: 'serve', exact: true }).click();
	await checkNeighbours(page, 'serve');
	assert.equal(await page.evaluate(() =>
		getComputedStyle(document.querySelector('.pictures')).display), 'grid');
});

browserTest('pages of different profiles have the same scripts and styles', async () => {
	const policies = [makePage(ON, OFF), makePage(OFF, ON), draw('x 1\n')]
		.map((file) => strictPolicy(fs.readFileSync(file, 'utf8')));

	assert.deepEqual(new Set(policies).size, 1);
});

async function boxesOf(page) {
	return page.locator('.eprof-view').evaluateAll((views) => views.map((view) => {
		const { left, right, top } = view.getBoundingClientRect();

		const scene = view.querySelector('.scene').getBoundingClientRect();

		return { left, right, top, root: scene.bottom };
	}));
}

browserTest('pictures are side by side where there is room, roots at one height', async ({ open }) => {
	const { page } = await openBoth(open);
	const [on, off] = await boxesOf(page);

	assert.ok(on.right <= off.left);
	assert.equal(on.root, off.root);
	await page.locator('.eprof-view').first().getByRole('button', { name: /^Icicle/u }).click();
	assert.equal(await page.locator('.eprof-view.from-top').count(), 2);
	await page.goBack();
	assert.equal(await page.locator('.eprof-view.from-top').count(), 0);
	await page.setViewportSize({ width: 900, height: 900 });
	const [above, below] = await boxesOf(page);

	assert.ok(above.root < below.top);
	assert.equal(above.left, below.left);
});

browserTest('a narrow page has nothing beside it', async ({ open }) => {
	const { page } = await openBoth(open, { viewport: { width: 400, height: 800 } });

	await table(page).getByRole('rowheader', { name: 'serve', exact: true }).click();
	assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 400);
});

browserTest('the page is as dark as the reader and the switch say', async ({ open }) => {
	const { page, on } = await openBoth(open, { ...WIDE, colorScheme: 'dark' });
	const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	const dark = await ground();

	await on.find('main');
	await on.press('theme');
	const light = await ground();

	assert.notEqual(light, dark);
	await on.press('theme');
	assert.equal(await ground(), dark);
});

browserTest('arrow keys scroll the page unless a picture is meant', async ({ open }) => {
	const { page, on } = await openBoth(open, { viewport: { width: 1300, height: 400 } });

	await page.mouse.move(5, 5);
	await page.evaluate(() => window.scrollTo(0, 0));
	await page.keyboard.press('ArrowDown');
	await page.waitForFunction(() => window.scrollY > 0);
	await on.find('main');
	await page.keyboard.press('ArrowUp');
	assert.equal(await page.evaluate(() => document.activeElement.role), 'treeitem');
});

browserTest('the page has landmarks, headings in order, and names for its buttons', async ({ open }) => {
	const { page } = await openBoth(open);
	const levels = await page.locator('h1, h2, h3').evaluateAll((found) =>
		found.map(({ tagName }) => Number(tagName[1])));

	await table(page).getByRole('rowheader', { name: 'serve', exact: true }).click();
	assert.equal(levels.filter((level) => level === 1).length, 1);
	levels.forEach((level, i) => assert.ok(i === 0 || level <= levels[i - 1] + 1, String(levels)));
	for (const role of ['banner', 'main'])
		assert.equal(await page.getByRole(role).count(), 1, role);
	for (const name of ['Flame graphs', 'Functions', 'Summary', 'Callers and callees'])
		assert.equal(await page.getByRole('region', { name, exact: true }).count(), 1, name);
	for (const each of await page.locator('table').all())
		assert.notEqual(await each.locator('caption').textContent(), '');
	for (const each of await page.locator('button:visible, input:visible').all()) {
		const name = await each.evaluate((element) => element.ariaLabel || element.textContent ||
			element.closest('label')?.textContent);

		assert.ok(name, await each.evaluate((element) => element.outerHTML));
	}
});

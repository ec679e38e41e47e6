// SPDX-License-Identifier: Apache-2.0
/* The page of eprof-server, over a real one: what people do there, one after the other. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { newPath } from './eprof.mjs';
import { serverTest, startAgent } from './server.mjs';

const HOUR = 3600;
const NOW = Math.floor(Date.now() / 1000);
const BEGIN = NOW - (NOW % 60) - HOUR / 2;
const TOKENS = ['writer', 'reader'].map((name) => name.padEnd(32, 'x'));

const ON = (work) => `app;main;work;leaf ${work}\napp;main;serve;read_[k] 2000000\n`;
const OFF = 'app;main;serve;read_[k];[sleep] 9000000\napp;main;lock;[runqueue] 300000\n';

/* Ten minutes of two services on two hosts; version 2 of one of them works more. */
async function fill(server, token) {
	for (let minute = 0; minute < 10; minute++) {
		for (const host of ['a', 'b']) {
			const of = { host, from: BEGIN + 60 * minute, service: 'shop.service' };
			const labels = { version: minute < 5 ? '1.0' : '2.0', zone: host };
			const work = minute < 5 ? 1000000 : 4000000;

			await server.put({ ...of, labels, folded: ON(work) }, token);
			await server.put({ ...of, labels, kind: 'off-cpu', folded: OFF }, token);
		}
		await server.put({ service: 'db', host: 'a', from: BEGIN + 60 * minute,
			folded: 'db;query;scan 500000\n' }, token);
	}
}

const SHOP = '/?service=shop.service';

function titles(page) {
	return page.locator('.pictures .eprof-view h2').allTextContents();
}

async function pictures(page, count) {
	await page.locator('.pictures .eprof-view').nth(count - 1).waitFor();
	await page.waitForFunction(() => document.querySelector('main')
		.getAttribute('aria-busy') === 'false');
	assert.equal(await page.locator('.pictures .eprof-view').count(), count);
}

/* Clicks, and waits until the page has been made anew. */
async function remake(page, action) {
	await page.evaluate(() => { document.querySelector('main').firstChild.dataset.old = '1'; });
	await action();
	await page.waitForFunction(() => document.querySelector('main').firstChild &&
		!document.querySelector('main > [data-old]'));
}

async function drag(page, from, to) {
	const box = await page.locator('.u-over').first().boundingBox();

	await page.mouse.move(box.x + from * box.width, box.y + box.height / 2);
	await page.mouse.down();
	await page.mouse.move(box.x + to * box.width, box.y + box.height / 2, { steps: 5 });
	await page.mouse.up();
}

serverTest('the list has all services, the busiest first, and leads to them', async (
	{ server, visit }) => {
	await fill(server);
	const page = await visit();

	await page.locator('.list tbody tr').first().waitFor();
	assert.deepEqual(await page.locator('.list tbody th').allTextContents(), ['shop.service', 'db']);
	assert.equal(await page.locator('.list tbody .sparkline').count(), 4);
	/* 90 CPU seconds of two hosts in an hour, and up to a minute of the step that it begins in. */
	const mean = Number(await page.locator('.list tbody tr').first().locator('.mean').first()
		.textContent());

	assert.ok(mean > 0.0244 && mean < 0.0251, String(mean));
	await page.locator('.services input').fill('d');
	assert.deepEqual(await page.locator('.list tbody th').allTextContents(), ['db']);
	await page.getByRole('link', { name: 'db' }).click();
	await pictures(page, 1);
	assert.match(page.url(), /\?service=db$/);
	assert.match(await page.title(), /^db, /);
	await page.goBack();
	await page.locator('.list tbody tr').nth(1).waitFor();
});

serverTest('on-CPU and off-CPU are side by side, and linked', async ({ server, visit }) => {
	await fill(server);
	const page = await visit(SHOP);

	await pictures(page, 2);
	assert.deepEqual(await titles(page), ['On-CPU', 'Off-CPU']);
	const [on, off] = await Promise.all([0, 1].map((index) =>
		page.locator('.pictures .eprof-view').nth(index).boundingBox()));

	assert.equal(on.y, off.y);
	assert.ok(on.x + on.width <= off.x);
	/* Both have the frame, so both zoom to it; and the address says so. */
	await page.locator('.eprof-view .find').first().fill('read');
	await page.waitForFunction(() => document.querySelectorAll('.eprof-view .hit').length >= 2);
	assert.match(page.url(), /#q=read&q2=read$/);
	await page.locator('.functions tbody tr').first().waitFor();
	await page.reload();
	await pictures(page, 2);
	assert.equal(await page.locator('.eprof-view .find').first().inputValue(), 'read');
});

serverTest('functions, their callers and callees', async ({ server, visit }) => {
	await fill(server);
	const page = await visit(SHOP + '&kind=on-cpu');

	await pictures(page, 1);
	await page.locator('.functions tbody tr', { hasText: 'main' }).first().click();
	assert.equal(await page.locator('.chosen-function h3').textContent(), 'main');
	assert.deepEqual(await page.locator('[aria-label=Callees] tbody th').allTextContents(),
		['work', 'serve']);
});

serverTest('a part of the time is chosen by dragging, and left again', async ({ server, visit }) => {
	await fill(server);
	const page = await visit(`${SHOP}&from=${BEGIN}&until=${BEGIN + 600}&kind=on-cpu`);

	await pictures(page, 1);
	const whole = await page.locator('.eprof-view .subtitle').textContent();

	assert.match(whole, /20 profiles/);
	await remake(page, () => drag(page, 0.05, 0.45));
	await pictures(page, 1);
	const [, from, until] = /span=(\d+)-(\d+)/.exec(page.url());

	assert.ok(from >= BEGIN && from < BEGIN + 60 && until > BEGIN + 240 && until < BEGIN + 300,
		page.url());
	assert.match(await page.locator('.eprof-view .subtitle').textContent(), /10 profiles/);
	await remake(page, () => page.getByRole('button', { name: 'Whole time' }).click());
	assert.equal(await page.locator('.eprof-view .subtitle').textContent(), whole);
	await remake(page, () => page.goBack());
	assert.match(await page.locator('.eprof-view .subtitle').textContent(), /10 profiles/);
});

serverTest('two times are compared', async ({ server, visit }) => {
	await fill(server);
	const page = await visit(`${SHOP}&kind=on-cpu&show=diff&from=${BEGIN}&until=${BEGIN + 600}` +
		`&span=${BEGIN + 300}-${BEGIN + 600}`);

	await pictures(page, 1);
	assert.deepEqual(await titles(page), ['On-CPU, before and after']);
	/* The five minutes before, unless others are wanted. */
	assert.match(await page.locator('.eprof-view .subtitle').textContent(),
		/before: .*10 profiles; after: .*10 profiles/);
	const [before] = await page.locator('.compare .span input').all();

	await remake(page, async () => {
		await before.fill(await before.evaluate((input) => {
			const time = new Date(new Date(input.value).getTime() + 180000);

			return new Date(time - 60000 * time.getTimezoneOffset()).toISOString().slice(0, 16);
		}));
		await before.press('Enter');
	});
	assert.match(page.url(), new RegExp(`before.span=${BEGIN + 180}-${BEGIN + 300}`));
	assert.match(await page.locator('.eprof-view .subtitle').textContent(), /before: .* 4 profiles/);
	await remake(page, () => page.getByRole('button', { name: 'Exchange' }).click());
	assert.match(page.url(),
		new RegExp(`[?&]span=${BEGIN + 180}-${BEGIN + 300}.*before.span=${BEGIN + 300}`));
});

serverTest('two versions are compared, and two hosts side by side', async ({ server, visit }) => {
	await fill(server);
	const page = await visit(`${SHOP}&kind=on-cpu&show=diff&label.version=2.0`);

	await page.getByLabel('Before: label').selectOption('version');
	await page.getByLabel('Before: value').fill('1.0');
	await remake(page, () => page.getByLabel('Before: value').press('Enter'));
	await pictures(page, 1);
	assert.match(page.url(), /before\.label\.version=1\.0/);
	assert.match(await page.locator('.eprof-view .subtitle').textContent(),
		/before: .* 10 profiles; after: .* 10 profiles/);
	await page.goto(page.url().replace(/\?.*/, '') + SHOP.slice(1) +
		'&kind=on-cpu&show=sides&host=a&before.host=b');
	await pictures(page, 2);
	assert.equal(await page.locator('.downloads').count(), 2);
	assert.ok(await page.getByRole('button', { name: 'Exchange' }).isEnabled());
	await page.goto(page.url().replace(/\?.*/, '') + SHOP.slice(1) +
		'&kind=on-cpu&show=diff&before.host=b');
	await pictures(page, 1);
	/* Before would have the filter of after. */
	assert.ok(await page.getByRole('button', { name: 'Exchange' }).isDisabled());
});

serverTest('profiles of other kinds are offered where there are some', async ({ server, visit }) => {
	await fill(server);
	await server.put({ service: 'shop.service', host: 'a', from: BEGIN, kind: 'alloc<b>',
		folded: 'app;main;grow 5000000\n' });
	const page = await visit(SHOP);
	const kind = page.getByLabel('Kind');

	await pictures(page, 2);
	await kind.locator('option[value="alloc<b>"]').waitFor({ state: 'attached' });
	await remake(page, () => kind.selectOption('alloc<b>'));
	await pictures(page, 1);
	assert.match(page.url(), /[?&]kind=alloc%3Cb%3E/);
	assert.equal(await page.locator('.downloads .what, .downloads > span').first().textContent(),
		'Download alloc<b>:');
	await page.reload();
	await pictures(page, 1);
	assert.equal(await page.getByLabel('Kind').inputValue(), 'alloc<b>');
	assert.ok((await page.locator('.eprof-view').textContent()).includes('grow'));
	await page.getByLabel('Kind').selectOption('');
	await pictures(page, 2);
});

serverTest('filters are offered, added and removed', async ({ server, visit }) => {
	await fill(server);
	const page = await visit(SHOP + '&kind=on-cpu');

	await pictures(page, 1);
	await page.waitForFunction(() =>
		document.querySelectorAll('[aria-label="Filters: label"] option').length === 3);
	await page.getByLabel('Filters: value').focus();
	await page.waitForFunction(() => document.querySelectorAll('.filters datalist option').length === 2);
	await remake(page, () => page.getByLabel('Filters: value').fill('b').then(() =>
		page.getByLabel('Filters: value').press('Enter')));
	await pictures(page, 1);
	assert.match(page.url(), /&host=b/);
	assert.match(await page.locator('.eprof-view .subtitle').textContent(), /10 profiles/);
	await remake(page, () => page.getByRole('button', { name: 'Remove host = b' }).click());
	assert.doesNotMatch(page.url(), /host=/);
});

serverTest('what is shown can be kept', async ({ server, visit }) => {
	await fill(server);
	const page = await visit(SHOP);

	await pictures(page, 2);
	for (const [format, begin] of [['svg', '<?xml'], ['folded', 'app;main;'], ['html', '<!DOCTYPE'],
		['pprof', '\x1f']]) {
		const [file] = await Promise.all([page.waitForEvent('download'),
			page.getByRole('button', { name: `Download on-CPU as ${format}` }).click()]);
		const to = newPath('kept');

		await file.saveAs(to);
		assert.match(file.suggestedFilename(), /^shop\.service-on-cpu\.\w+/);
		assert.ok(fs.readFileSync(to, 'latin1').startsWith(begin), format);
	}
});

serverTest('where nothing is, it says what to do', async ({ server, visit }) => {
	const page = await visit();

	await page.locator('.message h2', { hasText: 'No profile in this time' }).waitFor();
	assert.match(await page.locator('.message pre').textContent(), /eprof:\/\/127\.0\.0\.1:/);
	await fill(server);
	await page.goto(page.url() + '?service=none');
	await page.locator('.message h2', { hasText: 'Nothing was recorded' }).waitFor();
	await page.goto(page.url().replace('none', 'db'));
	await pictures(page, 1);
	assert.match(await page.locator('.note').first().textContent(), /No off-CPU/);
}, undefined);

serverTest('a server that has gone is told of', async ({ server, visit }) => {
	await fill(server);
	const page = await visit(SHOP, { expected: /console: Failed to load resource/ });

	await pictures(page, 2);
	await server.end();
	await page.getByRole('button', { name: 'Refresh' }).click();
	await page.locator('.message.error', { hasText: 'does not answer' }).waitFor();
	assert.equal(await page.locator('.pictures .eprof-view').count(), 2);
});

const TOKEN_FILE = newPath('tokens');

fs.writeFileSync(TOKEN_FILE, `w write ${TOKENS[0]}\nr read ${TOKENS[1]}\n`, { mode: 0o600 });

serverTest('a token is asked for, and kept by this page only', async ({ server, visit }) => {
	await fill(server, TOKENS[0]);
	const page = await visit(SHOP, { expected: /console: Failed to load resource/ });

	await page.getByLabel('Token').fill('wrong'.padEnd(32, 'x'));
	await page.evaluate(() => { document.getElementById('token').dataset.old = '1'; });
	await page.getByRole('button', { name: 'Go on' }).click();
	await page.locator('#token:not([data-old])').waitFor();
	await page.getByLabel('Token').fill(TOKENS[1]);
	await page.getByRole('button', { name: 'Go on' }).click();
	await pictures(page, 2);
	await page.reload();
	await pictures(page, 2);
	assert.deepEqual(await page.context().cookies(), []);
}, ['--tokens', TOKEN_FILE]);

serverTest('what a profile says is text', async ({ server, visit }) => {
	const evil = '<script>alert(1)</script><img src=x onerror=alert(2)>';

	await server.put({ service: evil, host: evil, from: BEGIN, labels: { [evil.slice(0, 40)]: evil },
		folded: `${evil.replaceAll(' ', '_')};"';</style><script>alert(3)</script> 1000000\n` });
	const page = await visit();

	await page.getByRole('link', { name: evil }).click();
	await pictures(page, 1);
	assert.equal(await page.locator('h2.service').textContent(), evil);
	await page.waitForFunction(() => document.querySelectorAll('.filters option').length > 1);
	assert.equal(await page.locator('img, main script').count(), 0);
});

/* Until there are services that have profiles of both kinds; their names. */
async function servicesOfAgent(url) {
	const limit = Date.now() + 60000;

	for (;;) {
		const [on, off] = await Promise.all(['on-cpu', 'off-cpu'].map(async (kind) => (await (await fetch(
			`${url}/api/v1/values?name=service&kind=${kind}`)).json()).values));
		const both = on.filter((name) => off.includes(name) && name !== 'kernel');

		if (both.length > 0)
			return both;
		assert.ok(Date.now() < limit, 'the agent has sent nothing');
		await new Promise((resolve) => { setTimeout(resolve, 100); });
	}
}

serverTest('what an agent has measured is shown', async ({ server, visit }) => {
	/* Only root may record. */
	if (process.getuid() !== 0)
		return;
	const agent = startAgent(server.url);

	try {
		const services = await servicesOfAgent(server.url);
		const page = await visit();

		/* What hangs is to say where. */
		page.setDefaultTimeout(60000);
		await page.locator('.list tbody tr').first().waitFor();
		const busiest = (await page.locator('.list tbody th').allTextContents())
			.find((name) => services.includes(name));

		await page.getByRole('link', { name: busiest, exact: true }).click();
		await pictures(page, 2);
		assert.deepEqual(await titles(page), ['On-CPU', 'Off-CPU']);
		assert.ok(await page.locator('.pictures .eprof-view').first().locator('text').count() > 1);
		await page.screenshot({ path: process.env.EPROF_SCREENSHOT ?? newPath('png') });
	} finally {
		await agent.end();
	}
});

for (const [name, options] of [['wide', { viewport: { width: 1280, height: 900 } }],
	['narrow', { viewport: { width: 400, height: 800 } }],
	['dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }]]) {
	serverTest(`nobody is kept out: ${name}`, async ({ server, visit }) => {
		const axe = createRequire(path.resolve(process.env.EPROF_NODE_MODULES) + '/').resolve('axe-core');

		await fill(server);
		for (const address of ['/', SHOP, SHOP + '&show=diff', '/?service=none']) {
			const page = await visit(address, options);

			await page.locator('main > *').first().waitFor();
			await page.waitForFunction(() => document.querySelector('main')
				.getAttribute('aria-busy') === 'false');
			const width = await page.evaluate(() => document.documentElement.scrollWidth);

			assert.ok(width <= options.viewport.width, `${address}: ${width} pixels wide`);
			/* The policy of the page is for its own scripts; this one is the test's. */
			await page.evaluate(fs.readFileSync(axe, 'utf8'));
			const { violations } = await page.evaluate(() => globalThis.axe.run(document,
				{ resultTypes: ['violations'] }));

			assert.deepEqual(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
				.map(({ id, nodes }) => `${address} ${id}: ${nodes[0].html.slice(0, 200)}`), []);
		}
	});
}

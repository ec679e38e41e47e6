// SPDX-License-Identifier: Apache-2.0
/* A picture is one file that asks for nothing: under a strict policy, without scripts, within other
 * pages, and with names that somebody else has chosen. */
import assert from 'node:assert/strict';
import fs from 'node:fs';

import { strictPolicy } from './chromium.mjs';
import { clickOn, isAt, pressKeys, readChips, readDetails, readLive } from './drawn.mjs';
import { draw, drawDifference } from './eprof.mjs';
import { matched, percent } from './folded.mjs';
import { browserTest } from './harness.mjs';
import { FOLDED, STACKS, TREE } from './input.mjs';
import { toPprof } from './pprof.mjs';
import { readStatic } from './static.mjs';
import { follow, layOut } from './trees.mjs';
import { viewOf } from './view.mjs';

const TYPES = { svg: 'image/svg+xml', html: 'text/html' };
const RECORDED = fs.readFileSync(new URL('recorded.folded', import.meta.url), 'utf8');
const READS = `Matched: ${matched(STACKS, /read/u).toLocaleString('en')} samples, ` +
	percent(matched(STACKS, /read/u), TREE.total);

function textOf(file) {
	return fs.readFileSync(file, 'utf8');
}

/* Some of everything that could need more than a policy allows. */
async function useAll(view) {
	const { page } = view;

	await clickOn(view, TREE, isAt('app', 'main', 'serve'));
	assert.deepEqual(await view.crumbs(), ['all', 'app', 'main', 'serve']);
	await pressKeys(page, 'reset');
	await view.search('read');
	assert.equal(await view.matched(), READS);
	await pressKeys(page, 'Escape', 'reverse', 'merge', 'icicle', 'theme', 'icicle', 'merge',
		'reverse');
	await pressKeys(page, 'ArrowUp', 'ArrowUp', 'ArrowUp', 'm');
	const menu = await view.root.getByRole('menu').boundingBox();

	assert.ok(menu.x >= 0 && menu.y > 100, 'the menu is where the frame is');
	await pressKeys(page, 'Escape', '?', 'Escape', 'h');
	assert.deepEqual(await readChips(view), ['without main here \u00d7',
		`${(TREE.total - follow(TREE, ['app', 'main']).total).toLocaleString('en')} samples of ` +
		`${TREE.total.toLocaleString('en')} samples shown`]);
	await page.goBack();
	assert.deepEqual(await view.crumbs(), ['all']);
}

browserTest('under a strict policy by hashes all of it works', async ({ open, serve }) => {
	for (const [form, type] of Object.entries(TYPES)) {
		const body = textOf(draw(FOLDED, form));
		const policy = strictPolicy(body);

		assert.match(policy, /^default-src 'none'; script-src 'sha256-[^']+'.* style-src 'sha256-/u);
		const url = await serve({ [`/x.${form}`]: { body, type,
			headers: { 'Content-Security-Policy': policy } } });

		await useAll(await viewOf(await open(`${url}/x.${form}`)));
	}
});

browserTest('the policy that one picture needs allows all others', async () => {
	for (const form of Object.keys(TYPES)) {
		const words = ['--inverted', '--title', 'x', '--width', '700', '--colors', 'java'];
		const files = [draw(FOLDED, form), draw('a 1\n', form, words),
			draw(RECORDED, form, ['--unit', 'microseconds']),
			draw('a;b 1\n', form, ['--flamechart', '--notes', 'y']),
			drawDifference('a 1\n', 'b 1\n', form)];
		const policies = new Set(files.map((file) => strictPolicy(textOf(file))));

		assert.equal(policies.size, 1, form);
	}
});

browserTest('there is one script, one style, and no address', async ({ open }) => {
	for (const form of Object.keys(TYPES)) {
		const page = await open(draw(FOLDED, form, ['--title', 'x']),
			{ javaScriptEnabled: false });
		const attributes = await page.evaluate(
			() => Array.from(document.querySelectorAll('*'),
			({ attributes: all, tagName }) => Array.from(all, ({ name, value }) =>
				`${tagName} ${name}=${value}`)).flat());

		assert.ok(attributes.length > 100);
		for (const attribute of attributes)
			assert.doesNotMatch(attribute,
				/ (?:on\w+|style|src|href|xlink:href|data|action)=/u);
		assert.ok(!/https?:(?!\/\/www\.w3\.org\/)/u.test(attributes.join('\n')));
	}
});

browserTest('without scripts the picture is there, and says what it is of', async ({ open }) => {
	for (const form of Object.keys(TYPES)) {
		const page = await open(draw(FOLDED, form, ['--title', 'Still']),
			{ javaScriptEnabled: false });
		const boxes = (await readStatic(page)).filter(({ isBlock }) => !isBlock);
		const wide = layOut(TREE, 1180).filter(({ node, width }) => node && width > 20);

		assert.equal(await page.locator('.eprof-view').count(), 0);
		assert.ok(await page.locator('svg.eprof .head').isVisible());
		for (const { node, depth, x, width } of wide) {
			const found = boxes.find((box) => box.depth === depth &&
				Math.abs(box.x - x) < 0.2);

			assert.ok(Math.abs(found.width - width) < 0.2,
				`${node.name}: ${found.width} ${width}`);
			assert.equal(found.title,
				`${node.name} (${node.total.toLocaleString('en')} samples, ` +
				`${node.parent ? percent(node.total, TREE.total) : '100%'})`);
		}
	}
});

/* Wide enough to be pointed at; some forty of each picture, and with `./dev browser` all. */
const WIDE = 12;
const POINTED_AT = process.env.EPROF_ALL ? Infinity : 40;

browserTest('the view says at first what the picture without scripts says', async ({ open }) => {
	for (const [folded, form, words] of [[RECORDED, 'svg', []], [FOLDED, 'html', []],
		[FOLDED, 'svg', ['--inverted']],
			[FOLDED, 'svg', ['--reverse', '--order', 'value']]]) {
		const file = draw(folded, form, words);
		const boxes = await readStatic(await open(file, { javaScriptEnabled: false }));
		const view = await viewOf(
			await open(file, { viewport: { width: 1200, height: 2500 } }));
		const frames = await view.part('frames').boundingBox();
		const wide = boxes.filter(({ width, isBlock }) => width >= WIDE && !isBlock);
		const every = Math.max(1, Math.floor(wide.length / POINTED_AT));
		let told = 0;

		assert.equal(frames.width, 1180, 'as wide as the other');
		for (const { depth, x, width, title } of wide.filter((box, i) => i % every === 0)) {
			const row = words.includes('--inverted') ? depth :
				frames.height / 16 - 1 - depth;
			const seen = await view.pointAt(frames.x + x + width / 2,
				frames.y + row * 16 + 8);

			assert.equal(seen.title, title);
			assert.ok(Math.abs(seen.width - width) < 1.5,
				`${title}: ${seen.width}, not ${width}`);
			told++;
		}
		assert.ok(told > 30, `${told} frames of ${words.join(' ')}`);
	}
});

browserTest('in a page it is an image, and an object that works', async ({ open, serve }) => {
	const url = await serve({
		'/x.svg': { body: textOf(draw(FOLDED, 'svg')), type: TYPES.svg },
		'/page': { type: TYPES.html, body: '<!DOCTYPE html><title>x</title>' +
			'<link rel="icon" href="data:,"/><img src="x.svg" alt=""/>' +
			'<object data="x.svg" type="image/svg+xml" width="900" height="500"></object>' },
	});
	const page = await open(`${url}/page`, { expected: /^request: .*\/x\.svg$/u });
	const colours = await page.evaluate(async () => {
		const image = document.querySelector('img');

		await image.decode();
		const canvas = Object.assign(document.createElement('canvas'),
			{ width: image.naturalWidth, height: image.naturalHeight });
		const context = canvas.getContext('2d');

		context.drawImage(image, 0, 0);
		const { data } = context.getImageData(0, 0, canvas.width, canvas.height);

		return new Set(new Uint32Array(data.buffer)).size;
	});

	assert.ok(colours > 20, `the image has ${colours} colours`);
	const frame = page.frames().find((one) => one.url().endsWith('/x.svg'));

	await frame.locator('.eprof-view').waitFor();
	await frame.locator('input.find').click();
	await page.keyboard.type('read');
	assert.equal(await frame.locator('.matched').textContent(), READS);
	await page.keyboard.press('Escape');
	await page.keyboard.press('ArrowUp');
	await page.keyboard.press('ArrowUp');
	await page.keyboard.press('Enter');
	assert.deepEqual(await frame.locator('.crumbs button').allTextContents(), ['all', 'app']);
});

/* Names as they are in the input, and as they are shown where that is not the same. */
const EVIL = [
	['</script><script>window.evil=1</script>'], ['</metadata><script>evil=1</script>'],
	['"onload="window.evil=1'], ["'><img src=x onerror=evil=1>"], [']]><b>x</b>'],
	['&lt &amp &#x41'], ['<!--'], ['javascript:alert(1)'], ['${evil=1}`'], ['\\u003cb\\u003e'],
	['__proto__'], ['constructor'], ['hasOwnProperty'], ['a&b=c#d?e=%3B%'], ['100%'],
		[' both ends '],
	['-'], ['$&$1(.*)['], ['\u202egnp.exe'], ['\u{1f525}\u{1f525}'], ['e\u0301\u200b\ufeff'],
	['a\u001b[31mb', 'a\ufffd[31mb'], ['a\ufffeb', 'a\ufffdb'],
	[Buffer.from([0x61, 0xed, 0xa0, 0x80, 0x62]), 'a\ufffdb'],
	[Buffer.from([0x61, 0xff, 0xc3]), 'a\ufffd\ufffd'], ['a\u0085b', 'a\ufffdb'],
	['a\tb', 'a b'],
];

/* By the address alone. */
async function openAgain(page) {
	await page.evaluate(() => window.history.replaceState(null, ''));
	await page.reload();
	await viewOf(page);
}

/* Everywhere a name is shown it is that text, and nothing is run. */
async function checkEverywhere(view, name) {
	const { page } = view;
	const share = '3 samples, 75.00%';

	await pressKeys(page, 'ArrowUp', 'ArrowUp', 'ArrowUp', 'zoom');
	assert.deepEqual(await view.crumbs(), ['all', 'main', name]);
	assert.equal((await readDetails(view)).name, name);
	assert.equal(await view.part('chosen').getAttribute('aria-label'), `${name} (${share})`);
	assert.ok((await view.part('labels').allTextContents()).includes(name));
	assert.equal(await readLive(view), `Zoomed to ${name} (${share})`);
	await openAgain(page);
	assert.deepEqual(await view.crumbs(), ['all', 'main', name], 'by the address');
	await pressKeys(page, 'ArrowUp', 'm');
	assert.equal(await view.root.locator('.menu .what').textContent(), name);
	await pressKeys(page, 'Escape', 's');
	assert.equal(await view.matched(), `Matched: ${share} (100.00% of view)`);
	await pressKeys(page, 'H');
	assert.equal((await readChips(view))[0], `without ${name} \u00d7`);
	await openAgain(page);
	assert.equal((await readChips(view))[0], `without ${name} \u00d7`, 'by the address');
	assert.equal(await page.evaluate(() => window.evil ?? ({}).evil), undefined);
	assert.equal(await view.root.locator('script, img, b, metadata, a, iframe').count(), 0);
}

function foldedOf(names) {
	return Buffer.concat(names.flatMap((name) => [Buffer.from('main;'), Buffer.from(name),
		Buffer.from(' 3\n')]));
}

browserTest('names of any kind are text without scripts', async ({ open }) => {
	for (const form of Object.keys(TYPES)) {
		const page = await open(draw(foldedOf(EVIL.map(([name]) => name)), form),
			{ javaScriptEnabled: false });
		const titles = (await readStatic(page)).filter(({ depth }) => depth === 2)
			.map(({ title }) => title);
		const count = BigInt(EVIL.length);

		assert.deepEqual(titles.sort(), EVIL.map(([name, shown = name]) =>
			`${shown} (3 samples, ${percent(1n, count)})`).sort());
	}
});

browserTest('names of any kind, one beside the other', async ({ open }) => {
	const view = await viewOf(await open(draw(foldedOf(EVIL.map(([name]) => name)), 'svg')));
	const seen = [];

	await pressKeys(view.page, 'ArrowUp', 'ArrowUp', 'ArrowUp');
	for (let i = 0; i < EVIL.length; i++) {
		seen.push((await readDetails(view)).name);
		await pressKeys(view.page, 'ArrowRight');
	}
	assert.deepEqual(seen.sort(), EVIL.map(([name, shown = name]) => shown).sort());
	assert.equal(await view.page.evaluate(() => window.evil ?? ({}).evil), undefined);
});

/* `./dev browser` alone goes everywhere with all of them. */
const WALKED_EVERY = process.env.EPROF_ALL ? 1 : 3;

for (const [i, [name, shown = name]] of EVIL.entries()) {
	if (i % WALKED_EVERY !== 0)
		continue;
	browserTest(`a name is shown as text: ${encodeURI(shown)}`, async ({ open }) => {
		const folded = Buffer.concat([foldedOf([name]), Buffer.from('main;x 1\n')]);

		await checkEverywhere(await viewOf(
			await open(draw(folded, i % 2 === 0 ? 'svg' : 'html'))),
			shown);
	});
}

browserTest('names with ends of lines and semicolons, which pprof may have', async ({ open }) => {
	for (const [name, shown] of [['a\nb\r\nc', 'a b  c'],
		['&lt;b&gt;&amp;&#x41;;', '&lt;b&gt;&amp;&#x41;;'],
		['\u2028x', '\u2028x']]) {
		const frame = { name, module: 'm', file: 'f', line: 1 };
		const main = { name: 'main', module: 'm', file: 'f', line: 2 };
		const file = draw(toPprof([{ frames: [main, frame], count: 3 },
			{ frames: [main, { ...frame, name: 'x' }], count: 1 }]), 'svg');

		await checkEverywhere(await viewOf(await open(file)), shown);
	}
});

browserTest('what the command line says of a picture is text, too', async ({ open }) => {
	const evil = '</title><script>window.evil=1</script>"\'&\u0001';
	const shown = evil.replace('\u0001', '\ufffd');

	for (const form of Object.keys(TYPES)) {
		const view = await viewOf(
			await open(draw('main 3\n', form, ['--title', evil, '--subtitle', evil,
			'--notes', evil, '--unit', evil])));

		assert.equal(await view.root.getByRole('heading').first().textContent(), shown);
		assert.equal(await view.root.locator('.subtitle').textContent(), shown);
		assert.equal(await view.root.locator('p.notes').textContent(), shown);
		assert.equal((await readDetails(view)).total, `3 ${shown}, 100.00% of all`);
		assert.equal(await view.page.evaluate(() => window.evil), undefined);
	}
});

// SPDX-License-Identifier: Apache-2.0
/* How the view looks: colours and themes, small windows and fingers, paper. */
import assert from 'node:assert/strict';

import { blend, coloursOfNames, contrast, parseColour, READABLE, readColours } from './colours.mjs';
import { clickOn, isAt, pressKeys, readDetails, readDrawn } from './drawn.mjs';
import { draw, drawDifference } from './eprof.mjs';
import { browserTest } from './harness.mjs';
import { FOLDED, TREE } from './input.mjs';
import { boxesOfPdf, PAPER_WIDTH, titleOfPdf } from './paper.mjs';
import { toPprof } from './pprof.mjs';
import { readStatic } from './static.mjs';
import { layOut } from './trees.mjs';
import { viewOf } from './view.mjs';

const PAGE = { light: [255, 255, 255], dark: [22, 24, 28] };
const WAITING = ['--unit', 'microseconds'];
const WAITS = `\
app;main;serve;read_[k];do_syscall_64_[k];ext4_sync_file_[k];__schedule_[k];[uninterruptible] 5000000
app;main;serve;lock;do_syscall_64_[k];futex_do_wait_[k];__schedule_[k] 4000000
app;main;serve;rest;do_syscall_64_[k];hrtimer_nanosleep_[k];do_nanosleep_[k];__schedule_[k] 4000000
app;main;fib;[runqueue] 3000000
app;main;loop;epoll_wait;do_syscall_64_[k];ep_poll_[k];__schedule_[k] 6000000
`;

async function openView(open, options = {}, form = 'svg', words = [], folded = FOLDED) {
	return viewOf(await open(draw(folded, form, words), options));
}

/* The classes of frames that the style sheet has, and, of each, how it looks in this picture. */
function readClasses(view) {
	return view.part('frames').evaluate((svg) => {
		const isWaits = svg.closest('.waits') !== null;
		const rules = Array.from(document.styleSheets).flatMap(
			({ cssRules }) => Array.from(cssRules));
		const names = rules.map(({ selectorText }) => /^(?:\.waits )?\.(?<name>[a-z]\d+)$/u
			.exec(selectorText)?.groups.name).filter((name) => name);
		const shapes = svg.querySelector('.shapes');

		return [...new Set(names), 'hit'].flatMap((name) => ['', ' below'].map((below) => {
			const path = document.createElementNS(svg.namespaceURI, 'path');

			path.setAttribute('class', name + below);
			shapes.append(path);
			const style = window.getComputedStyle(path);
			const [fill, opacity] = [style.fill, Number(style.opacity)];
			const id = /url\("?[^#]*#(?<id>[^")]+)/u.exec(fill)?.groups.id;

			path.remove();
			return id && !isWaits ? null : { name: name + below, opacity, fill: id ?
				window.getComputedStyle(
					document.querySelector(`#${id} rect`)).fill : fill };
		})).filter((found) => found !== null);
	});
}

for (const [theme, ground] of Object.entries(PAGE)) {
	browserTest(`names can be read upon frames of each colour (${theme})`, async ({ open }) => {
		const options = { colorScheme: theme };
		const pictures = [await openView(open, options),
			await openView(open, options, 'html', WAITING, WAITS)];

		for (const view of pictures) {
			const classes = await readClasses(view);
			const drawn = await readColours(view);
			const text = parseColour(
				await view.part('labels').first().evaluate((label) =>
				window.getComputedStyle(label).fill));

			assert.ok(classes.length > 200, String(classes.length));
			for (const { classes: name } of drawn)
				assert.ok(classes.some((one) => one.name === name),
					`${name} has a colour`);
			for (const { name, fill, opacity } of classes) {
				const shown = blend(parseColour(fill), ground, opacity);

				assert.ok(opacity === (name.endsWith('below') ? 0.55 : 1), name);
				assert.ok(contrast(shown, text) >= READABLE,
					`${name}: ${contrast(shown, text).toFixed(2)} of ${fill} to ${text}`);
			}
		}
	});
}

/* Whatever says something: { text, colour, ground } with the ground of what is around it. */
function readTexts(page) {
	return page.evaluate(() => {
		const isOwn = (element) => Array.from(element.childNodes).some((node) =>
			node.nodeType === Node.TEXT_NODE && node.data.trim() !== '');
		const groundOf = (element) => {
			for (let one = element; one; one = one.parentElement) {
				const { backgroundColor } = window.getComputedStyle(one);

				if (!/^rgba\(.*, 0\)$|^transparent$/u.test(backgroundColor))
					return backgroundColor;
			}
			return 'rgb(255, 255, 255)';
		};
		const texts = Array.from(document.querySelectorAll('.eprof-view *'))
			.filter((element) => element.namespaceURI.endsWith('xhtml') &&
				isOwn(element) &&
				element.checkVisibility())
			.map((element) => ({ text: element.textContent, ground: groundOf(element),
				colour: window.getComputedStyle(element).color }));
		const input = document.querySelector('input.find');

		return [...texts, { text: 'what is searched', ground: groundOf(input),
			colour: window.getComputedStyle(input).color }, { text: 'placeholder',
			ground: groundOf(input),
				colour: window.getComputedStyle(input, '::placeholder').color }];
	});
}

for (const theme of Object.keys(PAGE)) {
	browserTest(`all else can be read, too (${theme})`, async ({ open }) => {
		const view = await openView(open, { colorScheme: theme }, 'svg',
			['--subtitle', 'second',
			'--notes', 'below']);
		const seen = new Set();
		const check = async () => {
			for (const { text, colour, ground } of await readTexts(view.page)) {
				assert.ok(contrast(parseColour(colour),
					parseColour(ground)) >= READABLE,
					`${text}: ${colour} upon ${ground}`);
				seen.add(text);
			}
		};

		await check();
		await clickOn(view, TREE, isAt('app', 'main', 'serve'));
		await view.search('(');
		await check();
		await view.search('read');
		await pressKeys(view.page, 'Enter', 'Escape', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'h',
			'reverse');
		await check();
		await pressKeys(view.page, 'ArrowUp', 'ArrowUp', 'm', 'ArrowDown');
		await check();
		await pressKeys(view.page, 'Escape', '?');
		await check();
		for (const text of ['second', 'below', 'Reverse', 'Not a pattern: (', 'Copy name',
			'Close'])
			assert.ok(seen.has(text), text);
	});
}

function themeOf(page) {
	return page.evaluate(() => [document.documentElement.dataset.theme ?? 'auto',
		window.getComputedStyle(document.querySelector('.eprof-view')).backgroundColor]);
}

browserTest('light and dark are as the reader and the switch say', async ({ open }) => {
	const backgrounds = { light: 'rgb(255, 255, 255)', dark: 'rgb(22, 24, 28)' };

	for (const [form, preferred] of [['svg', 'light'], ['svg', 'dark'], ['html', 'dark']]) {
		const { page } = await openView(open, { colorScheme: preferred }, form);

		assert.deepEqual(await themeOf(page), ['auto', backgrounds[preferred]]);
		for (const theme of ['light', 'dark', 'auto', 'light']) {
			await pressKeys(page, 'theme');
			const wanted = [theme, backgrounds[theme === 'auto' ? preferred : theme]];

			assert.deepEqual(await themeOf(page), wanted);
			await page.reload();
			await viewOf(page);
			assert.deepEqual(await themeOf(page), wanted,
				'also when it is opened again');
		}
		await page.getByRole('button', { name: 'Light or dark' }).click();
		assert.deepEqual(await themeOf(page), ['dark', backgrounds.dark]);
	}
});

/* How many names two pictures share; those must have one colour. */
function checkShared(one, other, change = (fill) => parseColour(fill)) {
	const isCounted = (name, { classes }) => !/\.\.$|^all|\[|frames?$/u.test(name) &&
		!/below$|^[dclsrow]0$/u.test(classes);
	const shared = Object.keys(one).filter((name) => name in other &&
		isCounted(name, one[name]) && isCounted(name, other[name]));

	for (const name of shared) {
		const [wanted, seen] = [change(one[name].fill), parseColour(other[name].fill)];

		assert.equal(other[name].classes, one[name].classes, name);
		assert.ok(wanted.every((value, i) => Math.abs(value - seen[i]) <= 1.5),
			`${name}: ${seen}, not ${wanted}`);
	}
	return shared.length;
}

for (const theme of Object.keys(PAGE)) {
	browserTest(`a name has one colour in all pictures (${theme})`, async ({ open }) => {
		const options = { colorScheme: theme };
		const view = await openView(open, options);
		const first = await coloursOfNames(view);
		const other = 'other;thing;memcpy 5\nother;serve;read_[k] 6\nx;parse 7\nwalk;visit;leaf 9\n';
		const ways = {
			reverse: () => pressKeys(view.page, 'reverse'),
			merge: () => pressKeys(view.page, 'reset', 'reverse', 'merge'),
			icicle: () => pressKeys(view.page, 'icicle'),
			zoom: () => clickOn(view, TREE, isAt('app', 'main'), { inverted: true }),
		};

		assert.equal(new Set(Object.values(first).map(({ fill }) => fill)).size > 10, true);
		for (const [way, go] of Object.entries(ways)) {
			await go();
			assert.ok(checkShared(first, await coloursOfNames(view)) >= 5, way);
			if (way === 'merge')
				await pressKeys(view.page, 'merge');
		}
		assert.ok(checkShared(first, await coloursOfNames(
			await openView(open, options, 'html', [], other))) >= 5);
		const waiting = await coloursOfNames(
			await openView(open, options, 'html', WAITING, WAITS));

		/* What waits is what stands out there; the rest has its own colour, nearer to the page. */
		assert.ok(checkShared(first, waiting, (fill) =>
			blend(parseColour(fill), PAGE[theme], 9 / 20)) >= 4);
		assert.ok(Object.values(waiting).some(
			({ classes }) => /^[dclsro]0$/u.test(classes)));
	});
}

const NAMES_OF_ALL = `\
java/lang/Thread.run;Ljava/util/List:::add;JVM::entry;libc_read;do_read_[k] 40
node;Function:~x /app/a.js:3;v8::Run;Builtin:Loop_[j];inlined_[i];LazyCompile:*y /app/b.js:1_[j] 40
perl;Perl_pp;main::sub;x.pl;-;other 30
waiter;sleep_[k];--;waker;wake_[k] 30
`;
/* One of those that have one family for all, and the ones that look at names. */
const PALETTES = ['kind', 'module', 'io', 'chain', 'java', 'js', 'perl'];

browserTest('each palette is the one of the picture without scripts', async ({ open }) => {
	const all = new Set();

	for (const palette of PALETTES) {
		const file = draw(NAMES_OF_ALL, 'svg', ['--colors', palette]);
		const boxes = await readStatic(await open(file, { javaScriptEnabled: false }));
		const view = await viewOf(await open(file));
		const seen = (await readColours(view)).map(({ x, y, classes, fill }) =>
			`${x.toFixed(0)} ${y} ${classes} ${fill}`).sort();
		const rows = Math.max(...boxes.map(({ depth }) => depth));

		assert.deepEqual(seen, boxes.map(({ x, depth, classes, fill }) =>
			`${x.toFixed(0)} ${(rows - depth) * 16} ${classes} ${fill}`).sort(),
				palette);
		all.add(seen.join());
	}
	assert.equal(all.size, PALETTES.length - 1, 'without modules that is as kind');
});

const MODULES = [['app', 'main'], ['libc.so.6', 'read'], ['libz.so', 'inflate'], ['app', 'serve']];

browserTest('colours go by kind or by module, as is chosen', async ({ open }) => {
	const stacks = MODULES.map(([module, name], i) => ({ count: 10,
		frames: [{ name: 'start', module: 'app', file: 'a.c', line: 1 },
			{ name, module, file: 'b.c', line: i + 2 }] }));
	const profile = toPprof(stacks);
	const view = await openView(open, {}, 'svg', [], profile);
	const choose = view.root.getByRole('combobox', { name: 'Colours' });
	const first = await coloursOfNames(view);

	await choose.selectOption('module');
	const colours = await coloursOfNames(view);

	assert.equal(colours.main.fill, colours.serve.fill);
	assert.equal(colours.main.fill, colours.start.fill);
	assert.equal(new Set([colours.main.fill, colours.read.fill, colours.inflate.fill]).size, 3);
	await view.page.reload();
	await viewOf(view.page);
	assert.equal(await choose.evaluate((select) => select.value), 'module',
		'the address has it');
	assert.deepEqual(await coloursOfNames(view), colours);
	await choose.selectOption('kind');
	assert.deepEqual(await coloursOfNames(view), first);
	assert.deepEqual(await coloursOfNames(
		await openView(open, {}, 'svg', ['--colors', 'module'],
		profile)), colours, 'or by the command line');
});

browserTest('a touch tells of a frame, and a second one zooms', async ({ open }) => {
	for (const form of ['svg', 'html']) {
		const view = await openView(open, { hasTouch: true }, form);
		const { width } = await readDrawn(view);
		const box = await view.part('frames').boundingBox();
		const touch = async (...path) => {
			const { x, width: wide, depth } = layOut(TREE, width).find(isAt(...path));
			const { y, height } = await view.part('frames').boundingBox();

			await view.page.touchscreen.tap(box.x + x + wide / 2,
				y + height - 16 * depth - 8);
		};

		await touch('app', 'main', 'serve');
		assert.deepEqual(await view.crumbs(), ['all']);
		assert.equal((await readDetails(view)).name, 'serve');
		assert.match((await view.hovered()).title, /^serve \(1,471 samples, /u);
		await touch('app', 'main', 'walk');
		assert.deepEqual(await view.crumbs(), ['all'], 'another one is told of, too');
		assert.equal((await readDetails(view)).name, 'walk');
		await touch('app', 'main', 'serve');
		await touch('app', 'main', 'serve');
		assert.deepEqual(await view.crumbs(), ['all', 'app', 'main', 'serve']);
	}
});

const PHONE = { viewport: { width: 400, height: 800 }, hasTouch: true, isMobile: true };

browserTest('on a phone nothing is too wide, and all can be got at', async ({ open }) => {
	const difference = drawDifference('a;b 3\na;c 4\n', 'a;b 5\na;d 4\n', 'svg',
		['--title', 't'.repeat(90)]);

	for (const [file, count] of [[draw(FOLDED, 'svg'), 8], [difference, 9],
		[draw(WAITS, 'svg', WAITING), 9]]) {
		const view = await viewOf(await open(file, PHONE));
		const { page } = view;
		const buttons = await view.root.locator(
			'button:visible, select:visible, input:visible').all();

		assert.ok(buttons.length >= count, String(buttons.length));
		assert.deepEqual(await page.evaluate(() => [document.documentElement.scrollWidth,
			window.innerWidth]), [400, 400]);
		for (const button of buttons) {
			const { x, y, width, height } = await button.boundingBox();
			const isOnTop = await button.evaluate((element, [left, top]) =>
				element.contains(document.elementFromPoint(left, top)),
					[x + width / 2, y + height / 2]);

			assert.ok(isOnTop && x >= 0 && x + width <= 400 && width >= 24 &&
				height >= 24,
				JSON.stringify([await button.textContent(), x, y, width, height]));
		}
		for (const size of await page.evaluate(() => Array.from(document.querySelectorAll(
			'.eprof-view button, .eprof-view span, .eprof-view text, .eprof-view input, h1'),
		(element) => parseFloat(window.getComputedStyle(element).fontSize))))
			assert.ok(size >= 12, String(size));
	}
});

/* How many rows have frames in the page now. */
function rowsDrawn(page) {
	return page.evaluate(() => {
		const paths = document.querySelectorAll('svg.frames .shapes path');

		return new Set(Array.from(paths, (path) =>
			Array.from(path.getAttribute('d').matchAll(/M[\d.]+ ([\d.]+)/gu), ([, y]) => y))
			.flat()).size;
	});
}

browserTest('on paper are title and frames of all rows, no switches', async ({ open }) => {
	const depth = 300;
	const names = Array.from({ length: depth }, (_, i) => `f${i}`);
	const folded = names.map((_, i) => `${names.slice(0, i + 1).join(';')} 1\n`).join('') +
		`${names[0]};wide 100\n`;
	const view = await openView(open, {}, 'svg', ['--title', 'Upon paper'], folded);
	const { page } = view;
	const rowsInWindow = await rowsDrawn(page);

	const pdf = await page.pdf({ printBackground: true });
	const boxes = boxesOfPdf(pdf);

	assert.ok(rowsInWindow < depth / 2, String(rowsInWindow));
	assert.ok(await rowsDrawn(page) < depth / 2, 'afterwards only what the window shows');
	assert.equal(titleOfPdf(pdf), 'Upon paper');
	assert.ok(boxes.every(({ right }) => right <= PAPER_WIDTH), 'nothing is cut off');
	assert.ok(boxes.length >= depth + 2, `${boxes.length} boxes`);
	await page.emulateMedia({ media: 'print' });
	assert.ok(await page.getByRole('heading').isVisible());
	for (const part of ['.switches', '.search', '.details', '.menu'])
		assert.ok(!await view.root.locator(part).isVisible(), part);
});

browserTest('on paper the colours are light, whatever the switch says', async ({ open }) => {
	const view = await openView(open);
	const colours = await coloursOfNames(view);

	await pressKeys(view.page, 'theme', 'theme');
	assert.notDeepEqual(await coloursOfNames(view), colours);
	await view.page.emulateMedia({ media: 'print' });
	assert.deepEqual(await coloursOfNames(view), colours);
});

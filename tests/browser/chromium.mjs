// SPDX-License-Identifier: Apache-2.0
/* One Chromium for a process, and pages in it that are listened to; a server on this machine only. */
import crypto from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
	'--disable-background-networking', '--disable-component-update', '--disable-sync'];
const CHROMIUM = process.env.EPROF_CHROMIUM ?? '/usr/bin/chromium';
/* A page that does nothing for so long hangs; sanitizers and busy machines are slow. */
export const HANGS_MS = 120_000;
const VIEWPORT = { width: 1200, height: 800 };

let launched = null;

/* The one Chromium of this process, which lives until endBrowser(). */
export async function startBrowser() {
	if (launched === null) {
		const modules = path.resolve(process.env.EPROF_NODE_MODULES);
		const { chromium } = createRequire(modules + '/')('playwright-core');

		launched = chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
	}
	return launched;
}

export async function endBrowser() {
	const browser = launched;

	launched = null;
	if (browser !== null)
		await (await browser).close();
}

/* What a page complains of, as text, except for what is expected (a RegExp). */
function watch(page, target, expected) {
	const faults = [];
	const note = (text) => {
		if (!expected?.test(text))
			faults.push(text);
	};

	page.on('pageerror', (error) => note(`error: ${error.message}`));
	page.on('console', (message) => {
		if (message.type() === 'error')
			note(`console: ${message.text()}`);
	});
	page.on('dialog', async (dialog) => {
		note(`dialog: ${dialog.message()}`);
		await dialog.dismiss();
	});
	page.on('crash', () => note('the page crashed'));
	page.on('request', (request) => {
		const url = request.url().split('#')[0];

		if (url !== target && !url.startsWith('data:') && !url.startsWith('blob:'))
			note(`request: ${url}`);
	});
	return faults;
}

/*
 * Opens a file or a http: URL. options: those of a context (viewport, colorScheme, hasTouch,
 * javaScriptEnabled, ...), hash: "#" and what follows it in the URL, expected: a RegExp of complaints
 * that are none, before: a function to run in the page before its own scripts.
 * Returns { page, faults, close }; what the page complains of is added to faults as it comes.
 */
export async function openPage(target, { hash = '', expected, before, ...context } = {}) {
	const url = target.startsWith('http://') ? target : pathToFileURL(target).href;
	const browser = await startBrowser();
	const own = await browser.newContext({ viewport: VIEWPORT, ...context });
	const page = await own.newPage();
	const faults = watch(page, url, expected);

	page.setDefaultTimeout(HANGS_MS);
	if (before)
		await page.addInitScript(before);
	await page.goto(url + hash, { timeout: HANGS_MS });
	return { page, faults, close: () => own.close() };
}

/*
 * A server on this machine only. routes: { '/x.svg': { body, type, headers } }; whatever else is
 * asked for is not there. Returns { url, close }.
 */
export async function startServer(routes) {
	const server = http.createServer((request, response) => {
		const route = routes[request.url.split('?')[0]];

		response.writeHead(route ? 200 : 404, { 'Content-Type': route?.type ?? 'text/plain',
			'X-Content-Type-Options': 'nosniff', ...route?.headers });
		response.end(route?.body ?? 'not found');
	});

	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${server.address().port}`,
		close: async () => {
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		},
	};
}

function hashesOf(text, element) {
	const found = text.matchAll(new RegExp(`<${element}(?:\\s[^>]*)?>(.*?)</${element}>`, 'gs'));

	return Array.from(found, ([, inner]) => {
		/* In XML the browser hashes what is in the CDATA section. */
		const source = inner.replace(/^<!\[CDATA\[/, '').replace(/\]\]>$/, '');

		return `'sha256-${crypto.createHash('sha256').update(source).digest('base64')}'`;
	});
}

/* The strictest policy under which a page's own inline scripts and styles may run. */
export function strictPolicy(text) {
	const [scripts, styles] = ['script', 'style'].map((element) => hashesOf(text, element));

	return `default-src 'none'; script-src ${scripts.join(' ') || "'none'"}; ` +
		`style-src ${styles.join(' ') || "'none'"}`;
}

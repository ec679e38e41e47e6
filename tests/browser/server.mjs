// SPDX-License-Identifier: Apache-2.0
/* A real eprof-server with profiles in it, and its page. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';

import { draw, EPROF, newPath, ROOT } from './eprof.mjs';
import { browserTest } from './harness.mjs';

const SERVER = process.env.EPROF_SERVER ?? path.join(ROOT, 'build/release/eprof-server');
const MINUTE = 60;
const UNIT = ['--unit', 'microseconds'];

/* The page asks the server, and nobody else. */
const OWN = /^request: http:\/\/127\.0\.0\.1:\d+\//;

let profiles = 0;
const drawn = new Map(); /* folded stacks -> the same as pprof */

function pprofOf(folded) {
	if (!drawn.has(folded))
		drawn.set(folded, fs.readFileSync(draw(folded, 'pb.gz', UNIT)));
	return drawn.get(folded);
}

async function post(url, profile, token) {
	const { folded, service, host, kind = 'on-cpu', from, until = from + MINUTE, labels = {} } = profile;
	const parameters = new URLSearchParams({ id: `p${++profiles}`, service, host, kind, from, until,
		...Object.fromEntries(Object.entries(labels).map(([name, value]) => [`label.${name}`, value])) });
	const response = await fetch(`${url}/api/v1/profiles?${parameters}`, { method: 'POST',
		body: pprofOf(folded),
		headers: token ? { Authorization: `Bearer ${token}` } : {} });

	if (!response.ok)
		throw new Error(`${response.status}: ${await response.text()}`);
}

/* words: more of the command line. Returns { url, put(profile, token), end() }; profile: { folded (in
 * microseconds), service, host, kind, from, until, labels }. */
export async function startEprofServer(words = ['--insecure']) {
	const child = spawn(SERVER, ['--listen', '127.0.0.1:0', '--data', newPath('data'), ...words],
		{ stdio: ['ignore', 'ignore', 'pipe'] });
	const [line] = await once(readline.createInterface({ input: child.stderr }), 'line');
	const [, url] = /answers at (http:\/\/127\.0\.0\.1:\d+)\/$/.exec(line) ?? [];

	if (!url)
		throw new Error(line);
	return {
		url,
		put: (profile, token) => post(url, profile, token),
		end: async () => {
			child.kill();
			if (child.exitCode === null)
				await once(child, 'exit');
		},
	};
}

/* An agent that sends what this machine does, as anybody who may not write to its files; and a
 * process that has something to do, and to wait for. Returns { end() }. */
export function startAgent(url) {
	const folder = newPath('agent');
	const words = ['agent', '--window', '2', '--upload', url.replace('http', 'eprof'), '--spool-dir',
		path.join(folder, 'spool'), '--socket', path.join(folder, 'run/agent.sock'), '--user', '65534'];
	const work = 'for (;;) { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2); ' +
		'for (let until = Date.now() + 5; Date.now() < until;); }';

	fs.mkdirSync(folder, { mode: 0o755 });
	fs.chmodSync(path.dirname(folder), 0o755);
	const children = [spawn(EPROF, words, { stdio: ['ignore', 'ignore', 'inherit'] }),
		spawn(process.execPath, ['-e', work], { stdio: 'ignore' })];

	return {
		end: async () => {
			for (const child of children) {
				child.kill();
				if (child.exitCode === null && child.signalCode === null)
					await once(child, 'exit');
			}
		},
	};
}

/* As browserTest(); body gets server, and visit(address, options), which opens it there. */
export function serverTest(name, body, words) {
	browserTest(name, async ({ open, context }) => {
		const server = await startEprofServer(words);
		const pages = [];
		const visit = async (address = '/', { expected, ...options } = {}) => {
			pages.push(await open(server.url + address, { ...options,
				expected: expected ? new RegExp(`${OWN.source}|${expected.source}`) : OWN }));
			return pages.at(-1);
		};

		try {
			await body({ server, visit, context });
		} finally {
			/* What a page still waits for would be an error of its own. */
			for (const page of pages)
				await page.goto('about:blank');
			await server.end();
		}
	});
}

// SPDX-License-Identifier: Apache-2.0
/* The program under test: what it draws, in a folder that goes when the tests end. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const EPROF = path.resolve(process.env.EPROF_BINARY ?? path.join(ROOT, 'build/release/eprof'));

let folder = null;
let files = 0;

function removeFolder() {
	fs.rmSync(folder, { recursive: true, force: true });
}

/* A path that no file has yet, with this ending. */
export function newPath(ending) {
	if (folder === null) {
		folder = fs.mkdtempSync(path.join(os.tmpdir(), 'eprof-browser-'));
		process.on('exit', removeFolder);
	}
	return path.join(folder, `${++files}.${ending}`);
}

/* Runs eprof; an end that is not success is an error, with what it said. */
export function runEprof(...words) {
	const { status, signal, stderr, error } = spawnSync(EPROF, words, { encoding: 'utf8' });

	if (status !== 0)
		throw new Error(`eprof ${words.join(' ')}: ${error ?? signal ?? status}\n${stderr}`);
}

function writeInput(folded) {
	const input = newPath('folded');

	fs.writeFileSync(input, folded);
	return input;
}

/* The path of what `eprof flamegraph` makes of folded stacks: form is svg, html, folded, ... */
export function draw(folded, form = 'html', options = []) {
	const output = newPath(form);

	runEprof('flamegraph', writeInput(folded), '-o', output, ...options);
	return output;
}

/* The same of `eprof diff`. */
export function drawDifference(before, after, form = 'html', options = []) {
	const output = newPath(form);

	runEprof('diff', writeInput(before), writeInput(after), '-o', output, ...options);
	return output;
}

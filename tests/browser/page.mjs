// SPDX-License-Identifier: Apache-2.0
/* A page with two pictures: how it is made, used and read, and what is true of its functions. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';

import { newPath } from './eprof.mjs';
import { percent, total } from './folded.mjs';
import { viewOf } from './view.mjs';

/* The path of the page of these folded stacks, of samples and of microseconds off a CPU. */
export function makePage(on, off) {
	const files = [on, off].map((folded) => {
		const file = newPath('folded');

		fs.writeFileSync(file, folded);
		return file;
	});
	const page = newPath('html');
	const { status, error } = spawnSync(process.env.EPROF_PAGE_MAKER, [...files, page]);

	if (status !== 0)
		throw new Error(`make_page: ${error ?? status}`);
	return page;
}

/* Both views of such a page. */
export async function viewsOf(page) {
	return {
		on: await viewOf(page, '.eprof-view[aria-label="On-CPU"]'),
		off: await viewOf(page, '.eprof-view[aria-label="Off-CPU"]'),
	};
}

/* Each row of a table as texts of its cells, with no blank between a count and its share. */
export function rowsOf(table) {
	return table.locator('tbody tr').evaluateAll((rows) =>
		rows.map((row) => Array.from(row.cells, (cell) => cell.textContent)));
}

/* { name: { self, total } } of stacks: total counts a stack once. */
export function sumFunctions(stacks) {
	const sums = {};
	const of = (name) => (sums[name] ??= { self: 0n, total: 0n });

	for (const { names, count } of stacks) {
		of(names.at(-1)).self += count;
		for (const name of new Set(names))
			of(name).total += count;
	}
	return sums;
}

/* { name: count } of those that call a function, or that it calls, in stacks counted once each. */
export function sumNeighbours(stacks, name, isCaller) {
	const sums = {};

	for (const { names, count } of stacks) {
		const found = new Set();

		for (let i = 1; i < names.length; i++) {
			const [own, other] = isCaller ? [names[i], names[i - 1]] : [names[i - 1], names[i]];

			if (own === name)
				found.add(other);
		}
		for (const other of found)
			sums[other] = (sums[other] ?? 0n) + count;
	}
	return sums;
}

/* "1.23 s", of whole milliseconds below a second or whole hundredths above. */
export function timeText(microseconds) {
	const value = Number(microseconds);

	if (value < 1000)
		return `${value} us`;
	const [scaled, unit] = value < 1_000_000 ? [value / 1000, 'ms'] : [value / 1_000_000, 's'];

	return `${scaled.toPrecision(3)} ${unit}`;
}

/* A cell: the count and its share; '' for none. */
export function cellText(count, stacks, toText = String) {
	return count ? toText(count) + percent(count, total(stacks)) : '';
}

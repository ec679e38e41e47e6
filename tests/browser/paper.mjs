// SPDX-License-Identifier: Apache-2.0
/* What is upon paper: as much of a PDF as Chromium writes of a picture. */
import zlib from 'node:zlib';

export const PAPER_WIDTH = 612; /* points: US letter */
const STREAM = />>\s*stream\r?\n/gu;
const UNITS = { cm: 6, m: 2, l: 2 };

/* The text of each page's drawing. */
function drawingsOf(pdf) {
	const text = pdf.toString('latin1');

	return Array.from(text.matchAll(STREAM), (match) => {
		try {
			return zlib.inflateSync(pdf.subarray(match.index + match[0].length),
				{ finishFlush: zlib.constants.Z_SYNC_FLUSH }).toString('latin1');
		} catch {
			return ''; /* not compressed: an image, or a font */
		}
	}).filter((drawing) => / cm\n/u.test(drawing));
}

function multiply([a, b, c, d, e, f], [g, h, i, j, k, l]) {
	return [a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j,
		e * g + f * i + k, e * h + f * j + l];
}

/* Filled shapes of four corners in one drawing: { left, right, top }, in points of its page. */
function boxesOf(drawing) {
	const boxes = [];
	const kept = [];
	let matrix = [1, 0, 0, 1, 0, 0];
	let corners = [];

	for (const line of drawing.split('\n')) {
		const words = line.trim().split(' ');
		const command = words.pop();
		const numbers = words.map(Number);

		if (command === 'q')
			kept.push(matrix);
		else if (command === 'Q')
			matrix = kept.pop();
		else if (command === 'cm')
			matrix = multiply(numbers, matrix);
		else if (command === 'm')
			corners = [numbers];
		else if (command === 'l')
			corners.push(numbers);
		if (numbers.length !== (UNITS[command] ?? numbers.length))
			throw new Error(`not understood: ${line}`);
		if (command === 'h' && corners.length === 5) {
			const xs = corners.map(([x, y]) => x * matrix[0] + y * matrix[2] +
				matrix[4]);
			const ys = corners.map(([x, y]) => x * matrix[1] + y * matrix[3] +
				matrix[5]);

			boxes.push({ left: Math.min(...xs), right: Math.max(...xs),
				top: Math.max(...ys) });
		}
	}
	return boxes;
}

/* Once each, also those that are on two pages. */
export function boxesOfPdf(pdf) {
	const pages = drawingsOf(pdf).map(boxesOf);
	const height = 792;
	const found = new Map(pages.flatMap((boxes, page) => boxes.map((box) =>
		[[box.left, box.right, box.top - page * height].map(
			(value) => value.toFixed(1)).join(' '), box])));

	return [...found.values()];
}

export function titleOfPdf(pdf) {
	return /\/Title \((?<title>[^)]*)\)/u.exec(pdf.toString('latin1'))?.groups.title;
}

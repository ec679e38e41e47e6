// SPDX-License-Identifier: Apache-2.0
/* The picture as it is without scripts: an SVG, or the first one of a page. */
const MARGIN = 10;

/* All boxes: [{ depth, x, width, title, classes, fill, isBlock }]; x is from the left of the root. */
export async function readStatic(page) {
	const boxes = await page.evaluate(() => {
		const picture = document.querySelector('svg.eprof');

		return Array.from(picture.querySelectorAll('.boxes rect'), (rect) => {
			const { e, f } = rect.getCTM();

			return { x: e + rect.x.baseVal.value, y: f, width: rect.width.baseVal.value,
				title: rect.querySelector('title').textContent,
				classes: rect.getAttribute('class'),
					fill: window.getComputedStyle(rect).fill };
		});
	});
	const rows = [...new Set(boxes.map(({ y }) => y))].sort((a, b) => b - a);
	/* The root is as wide as all. */
	const root = boxes.reduce((a, b) => b.width > a.width ? b : a);
	const isInverted = rows.at(-1) === root.y && rows.length > 1;

	return boxes.map(({ y, x, ...box }) => ({ ...box, x: x - MARGIN,
		isBlock: / narrow frames? \(/u.test(box.title),
		depth: isInverted ? rows.length - 1 - rows.indexOf(y) : rows.indexOf(y) }));
}

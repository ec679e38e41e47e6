// SPDX-License-Identifier: Apache-2.0
/* Colours as the browser has computed them, and how well one is read upon another (WCAG 2). */

/* What text and what it stands upon must have at least, and marks such as the focus. */
export const READABLE = 4.5;
export const NOTICEABLE = 3;

/* [red, green, blue, alpha] of "rgb(1, 2, 3)"; alpha is from 0 to 1. */
export function parseColour(text) {
	const [red, green, blue, alpha = 1] = text.match(/[\d.]+/gu).map(Number);

	return [red, green, blue, alpha];
}

/* A colour that lets so much of the ground through. */
export function blend(colour, ground, share) {
	return colour.slice(0, 3).map((value, i) => value * share + ground[i] * (1 - share));
}

function luminance(colour) {
	const [red, green, blue] = colour.slice(0, 3).map((value) => {
		const part = value / 255;

		return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
	});

	return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export function contrast(one, other) {
	const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);

	return (light + 0.05) / (dark + 0.05);
}

/* All boxes of a view with their colours: [{ x, y, width, classes, fill, opacity }]; places as
 * ViewPage.boxes() has them. What is filled with a pattern has the colour of its ground. */
export function readColours(view) {
	return view.part('frames').evaluate((svg) => {
		const box = /M(?<x>[\d.]+) (?<y>[\d.]+)h(?<width>[\d.]+)/gu;
		const fillOf = (path) => {
			const { fill } = window.getComputedStyle(path);
			const id = /url\("?[^#]*#(?<id>[^")]+)/u.exec(fill)?.groups.id;

			return id ? window.getComputedStyle(
				document.querySelector(`#${id} rect`)).fill : fill;
		};

		return Array.from(svg.querySelectorAll('.shapes path')).flatMap((path) => {
			const { a, d, e, f } = path.getCTM();
			const common = { classes: path.getAttribute('class'), fill: fillOf(path),
				opacity: Number(window.getComputedStyle(path).opacity) };

			return Array.from(path.getAttribute('d').matchAll(box),
				({ groups }) => ({ ...common,
				x: groups.x * a + e, y: groups.y * d + f,
					width: groups.width * a }));
		});
	});
}

/* { name: { classes, fill } } of what is wide enough to have its whole name upon it. */
export async function coloursOfNames(view) {
	const boxes = await readColours(view);
	const labels = await view.part('labels').evaluateAll((texts) => texts.map((text) => ({
		name: text.textContent, x: Number(text.getAttribute('x')),
			y: Number(text.getAttribute('y')) })));

	return Object.fromEntries(labels.map(({ name, x, y }) => {
		const { classes, fill } = boxes.find((box) => box.x <= x && x < box.x + box.width &&
			box.y <= y && y < box.y + 16);

		return [name, { classes, fill }];
	}));
}

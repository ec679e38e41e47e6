// SPDX-License-Identifier: Apache-2.0
/*
 * How the page is used: all that tests and benchmarks know of its elements and keys. What they do is
 * done with the mouse and the keyboard; what they see is read from the page. root: the selector of
 * one picture of a page that has several.
 */

/* Elements of a view, once its script has run. */
export const PARTS = {
	view: '.eprof-view',
	frames: 'svg.frames',
	shapes: 'svg.frames .shapes path',
	labels: 'svg.frames .texts text',
	hover: 'svg.frames rect.hover',
	hoverTitle: 'svg.frames rect.hover title',
	chosen: 'svg.frames [role=treeitem]',
	search: 'input.find',
	matched: '.matched',
	details: '.details',
	crumbs: '.crumbs button',
	live: '.live',
};

/* With the focus anywhere but in a field. */
export const KEYS = {
	search: '/', next: 'n', previous: 'N', reset: '0', leave: 'Escape', zoom: 'Enter',
	out: 'Backspace', reverse: 'r', merge: 'R', icicle: 'i', work: 'w', theme: 't', menu: 'm',
};

export class ViewPage {
	constructor(page, root = PARTS.view) {
		this.page = page;
		this.root = page.locator(root).first();
	}

	part(name) {
		return this.root.locator(PARTS[name]);
	}

	/* Until the script has put the view in the picture's place. */
	async ready() {
		await this.root.waitFor();
		return this;
	}

	async press(name) {
		await this.page.keyboard.press(KEYS[name]);
	}

	/* Types a pattern in place of the last one; the field keeps the focus. */
	async search(pattern) {
		await this.part('search').click();
		await this.page.keyboard.press('Control+A');
		await this.page.keyboard.type(pattern);
	}

	/* What the page says that the search has matched: "Matched: 3 samples, 1.00%". */
	matched() {
		return this.part('matched').textContent();
	}

	/* Names of the way to what is zoomed to, the whole first. */
	crumbs() {
		return this.part('crumbs').allTextContents();
	}

	/* What the mouse is upon: { title, x, y, width, height } on the screen, or null. */
	async hovered() {
		const hover = this.part('hover');

		if (await hover.evaluate((element) => element.classList.contains('hidden')))
			return null;
		return { title: await this.part('hoverTitle').textContent(), ...await hover.boundingBox() };
	}

	/* Moves the mouse upon a point of the screen and says what is there. */
	async pointAt(x, y) {
		await this.page.mouse.move(x, y);
		return this.hovered();
	}

	/*
	 * Moves the mouse upon the frame with this name, which is wide enough to show it, or its
	 * beginning; as hovered(), or null where there is none.
	 */
	async find(name) {
		const label = this.part('labels').filter({ hasText: name }).first();

		if (await label.count() === 0)
			return null;
		await label.scrollIntoViewIfNeeded();
		const box = await label.boundingBox();

		return this.pointAt(box.x + 1, box.y + box.height / 2);
	}

	async zoom(name) {
		await this.find(name);
		await this.page.mouse.down();
		await this.page.mouse.up();
	}

	/* All that is drawn: [{ x, y, width }] in pixels from the top left of the frames, as they come. */
	boxes() {
		return this.part('frames').evaluate((svg, selector) => {
			const box = /M(?<x>[\d.]+) (?<y>[\d.]+)h(?<width>[\d.]+)/gu;
			const boxesOf = (path) => {
				const { a, d, e, f } = path.getCTM();

				return Array.from(path.getAttribute('d').matchAll(box), ({ groups }) => ({
					x: groups.x * a + e, y: groups.y * d + f, width: groups.width * a }));
			};

			return Array.from(svg.parentNode.querySelectorAll(selector)).flatMap(boxesOf);
		}, PARTS.shapes);
	}
}

/* The view of a page that has just been opened. */
export function viewOf(page, root) {
	return new ViewPage(page, root).ready();
}

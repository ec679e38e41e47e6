/* SPDX-License-Identifier: Apache-2.0 */
/* What colours mean: of waiting, with the switch that hides what only waits for work, and of a
 * comparison. */
const SIDE_GLYPHS = 48; /* of the name of a side */

function swatch(className) {
	return svgElement('svg', { class: 'swatch', width: 18, height: 15, 'aria-hidden': 'true' },
		svgElement('rect', { class: className, width: 18, height: 15 }));
}

function makeWaitLegend(view) {
	const { picture } = view;
	const entries = picture.waits.map(({ letter, text }) => letter === WORK && picture.canHideWork ?
		htmlElement('button', { type: 'button', class: 'kind work',
			onclick: () => toggleWork(view) }, swatch(letter + '0'), htmlElement('span')) :
		htmlElement('span', { class: 'kind' }, swatch(letter + '0'), text));
	const legend = htmlElement('div', { class: 'legend' }, ...entries);
	const work = legend.querySelector('.work');
	const show = () => {
		const isHidden = view.state.rules.some((rule) => rule.kind === 'work');

		work.setAttribute('aria-pressed', isHidden);
		work.lastChild.textContent = picture.waitLetters.get(WORK) + ' ' +
			view.unit.count(picture.workTotal) + (isHidden ? ': hidden, show' : ': shown, hide');
	};

	if (work) {
		view.on('change', show);
		show();
	}
	return legend;
}

/* "before: old.folded 1,234 samples", as svg_legend.c has it */
function sideText(side, name, total, unit) {
	return side + (name === side ? ' ' : ': ' + cut(name, SIDE_GLYPHS) + ' ') + unit.count(total);
}

function makeChangeLegend(view) {
	const { picture, unit } = view;
	const [before, after] = picture.sides;
	const steps = [];

	for (let step = SHADES - 1; step > 0; step -= 2)
		steps.push(swatch('f' + step));
	steps.push(swatch('q0'));
	for (let step = 1; step < SHADES; step += 2)
		steps.push(swatch('h' + step));
	return htmlElement('div', { class: 'legend' },
		htmlElement('span', { class: 'kind' }, 'less ', ...steps, ' more'),
		htmlElement('span', { class: 'kind' }, swatch('a0'), 'new'),
		htmlElement('span', { class: 'kind' }, swatch('x0'), 'removed'),
		htmlElement('span', { class: 'kind' }, sideText('before', before, picture.beforeTotal, unit) +
			', ' + sideText('after', after, picture.afterTotal, unit) +
			(picture.isNormalized ? '; before is scaled to the total of after' :
				'; totals as they are')));
}

function makeLegend(view) {
	if (view.picture.isComparison)
		return makeChangeLegend(view);
	return view.picture.waits.length > 0 ? makeWaitLegend(view) : null;
}

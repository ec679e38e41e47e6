/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a frame, or of a run of them. */
const KINDS = { k: 'kernel', i: 'inlined', j: 'JIT', p: '', n: '' };

/* "lock", "kernel"; '' where there is nothing to say. */
function kindText(view, node) {
	const letter = view.letterOf(node);

	return view.picture.waitLetters.get(letter) ||
		(view.picture.colours.includes('kind') && KINDS[letter]) || '';
}

function ofAll(view) {
	return view.state.rules.length > 0 ? ' of what is shown' : ' of all';
}

/* "libc.so.6, malloc.c:3321"; '' where neither is known. */
function placeText(view, node) {
	const { module, file, line } = node > 0 ? view.shape.place(node) :
		{ module: '', file: '', line: 0 };
	const where = file && line > 0 ? file + ':' + line : file;

	return [module, where].filter((text) => text !== '').join(', ');
}

/* What shares are of: all that is shown, but not what is drawn only as it was there before. */
function wholeOf(view) {
	return view.forward.total(0) - view.forward.gone(0);
}

/* In a comparison: what is drawn, and what was on the other side. */
function sidesOf(view, node) {
	const gone = view.shape.gone(node);
	const own = view.shape.total(node) - gone;
	const other = view.shape.before(node) || gone;

	return { own, other, isGone: own === 0 && gone > 0,
		...(view.picture.isNegated ? { before: own, after: other } : { before: other, after: own }) };
}

/* What a frame has itself, on both sides. */
function sidesOfSelf(view, node) {
	const own = selfOf(view, node);
	const other = view.shape.beforeSelf(node);

	return { other, ...(view.picture.isNegated ? { before: own, after: other } :
		{ before: other, after: own }) };
}

/* "before 1,000, 10.00%; +2.34%, +23.4% of itself": the same words as svg_words.c has. */
function changeText(view, { other, before, after }) {
	const { picture, unit } = view;
	const whole = wholeOf(view);
	const sign = (value) => value > 0 ? '+' : '';
	const change = after - before;
	const relative = 100 * change / before;

	return (picture.isNegated ? 'after ' : 'before ') + unit.number(other) + ', ' +
		percent(other, whole) + '; ' + sign(change) + percentNumber(100 * change / whole) + '%' +
		(change === 0 ? '' : before === 0 ? ', new' :
			', ' + sign(relative) + relative.toFixed(1) + '% of itself');
}

function goneText(view) {
	return view.picture.isNegated ? 'new' : 'removed';
}

/* What is in the brackets behind a frame's name. */
function factsOf(view, node) {
	const { picture, shape, unit } = view;
	const whole = wholeOf(view);
	const isRoot = node === 0 && view.state.calls === '';
	const kind = isRoot ? '' : picture.waitLetters.get(view.letterOf(node)) || '';

	if (!picture.isComparison)
		return unit.count(shape.total(node)) + ', ' +
			(isRoot ? '100%' : percent(shape.total(node), whole)) + (kind && ', ' + kind);
	const { own, other, isGone } = sidesOf(view, node);

	if (isGone)
		return unit.count(shape.gone(node)) + ', ' + percent(shape.gone(node), whole) + ', ' +
			goneText(view);
	return unit.count(own) + ', ' + (isRoot ? '100%; ' + (picture.isNegated ? 'after ' : 'before ') +
		unit.number(other) : percent(own, whole) + '; ' + changeText(view, sidesOf(view, node)));
}

/* The line that a picture without scripts has, too: "main (297 samples, 29.70%)". */
function titleOf(view, hit) {
	if (!hit.run)
		return view.nameOf(hit.node) + ' (' + factsOf(view, hit.node) + ')';
	return framesText(hit.run.count) + ' (' + view.unit.count(hit.run.total) + ', ' +
		percent(hit.run.total, wholeOf(view)) + ')';
}

/* Whether callers lie upon their callees: the tree may have been reversed when it was drawn, or here,
 * and twice is not at all. */
function isFromLeaves(view) {
	return view.state.reversed !== (view.picture.data.reversed === '1');
}

/* Of what a total is how much: of all, of the view, of who calls it. */
function sharesOf(view, total, parent, isGone) {
	let text = percent(total, wholeOf(view)) + ofAll(view);

	if ((!view.isWhole() || view.state.calls !== '') && total <= view.layout.total)
		text += ', ' + percent(total, view.layout.total) + ' of view';
	if (parent > 0)
		text += ', ' + percent(total, view.shape.total(parent) - (isGone ? 0 : view.shape.gone(parent))) +
			(isFromLeaves(view) ? ' of callee' : ' of caller');
	return text;
}

/* In a flame chart that is what its gaps have. */
function selfOf(view, node) {
	const { shape } = view;
	const { isGap } = view.pack.labels;
	let self = shape.self(node);

	for (let child = isGap ? shape.first(node) : -1; child >= 0; child = shape.next(child))
		self += isGap[shape.label(child)] ? shape.total(child) : 0;
	return self;
}

/* Where there is, or was, any. */
function selfChangeText(view, node) {
	const sides = sidesOfSelf(view, node);

	return view.picture.isComparison && !sidesOf(view, node).isGone &&
		sides.before + sides.after > 0 ? '; ' + changeText(view, sides) : '';
}

/* The parts of the line below the picture: [class, text]. */
function detailsOf(view, hit) {
	const { shape, unit } = view;

	if (hit.run)
		return [['name', framesText(hit.run.count) + ', each too narrow to be drawn'],
			['total', unit.countAndTime(hit.run.total) + ', ' + sharesOf(view, hit.run.total, -1)]];
	const self = selfOf(view, hit.node);
	const { own, isGone } = sidesOf(view, hit.node);
	const total = isGone ? shape.gone(hit.node) : own;

	return [
		['name', cut(view.nameOf(hit.node), NAME_SHOWN)],
		['kind', kindText(view, hit.node)],
		['place', placeText(view, hit.node)],
		['total', unit.countAndTime(total) + ', ' + sharesOf(view, total,
			shape.parent(hit.node), isGone)],
		['self', isFromLeaves(view) ? '' : 'self ' + unit.count(self) + ', ' +
			percent(self, wholeOf(view)) + selfChangeText(view, hit.node)],
		['change', !view.picture.isComparison ? '' : isGone ? goneText(view) :
			changeText(view, sidesOf(view, hit.node))],
	].filter(([, text]) => text !== '');
}

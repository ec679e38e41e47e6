/* SPDX-License-Identifier: Apache-2.0 */
/* Which class of the style sheet a frame has: palette.h says what there is, and how names are hashed,
 * so that a function has one colour in all pictures. */
const SHADES = 10;
const MODULE_HUES = 12;

/* Of names in UTF-8; and letters, of at least a byte each, that make as many, with one to spare, as
 * two of them can be one character. */
const HASHED_BYTES = 1024;
const HASHED_LETTERS = HASHED_BYTES + 2;

const utf8 = new TextEncoder();
const hashes = new Map();

/* FNV-1a over the first bytes of a name in UTF-8. */
function hashOf(name) {
	let hash = hashes.get(name);

	if (hash !== undefined)
		return hash;
	hash = 0x811c9dc5;
	for (const byte of utf8.encode(name.slice(0, HASHED_LETTERS)).subarray(0, HASHED_BYTES))
		hash = Math.imul(hash ^ byte, 0x01000193);
	hash >>>= 0;
	hashes.set(name, hash);
	return hash;
}

/* How much a frame has changed: 0 is not at all, 1 all that it has is new, -1 all is gone. */
function changeOf(view, node) {
	const { after, before } = sidesOf(view, node);

	return after + before > 0 ? (after - before) / Math.max(after, before) : 0;
}

/* In tenths of the larger of both. */
function classOfChange(view, node) {
	const change = changeOf(view, node);

	if (change === 0)
		return 'q0';
	if (Math.abs(change) === 1)
		return change > 0 ? 'a0' : 'x0';
	return (change > 0 ? 'h' : 'f') + Math.floor(Math.abs(change) * SHADES);
}

function classOfLabel(view, label) {
	const { name, letter, place } = view.pack.labels;
	const { module } = place[label];

	/* What separates parts of a stack belongs to none of them. */
	if (name[label] === '-' || name[label] === '--')
		return 'n' + hashOf(name[label]) % SHADES;
	if (view.state.colours === 'module' && module)
		return 'm' + hashOf(module) % MODULE_HUES;
	return letter[label] + (view.picture.waitLetters.has(letter[label]) ? 0 :
		hashOf(name[label]) % SHADES);
}

function classOfFrame(view, node) {
	if (node === 0)
		return 'n0';
	if (view.state.colours === 'change')
		return classOfChange(view, node);
	const label = view.shape.label(node);

	if (view.classes[label] === undefined)
		view.classes[label] = classOfLabel(view, label);
	return view.classes[label];
}

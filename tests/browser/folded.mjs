// SPDX-License-Identifier: Apache-2.0
/* What is true of folded stacks, by adding up their lines; BigInt, so that no count is rounded. */

const LINE = /^(?<stack>.*)[ \t](?<count>[0-9]+)$/u;
/* What a name ends in to tell the frame's kind; it is not part of the name. */
const KIND = /_\[[kij]\]$/u;

/* [{ names, frames, count }], a line each, outermost first; frames are names with their kinds. */
export function readFolded(text) {
	return text.split('\n')
		.filter((line) => line !== '' && line !== '#' && !line.startsWith('# '))
		.map((line) => {
			const { stack, count } = LINE.exec(line).groups;
			const frames = stack.split(';');

			return { names: frames.map((frame) => frame.replace(KIND, '')), frames,
				count: BigInt(count) };
		});
}

function sum(stacks) {
	return stacks.reduce((total, { count }) => total + count, 0n);
}

function startsWith(names, path) {
	return path.every((name, depth) => names[depth] === name);
}

/* Everything below a path of names; of all stacks when there is none. */
export function total(stacks, path = []) {
	return sum(stacks.filter(({ names }) => startsWith(names, path)));
}

/* What a path of names has without its callees. */
export function self(stacks, path) {
	return sum(stacks.filter(({ names }) =>
		names.length === path.length && startsWith(names, path)));
}

/* The counts of the stacks below path that have a name, anywhere, that the pattern matches. */
export function matched(stacks, pattern, path = []) {
	return sum(stacks.filter(({ names }) =>
		startsWith(names, path) && names.some((name) => pattern.test(name))));
}

/* part of whole in percent with two decimals, half away from zero: "14.39%". */
export function percent(part, whole) {
	const hundredths = (part * 20000n + whole) / (2n * whole);

	return `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, '0')}%`;
}

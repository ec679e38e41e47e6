// SPDX-License-Identifier: Apache-2.0
/* Writes profiles as pprof has them (flamegraph/profile.proto), with as much as the tests need. */

const LENGTH_DELIMITED = 2;
const PAGE = 4096; /* bytes: each module has one */

function varint(value) {
	const bytes = [];
	let rest = BigInt(value);

	do {
		bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
		rest >>= 7n;
	} while (rest > 0n);
	return Buffer.from(bytes);
}

/* fields: [number, value] each; values are numbers, texts or messages. */
function message(...fields) {
	return Buffer.concat(fields.flatMap(([number, value]) => {
		if (typeof value === 'number' || typeof value === 'bigint')
			return [varint(number << 3), varint(value)];
		const bytes = Buffer.from(value);

		return [varint(number << 3 | LENGTH_DELIMITED), varint(bytes.length), bytes];
	}));
}

class Strings {
	constructor() {
		this.list = [''];
	}

	id(text) {
		if (!this.list.includes(text))
			this.list.push(text);
		return this.list.indexOf(text);
	}
}

/*
 * stacks: [{ frames: [{ name, module, file, line }], count }], outermost frame first. type, unit:
 * what is counted, such as samples and count.
 */
export function toPprof(stacks, { type = 'samples', unit = 'count', period = 0 } = {}) {
	const strings = new Strings();
	const frames = stacks.flatMap((stack) => stack.frames);
	const modules = [...new Set(frames.map(({ module }) => module))];
	const mappingOf = ({ module }) => modules.indexOf(module) + 1;
	const idOf = (frame) => 1 + frames.findIndex((other) =>
		JSON.stringify(other) === JSON.stringify(frame));
	const valueType = message([1, strings.id(type)], [2, strings.id(unit)]);
	const periodType = message([1, strings.id('cpu')], [2, strings.id('nanoseconds')]);
	const samples = stacks.map((stack) => [2, message(
		...stack.frames.toReversed().map((frame) => [1, idOf(frame)]), [2, stack.count])]);
	const mappings = modules.map((module, i) => [3, message([1, i + 1], [2, PAGE * (i + 1)],
		[3, PAGE * (i + 2)], [5, strings.id(module)], [7, 1], [8, 1], [9, 1])]);
	const locations = frames.map((frame, i) => [4, message([1, i + 1],
		[2, mappingOf(frame)], [3, PAGE * mappingOf(frame) + i],
		[4, message([1, i + 1], [2, frame.line])])]);
	const functions = frames.map(({ name, file }, i) => [5, message([1, i + 1],
		[2, strings.id(name)], [3, strings.id(name)], [4, strings.id(file)])]);

	return message([1, valueType], ...samples, ...mappings, ...locations, ...functions,
		...strings.list.map((text) => [6, text]), [11, periodType], [12, period]);
}

// SPDX-License-Identifier: Apache-2.0
// Words counted, sorted and parsed as JSON, for ever; "ready" when they are compiled.
"use strict";
const WARM_UP_ROUNDS = 30;

function makeWords(count) {
	const words = [];
	for (let i = 0; i < count; i++)
		words.push(`word-${Math.floor(Math.random() * 5000)}`);
	return words;
}

function countWords(words) {
	const counts = new Map();
	for (const word of words)
		counts.set(word, (counts.get(word) || 0) + 1);
	return counts;
}

function parse(text) {
	return JSON.parse(text).filter((word) => /^word-\d*7$/.test(word)).length;
}

function work() {
	const words = makeWords(10000);
	const rows = [...countWords(words)].sort((a, b) => b[1] - a[1]);
	words.sort();
	return rows.length + parse(JSON.stringify(words));
}

let round = 0;
function turn() {
	if (work() >= 0 && ++round === WARM_UP_ROUNDS)
		console.log("ready");
	setImmediate(turn);
}
turn();

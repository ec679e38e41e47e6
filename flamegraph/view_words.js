/* SPDX-License-Identifier: Apache-2.0 */
/* Counts, times and shares as text: the same as text.c writes into the static picture. */

function grouped(digits) {
	return String(digits).replace(/\B(?=(\d{3})+$)/g, ',');
}

/* Whole numbers beyond 2^53 would be written with an exponent. */
function wholeText(value) {
	return grouped(Number.isSafeInteger(value) ? value : BigInt(Math.round(value)));
}

/* value is in units of 10^-decimals. */
function decimalText(value, decimals) {
	if (decimals === 0)
		return wholeText(value);
	const digits = String(Number.isSafeInteger(value) ? value : BigInt(Math.round(value)))
		.padStart(decimals + 1, '0');
	const fraction = digits.slice(-decimals).replace(/0+$/, '');

	return grouped(digits.slice(0, -decimals)) + (fraction ? '.' + fraction : '');
}

/* As text_put_time() of text.c. */
function timeText(microseconds) {
	let value = microseconds;
	let step = 1;
	let of = 0;
	let decimals = 0;

	while (value > 999 && (of < 2 || decimals > 0)) {
		step *= 10;
		value = Math.floor(microseconds / step + 0.5);
		of += decimals === 0 ? 1 : 0;
		decimals = decimals === 0 ? 2 : decimals - 1;
	}
	return (decimals ? (value / 10 ** decimals).toFixed(decimals) : grouped(value)) +
		[' us', ' ms', ' s'][of];
}

/*
 * Two decimals. printf(), which made the static picture, rounds what lies exactly between two to
 * the even one, toFixed() to the larger. Only eighths of a percent can lie there exactly.
 */
function percentNumber(percents) {
	return (Math.abs(percents * 8) % 4 === 1 ? percents - Math.sign(percents) * 0.005 : percents)
		.toFixed(2);
}

function percent(part, whole) {
	return whole > 0 ? percentNumber(100 * part / whole) + '%' : '0.00%';
}

/* What the counts of a picture are, and how they are said. */
class Unit {
	constructor(data) {
		this.name = data.unit || 'samples';
		this.decimals = Number(data.decimals || 0);
		this.periodNs = Number(data.periodNs || 0);
	}

	isTime() {
		return this.name === 'microseconds' && this.decimals === 0;
	}

	/* "1,234", "1.23 ms" */
	number(value) {
		return this.isTime() ? timeText(value) : decimalText(value, this.decimals);
	}

	/* "1,234 samples", "1.23 ms" */
	count(value) {
		return this.number(value) + (this.isTime() ? '' : ' ' + this.name);
	}

	/* The same with the time that the samples stand for, where that is known. */
	countAndTime(value) {
		return this.count(value) + (this.periodNs > 0 ?
			' = ' + timeText(value * this.periodNs / 1000 / 10 ** this.decimals) : '');
	}
}

function framesText(count) {
	return grouped(count) + (count === 1 ? ' frame' : ' frames');
}

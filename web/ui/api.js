/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the server: what is under way, and what came of it. */
const TOKEN_KEY = 'eprof-token';

/* Answers to who has none, or one that is not for this. */
export const NEEDS_TOKEN = [401, 403];

/* Whether nothing else will be answered either. */
export function isOfAll(error) {
	return error.name === 'AbortError' || error.status === 0 || NEEDS_TOKEN.includes(error.status);
}

/* The page's own storage, not a cookie: nobody sends it along without being told to. */
export function keepToken(token) {
	try {
		window.sessionStorage.setItem(TOKEN_KEY, token);
	} catch (error) {
		/* Then it is asked for again. */
	}
}

function token() {
	try {
		return window.sessionStorage.getItem(TOKEN_KEY);
	} catch (error) {
		return null;
	}
}

export class Refusal extends Error {
	constructor(status, text) {
		super(text);
		this.status = status;
	}
}

const listeners = [];
let asked = 0; /* since nothing was under way */
let answered = 0;

/* Told of ({ asked, answered }) whenever one of them changes. */
export function onBusy(listener) {
	listeners.push(listener);
}

function note(isAnswer) {
	if (isAnswer)
		answered++;
	else
		asked++;
	if (answered === asked)
		asked = answered = 0;
	for (const listener of listeners)
		listener({ asked, answered });
}

async function refusalOf(response) {
	let text = 'The server answers ' + response.status;

	try {
		text = (await response.json()).error || text;
	} catch (error) {
		/* It said nothing that could be shown. */
	}
	return new Refusal(response.status, text);
}

async function fetchOnce(path, pairs, signal) {
	const known = token();
	const headers = known ? { Authorization: 'Bearer ' + known } : {};
	let response;

	try {
		response = await fetch(path + '?' + new URLSearchParams(pairs), { headers, signal });
	} catch (error) {
		if (error.name === 'AbortError')
			throw error;
		throw new Refusal(0, known && !/^[!-~]+$/.test(known) ? 'A token has letters, digits and signs only' :
			'The server does not answer: is it running?');
	}
	if (!response.ok)
		throw await refusalOf(response);
	return response;
}

/* pairs: [[name, value], ...]; read: what to take of the Response. */
async function ask(path, pairs, signal, read) {
	note(false);
	try {
		return await read(await fetchOnce(path, pairs, signal));
	} finally {
		note(true);
	}
}

export function askJson(path, pairs, signal) {
	return ask(path, pairs, signal, (response) => response.json());
}

export function askText(path, pairs, signal) {
	return ask(path, pairs, signal, (response) => response.text());
}

/* Keeps an answer as a file of that name. */
export async function download(path, pairs, name) {
	const blob = await ask(path, pairs, undefined, (response) => response.blob());
	const anchor = document.createElement('a');

	anchor.href = URL.createObjectURL(blob);
	anchor.download = name;
	anchor.click();
	/* Once it has been read. */
	window.setTimeout(() => URL.revokeObjectURL(anchor.href), 60000);
}

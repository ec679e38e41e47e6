// SPDX-License-Identifier: Apache-2.0
/*
 * ClickHouse's newest engine as npm has it (chdb), behind the part of its HTTP interface that
 * eprof-server uses: node chdb_server.mjs PORT DIRECTORY, with chdb in EPROF_CHDB/node_modules. It is
 * no server otherwise: one statement after the other.
 */
import { createRequire } from 'node:module';
import fs from 'node:fs';
import http from 'node:http';

const [port, directory] = process.argv.slice(2);
const { Session } = createRequire(process.env.EPROF_CHDB + '/')('chdb');
const session = new Session(directory + '/chdb');
const inserts = /^INSERT INTO (\w+) \(([^)]*)\) FORMAT RowBinary$/;
let number = 0;

function textOf(sql) {
	return session.query(sql, 'TabSeparated');
}

/* Rows come in a file, as a statement is text. */
function insert(table, columns, body) {
	const path = directory + '/rows-' + number++;
	const names = columns.split(',').map((name) => name.trim());
	const types = new Map(textOf('DESCRIBE TABLE ' + table).trim().split('\n')
		.map((line) => line.split('\t')));
	const structure = names.map((name) => name + ' ' + types.get(name)).join(', ');

	fs.writeFileSync(path, body);
	try {
		textOf('INSERT INTO ' + table + ' (' + columns + ') SELECT * FROM file(\'' + path +
			'\', \'RowBinary\', \'' + structure + '\')');
	} finally {
		fs.unlinkSync(path);
	}
	return Buffer.alloc(0);
}

/* Settings of the URL, as a server has them; these are of HTTP itself. */
const OF_HTTP = new Set(['query', 'database', 'wait_end_of_query']);
const set = new Map();

function apply(parameters) {
	for (const [name, value] of parameters) {
		if (OF_HTTP.has(name) || set.get(name) === value)
			continue;
		textOf('SET ' + name + ' = ' + value);
		set.set(name, value);
	}
}

async function answer(url, body) {
	const sql = url.searchParams.get('query');
	const match = sql && inserts.exec(sql);
	const database = url.searchParams.get('database') || 'default';

	apply(url.searchParams);
	textOf('USE ' + database);
	if (match)
		return insert(match[1], match[2], body);
	const text = body.toString('utf8');
	const binary = text.replace(/ FORMAT RowBinary$/, '');

	return Buffer.from((await session.queryAsync(binary,
		{ format: text === binary ? 'TabSeparated' : 'RowBinary' })).bytes());
}

let last = Promise.resolve();

http.createServer((request, response) => {
	const parts = [];

	request.on('data', (part) => parts.push(part));
	request.on('end', () => {
		last = last.then(() => answer(new URL(request.url, 'http://localhost'), Buffer.concat(parts)))
			.then((bytes) => response.end(bytes),
				(error) => response.writeHead(500).end(String(error.message || error)));
	});
}).listen(Number(port), '127.0.0.1');

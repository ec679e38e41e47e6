// SPDX-License-Identifier: Apache-2.0
/* Stacks that have some of everything which a view has to get right. */
import { growTree, readStacks } from './trees.mjs';

export const NARROW = 3000;

const narrow = Array.from({ length: NARROW }, (_, i) =>
	`app;wide;f${String(i).padStart(4, '0')} 1\n`);
const few = Array.from({ length: 40 }, (_, i) => `app;main;few;g${i + 10} ${1 + i % 2}\n`);

export const FOLDED = `\
app;main;serve;read 140
app;main;serve;read;fill 30
app;main;serve;read_[k] 90
app;main;serve;read_[k];vfs_read_[k];copy_to_user_[k] 260
app;main;serve;read_[k];vfs_read_[k] 11
app;main;serve;Parse;parse;PARSE 455
app;main;serve;Parse;parse 85
app;main;serve;parse;parse_line;token_[i] 300
app;main;serve;parse;parse_line;token_[i];memcpy 77
app;main;serve 23
app;main;jit;Lambda$1.run()_[j] 205
app;main;jit;Lambda$1.run()_[j];java/lang/String.equals_[j] 133
app;main;fib 20
app;main;fib;fib 50
app;main;fib;fib;fib 120
app;main;fib;fib;fib;add_[i] 66
app;main;fib;add_[i] 44
app;main;walk;visit;walk;visit;leaf 210
app;main;walk;visit;walk;leaf 95
app;main;walk;visit 31
app;main;walk;leaf 64
app;main;std::vector<int>::push_back(int&&);operator+ 118
app;main;std::vector<int>::push_back(int&&);operator new[] 82
app;main;a.b;x 150
app;main;axb;x 160
app;main;f(x)?|y$;[unknown] 170
app;main;idle 97
app;worker;parse 301
app;worker;parse;parse_line 202
app;worker;walk;visit;leaf 103
app;worker;futex_wait_[k] 59
db;main;query;parse;parse_line 330
db;main;query;sort;qsort;compare 415
db;main;query;sort;qsort;qsort;compare 225
db;main;query;sort;memcpy 122
db;main;query 54
db;main;read_[k];vfs_read_[k] 196
db;checkpoint;write_[k];vfs_write_[k] 277
db;checkpoint;write 88
${few.join('')}${narrow.join('')}`;

export const STACKS = readStacks(FOLDED);
export const TREE = growTree(STACKS);

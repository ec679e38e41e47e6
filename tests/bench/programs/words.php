<?php
// SPDX-License-Identifier: Apache-2.0
// Words counted, sorted and matched, for ever.
function make_words(int $count): array
{
	$words = [];
	for ($i = 0; $i < $count; $i++)
		$words[] = "word-" . mt_rand(0, 4999);
	return $words;
}

function work(): int
{
	$words = make_words(10000);
	$counts = array_count_values($words);
	uasort($counts, fn ($a, $b) => $b <=> $a);
	sort($words);
	return count($counts) + count(preg_grep('/^word-\d*7$/', $words));
}

while (true)
	work();

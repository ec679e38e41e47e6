// SPDX-License-Identifier: Apache-2.0
// Words counted in a std::map, sorted, and some exceptions: the C++ library at work, for ever.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

static uint32_t state = 1;

static uint32_t next_number()
{
	state = state * 1664525 + 1013904223;
	return state >> 8;
}

static std::vector<std::string> make_words(size_t count)
{
	std::vector<std::string> words;

	for (size_t i = 0; i < count; i++) {
		std::ostringstream word;

		word << "word-" << next_number() % 5000;
		words.push_back(word.str());
	}
	return words;
}

static std::map<std::string, size_t> count_words(const std::vector<std::string> &words)
{
	std::map<std::string, size_t> counts;

	for (const std::string &word : words)
		counts[word]++;
	return counts;
}

static size_t parse(const std::string &word)
{
	return std::stoul(word);
}

static size_t count_bad(const std::vector<std::string> &words)
{
	size_t bad = 0;

	for (size_t i = 0; i < words.size(); i += 50) {
		try {
			parse(words[i]);
		} catch (const std::invalid_argument &) {
			bad++;
		}
	}
	return bad;
}

static size_t round_of_work()
{
	std::vector<std::string> words = make_words(20000);
	std::map<std::string, size_t> counts = count_words(words);
	std::vector<std::pair<std::string, size_t>> rows(counts.begin(), counts.end());

	std::sort(rows.begin(), rows.end(),
		  [](const auto &a, const auto &b) { return a.second > b.second; });
	std::sort(words.begin(), words.end());
	return rows[0].second + count_bad(words);
}

int main()
{
	size_t sum = 0;

	while (sum != 1)
		sum += round_of_work() + 2;
	std::printf("%zu\n", sum);
	return 0;
}

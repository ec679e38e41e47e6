// SPDX-License-Identifier: Apache-2.0
// For `./dev demo`: a small log pipeline that is worth a look as a flame graph. Worker threads make
// up a web server's log, parse it, rank its paths, compress it and check the result, until the time
// is over. Compressing takes the largest share; the last stage makes the kernel work.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <vector>

#define STAGE __attribute__((noinline))

namespace demo
{
struct Request {
	std::string_view path;
	unsigned status;
	unsigned micros;
};

struct Rank {
	std::string_view path;
	uint64_t requests;
	uint64_t micros;
};

class Random
{
      public:
	explicit Random(uint64_t seed) : state(seed | 1) {}
	uint64_t below(uint64_t limit)
	{
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		return state % limit;
	}

      private:
	uint64_t state;
};

STAGE void append_number(std::string &out, uint64_t number)
{
	char digits[20];
	int n = 0;

	do {
		digits[n++] = static_cast<char>('0' + number % 10);
		number /= 10;
	} while (number);
	while (n > 0)
		out.push_back(digits[--n]);
}

STAGE std::string generate_log(Random &random, int lines)
{
	static constexpr std::array<std::string_view, 5> words = { "users", "orders", "images",
								   "search", "health" };
	std::string log;

	log.reserve(static_cast<size_t>(lines) * 32);
	for (int i = 0; i < lines; i++) {
		log += "/api/";
		log += words[random.below(words.size())];
		log += '/';
		append_number(log, random.below(400));
		log += random.below(50) ? " 200 " : " 500 ";
		append_number(log, 100 + random.below(90000));
		log += '\n';
	}
	return log;
}

STAGE unsigned parse_number(std::string_view text)
{
	unsigned number = 0;

	for (char c : text)
		number = number * 10 + static_cast<unsigned>(c - '0');
	return number;
}

STAGE std::vector<std::string_view> split_fields(std::string_view line)
{
	std::vector<std::string_view> fields;

	for (size_t begin = 0; begin <= line.size();) {
		size_t end = std::min(line.find(' ', begin), line.size());

		fields.push_back(line.substr(begin, end - begin));
		begin = end + 1;
	}
	return fields;
}

STAGE std::vector<Request> parse_log(std::string_view log)
{
	std::vector<Request> requests;

	while (!log.empty()) {
		size_t end = log.find('\n');
		std::vector<std::string_view> fields = split_fields(log.substr(0, end));

		if (fields.size() == 3)
			requests.push_back(
				{ fields[0], parse_number(fields[1]), parse_number(fields[2]) });
		log.remove_prefix(end + 1);
	}
	return requests;
}

STAGE std::vector<Rank> count_paths(const std::vector<Request> &requests)
{
	std::unordered_map<std::string_view, Rank> by_path;
	std::vector<Rank> ranks;

	for (const Request &request : requests) {
		Rank &rank = by_path[request.path];

		rank.path = request.path;
		rank.requests++;
		rank.micros += request.micros;
	}
	ranks.reserve(by_path.size());
	for (const auto &entry : by_path)
		ranks.push_back(entry.second);
	return ranks;
}

STAGE uint64_t rank_paths(const std::vector<Request> &requests)
{
	std::vector<Rank> ranks = count_paths(requests);

	std::sort(ranks.begin(), ranks.end(), [](const Rank &a, const Rank &b) {
		return a.micros != b.micros ? a.micros > b.micros : a.path < b.path;
	});
	return ranks.empty() ? 0 : ranks.front().micros;
}

struct Match {
	size_t length;
	size_t distance;
};

// The longest earlier occurrence of what follows position, among the last few of the same hash.
STAGE Match find_match(const std::string &text, size_t position, const std::vector<size_t> &chain,
		       size_t candidate)
{
	Match best = { 0, 0 };
	size_t limit = std::min<size_t>(text.size() - position, 64);

	for (int tries = 0; tries < 12 && candidate != SIZE_MAX; tries++) {
		size_t n = 0;

		while (n < limit && text[candidate + n] == text[position + n])
			n++;
		if (n > best.length)
			best = { n, position - candidate };
		candidate = chain[candidate];
	}
	return best;
}

STAGE std::string compress(const std::string &text)
{
	std::vector<size_t> heads(1 << 14, SIZE_MAX), chain(text.size(), SIZE_MAX);
	std::string out;

	for (size_t i = 0; i + 4 <= text.size();) {
		uint32_t word = static_cast<uint8_t>(text[i]) |
				static_cast<uint8_t>(text[i + 1]) << 8 |
				static_cast<uint8_t>(text[i + 2]) << 16;
		size_t &head = heads[(word * 2654435761u) >> 18];
		Match match = find_match(text, i, chain, head);

		chain[i] = head;
		head = i;
		if (match.length < 4) {
			out.push_back(text[i++]);
			continue;
		}
		out.push_back('\0');
		append_number(out, match.distance);
		out.push_back(static_cast<char>(match.length));
		i += match.length;
	}
	return out;
}

STAGE uint64_t checksum(const std::string &bytes)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (int round = 0; round < 5; round++)
		for (char c : bytes)
			sum = (sum ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
	return sum;
}

// Somewhere to write to that costs no disk: the kernel copies the bytes in and out of a pipe.
STAGE uint64_t ship(const std::string &bytes)
{
	std::array<char, 16384> buffer;
	uint64_t shipped = 0;
	int ends[2];

	if (pipe(ends) < 0)
		std::abort();
	for (int round = 0; round < 160; round++) {
		for (size_t i = 0; i < bytes.size(); i += buffer.size()) {
			size_t n = std::min(buffer.size(), bytes.size() - i);

			if (write(ends[1], bytes.data() + i, n) != static_cast<ssize_t>(n))
				std::abort();
			shipped += static_cast<uint64_t>(read(ends[0], buffer.data(), n));
		}
	}
	close(ends[0]);
	close(ends[1]);
	return shipped;
}

STAGE uint64_t process_batch(Random &random)
{
	std::string log = generate_log(random, 8000);
	uint64_t result = rank_paths(parse_log(log));
	std::string packed = compress(log);

	return result ^ checksum(packed) ^ ship(packed);
}

STAGE void work_until(std::chrono::steady_clock::time_point end, uint64_t seed, uint64_t *ret)
{
	Random random(seed);

	while (std::chrono::steady_clock::now() < end)
		*ret ^= process_batch(random);
}
} // namespace demo

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? std::atoi(argv[1]) : 15;
	auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
	uint64_t results[2] = {};
	std::thread other(demo::work_until, end, 2, &results[1]);

	demo::work_until(end, 1, &results[0]);
	other.join();
	std::printf("demo: %016llx\n", static_cast<unsigned long long>(results[0] ^ results[1]));
	return 0;
}

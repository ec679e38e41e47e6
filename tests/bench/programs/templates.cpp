// SPDX-License-Identifier: Apache-2.0
// Code of the kind that is mostly inlined: templates, lambdas, containers. For names_agree.py.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace
{
struct Point {
	double x, y;
	friend Point operator+(const Point &a, const Point &b) { return { a.x + b.x, a.y + b.y }; }
	bool operator<(const Point &other) const
	{
		return x != other.x ? x < other.x : y < other.y;
	}
};

template <typename T, typename Less> class Heap
{
      public:
	explicit Heap(Less by) : less(by) {}
	void push(T value)
	{
		items.push_back(std::move(value));
		std::push_heap(items.begin(), items.end(), less);
	}
	T pop()
	{
		std::pop_heap(items.begin(), items.end(), less);
		T value = std::move(items.back());
		items.pop_back();
		return value;
	}
	bool empty() const { return items.empty(); }

      private:
	std::vector<T> items;
	Less less;
};

template <int N> struct Power {
	template <typename T> static T of(T base) { return base * Power<N - 1>::of(base); }
};
template <> struct Power<0> {
	template <typename T> static T of(T) { return T(1); }
};

struct Shape {
	virtual ~Shape() = default;
	virtual double area() const = 0;
};
struct Square : Shape {
	explicit Square(double side) : side(side) {}
	double area() const override { return Power<2>::of(side); }
	double side;
};
struct Circle : Shape {
	explicit Circle(double radius) : radius(radius) {}
	double area() const override { return 3.14159 * Power<2>::of(radius); }
	double radius;
};
} // namespace

template <typename Container> static size_t distinct(const Container &container)
{
	std::set<typename Container::value_type> seen(container.begin(), container.end());
	return seen.size();
}

static int sorts(unsigned int seed)
{
	std::vector<int> numbers(2000);
	std::vector<std::string> words;
	std::vector<Point> points;

	std::generate(numbers.begin(), numbers.end(), [&seed] {
		return static_cast<int>((seed = seed * 1103515245 + 12345) >> 8);
	});
	for (int number : numbers) {
		words.push_back(std::to_string(number % 1000));
		points.push_back(Point{ double(number % 7), double(number % 11) } + Point{ 1, 2 });
	}
	std::sort(numbers.begin(), numbers.end(), [](int a, int b) { return a % 100 < b % 100; });
	std::stable_sort(words.begin(), words.end(), std::greater<>());
	std::sort(points.begin(), points.end());
	std::nth_element(numbers.begin(), numbers.begin() + 5, numbers.end());
	return int(distinct(numbers) + distinct(words)) + int(points[7].x);
}

static double shapes(int count)
{
	std::vector<std::unique_ptr<Shape>> all;
	Heap<double, std::greater<double>> heap{ std::greater<double>() };

	for (int i = 0; i < count; i++) {
		if (i % 3)
			all.push_back(std::make_unique<Square>(i));
		else
			all.push_back(std::make_unique<Circle>(i));
		heap.push(all.back()->area());
	}
	double sum = std::accumulate(all.begin(), all.end(), 0.0,
				     [](double a, const auto &shape) { return a + shape->area(); });
	while (!heap.empty())
		sum = sum * 0.5 + heap.pop();
	return sum;
}

static size_t counts(const std::string &text)
{
	std::map<std::string, int> ordered;
	std::unordered_map<std::string, std::vector<size_t>> places;
	std::istringstream stream(text);
	std::string word;

	while (stream >> word) {
		ordered[word]++;
		places[word].push_back(size_t(stream.tellg()));
	}
	std::regex digits("([0-9]+)-(a|b*)c?");
	size_t matches = 0;
	for (std::sregex_iterator it(text.begin(), text.end(), digits), end; it != end; ++it)
		matches += it->length();
	return ordered.size() + places.size() + matches;
}

static int visits(int n)
{
	using Value = std::variant<int, double, std::string>;
	std::vector<Value> values{ n, n * 0.5, std::string("n"), n + 1 };
	std::function<int(const Value &)> measure = [n](const Value &value) {
		return std::visit(
			[n](const auto &v) {
				if constexpr (std::is_same_v<std::decay_t<decltype(v)>,
							     std::string>)
					return int(v.size()) + n;
				else
					return int(v) * 2;
			},
			value);
	};
	int sum = 0;

	for (const auto &value : values)
		sum += measure(value);
	if (sum == -1)
		throw std::runtime_error("impossible");
	return sum;
}

int main(int argc, char **argv)
{
	try {
		std::printf("%d %f %zu %d\n", sorts(unsigned(argc)), shapes(argc * 100),
			    counts(argv[0]), visits(argc));
	} catch (const std::exception &error) {
		std::puts(error.what());
		return 1;
	}
	return 0;
}

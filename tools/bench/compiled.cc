// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What compiling.py compiles: much of the standard library, as programs use it. It counts
 * the words of a text that match a pattern, sums up numbers in parallel, and visits variants.
 */
#include <algorithm>
#include <future>
#include <iostream>
#include <map>
#include <numeric>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace
{

using value = std::variant<int, double, std::string, std::vector<std::string>>;

struct printer {
	std::ostream &out;
	void operator()(int n) const
	{
		out << n;
	}
	void operator()(double d) const
	{
		out << d;
	}
	void operator()(const std::string &s) const
	{
		out << '"' << s << '"';
	}
	void operator()(const std::vector<std::string> &v) const
	{
		for (const auto &s : v)
			out << s << ' ';
	}
};

std::map<std::string, std::size_t> count_words(const std::string &text, const std::string &pattern)
{
	const std::regex word(pattern, std::regex::ECMAScript | std::regex::icase);
	std::map<std::string, std::size_t> counts;

	for (std::sregex_iterator i(text.begin(), text.end(), word), end; i != end; ++i)
		counts[i->str()]++;
	return counts;
}

template <typename Number> Number sum_in_parallel(const std::vector<Number> &numbers)
{
	const auto middle = numbers.begin() + numbers.size() / 2;
	auto lower = std::async(std::launch::async,
				[&] { return std::accumulate(numbers.begin(), middle, Number()); });

	return std::accumulate(middle, numbers.end(), Number()) + lower.get();
}

template <typename Number> std::vector<Number> draw(std::size_t n)
{
	std::mt19937_64 engine(n);
	std::normal_distribution<double> normal(0, 100);
	std::vector<Number> numbers(n);

	std::generate(numbers.begin(), numbers.end(), [&] { return Number(normal(engine)); });
	std::sort(numbers.begin(), numbers.end());
	std::stable_sort(numbers.begin(), numbers.end(), std::greater<Number>());
	return numbers;
}

} // namespace

int main(int argc, char **argv)
{
	const std::string text = argc > 1 ? argv[1] : "one two two three three three";
	std::unordered_map<std::string, value> results;
	std::set<std::string, std::greater<>> names;

	for (const auto &[word, count] : count_words(text, "[a-z]+(-[a-z]+)*"))
		results[word] = int(count);
	results["ints"] = sum_in_parallel(draw<int>(1000));
	results["doubles"] = sum_in_parallel(draw<double>(1000));
	results["longs"] = double(sum_in_parallel(draw<long long>(1000)));
	results["text"] = std::regex_replace(text, std::regex("t(.)"), "$1t");
	for (const auto &[name, result] : results)
		names.insert(name);
	for (const auto &name : names) {
		std::cout << name << ' ';
		std::visit(printer{ std::cout }, results[name]);
		std::cout << '\n';
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Allocates from everywhere in C++: while exceptions are made, thrown, caught, passed on and
 * cleaned up after, in templates of the library, in thunks, lambdas and threads. Its
 * arguments: how many rounds, and a seed.
 */
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#define NOINLINE __attribute__((noinline, noclone))
#define KEEP(value) __asm__ volatile("" : : "r"(value) : "memory")

using Random = std::minstd_rand;

static NOINLINE void allocate(Random &random)
{
	std::unique_ptr<char[]> block(new char[16 + random() % 3000]);

	KEEP(block.get());
}

/* Its destructor allocates: when it runs for an exception, below the unwinder. */
struct Guard {
	Random &random;

	NOINLINE ~Guard()
	{
		allocate(random);
	}
};

struct Refused : std::runtime_error {
	using std::runtime_error::runtime_error;
	std::string detail = std::string(100, 'x');
};

static NOINLINE int descend(Random &random, unsigned depth)
{
	Guard guard{ random };
	volatile char array[16 + (depth & 15) * 40];

	array[0] = 1;
	if (!depth)
		throw Refused("far down " + std::to_string(random() % 100));
	return descend(random, depth - 1) + array[0];
}

static NOINLINE void throw_and_catch(Random &random)
{
	try {
		descend(random, random() % 30);
	} catch (const Refused &refused) {
		std::string copy = refused.detail + refused.what();

		KEEP(copy.data());
	}
}

static NOINLINE void throw_again(Random &random)
{
	std::exception_ptr kept;

	try {
		try {
			descend(random, random() % 10);
		} catch (...) {
			allocate(random);
			std::throw_with_nested(std::logic_error("around it"));
		}
	} catch (...) {
		kept = std::current_exception();
	}
	try {
		std::rethrow_exception(kept);
	} catch (const std::exception &error) {
		try {
			std::rethrow_if_nested(error);
		} catch (const std::exception &inner) {
			std::string text = inner.what();

			KEEP(text.data());
		}
	}
}

static NOINLINE void refuse_memory(Random &random)
{
	try {
		std::size_t size = ~std::size_t(0) >> 2;
		std::unique_ptr<char[]> block(new char[size - random() % 100]);

		KEEP(block.get());
	} catch (const std::bad_alloc &) {
		allocate(random);
	}
}

static NOINLINE void match(Random &random)
{
	static const char *const patterns[] = { "(a+)(b|c)*d", "[0-9]+-[0-9]{2,4}", "^(x|yz)+$" };
	std::regex pattern(patterns[random() % 3]);
	std::smatch found;
	std::string text = "aaabcd 2024-12 xyzx";

	std::regex_search(text, found, pattern);
	KEEP(&found);
}

static NOINLINE void sort_words(Random &random)
{
	std::vector<std::string> words;

	for (int i = 0; i < 60; i++)
		words.push_back("a word that is too long to be kept inside " +
				std::to_string(random()));
	std::sort(words.begin(), words.end(), [](const std::string &a, const std::string &b) {
		return a.substr(10) < b.substr(10);
	});
	std::stable_sort(words.begin(), words.end(), std::greater<>());
}

static NOINLINE void fill_maps(Random &random)
{
	std::map<std::string, std::vector<int>> tree;
	std::unordered_map<std::string, std::shared_ptr<std::string>> table;

	for (int i = 0; i < 20; i++) {
		std::string key = "key number " + std::to_string(random() % 50);

		tree[key].push_back(i);
		table.emplace(key, std::make_shared<std::string>(key + key));
	}
}

static NOINLINE void print(Random &random)
{
	std::ostringstream stream;

	stream << random() << ' ' << 1.25 * static_cast<double>(random()) << std::string(50, '.');
	KEEP(stream.str().data());
}

struct Shape {
	virtual ~Shape() = default;
	virtual int draw(unsigned depth) = 0;
};

struct Named {
	virtual ~Named() = default;
	virtual int name() = 0;
};

/* Of two bases: the second one's functions are entered by a thunk. */
struct Square : Shape, Named {
	Random &random;

	explicit Square(Random &given) : random(given)
	{
	}
	NOINLINE int draw(unsigned depth) override
	{
		allocate(random);
		return depth ? draw(depth - 1) + 1 : 0;
	}
	NOINLINE int name() override
	{
		allocate(random);
		return 1;
	}
};

static NOINLINE void call_virtual(Random &random)
{
	std::unique_ptr<Shape> shape(new Square(random));
	Named *named = dynamic_cast<Named *>(shape.get());

	shape->draw(random() % 20);
	named->name();
}

static NOINLINE void call_function(Random &random)
{
	std::function<int(unsigned)> down = [&](unsigned depth) {
		allocate(random);
		return depth ? down(depth - 1) + 1 : 0;
	};

	down(random() % 15);
}

static void churn(unsigned rounds, unsigned seed)
{
	static void (*const deeds[])(Random &) = { throw_and_catch, throw_again,  refuse_memory,
						   match,	    sort_words,	  fill_maps,
						   print,	    call_virtual, call_function };
	Random random(seed);

	for (unsigned i = 0; i < rounds; i++)
		deeds[random() % (sizeof(deeds) / sizeof(deeds[0]))](random);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100;
	unsigned seed = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1;
	std::vector<std::thread> threads;

	for (unsigned i = 0; i < 3; i++)
		threads.emplace_back(churn, rounds, seed + i);
	for (std::thread &thread : threads)
		thread.join();
	return 0;
}

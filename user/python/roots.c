// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the finding of roots. From 3.7 on _PyRuntime leads to the interpreters, and they to
 * modules and threads. 2.7 and 3.6 export no way in: there sys.modules is the dict
 * among all that has the most modules for values, and an interpreter is what points to it,
 * to two more dicts, and to a thread that points back.
 *
 * Everything that the best roots hold is reached before the next kind is looked at. The
 * variables of C come last: 3.11 and later keep whole structures of the interpreter there.
 */
#include "python/roots.h"

#include <errno.h>
#include <string.h>

#include "memory/stream.h"
#include "python/chain.h"
#include "python/frames.h"
#include "python/globals.h"

enum {
	MAX_THREADS = 1 << 16,
	MAX_FRAMES = 1 << 16, /* of a thread */
	THREAD_STEPS = 64, /* about as many words are read */
	FRAME_STEPS = 16,
	THREAD_BYTES = 128, /* behind its id */
	LEAST_MODULES = 16,
	ENTRIES_TRIED = 64,
	INTERPRETER_BYTES = 1024, /* before 3.11; later it is found among the variables of C */
};

struct walk {
	struct python_graph *graph;
	struct python_reader *reader;
	const struct python_layout *layout;
	uint64_t interpreters[PYTHON_MAX_INTERPRETERS];
	size_t nr;
};

struct from_root {
	struct python_graph *graph;
	uint32_t root;
};

static int reach(void *context, const struct python_reference *reference)
{
	const struct from_root *from = context;

	return python_graph_reach(from->graph, from->root, reference);
}

/* Forgets a root that nothing was reached from. */
static void drop_unused(struct python_graph *g, size_t nodes, size_t roots)
{
	if (g->nr == nodes)
		g->nr_roots = roots;
}

static int reach_word(struct walk *w, enum python_root_kind kind, uint64_t address, uint64_t thread,
		      uint64_t target)
{
	const struct python_root root = { kind, address, thread };
	const struct python_reference reference = { .target = target, .edge = EDGE_FIELD };
	size_t nodes = w->graph->nr, roots = w->graph->nr_roots;
	uint32_t index;
	int err;

	if (!python_reader_plausible(w->reader, target) ||
	    python_graph_find(w->graph, target) != UINT32_MAX)
		return 0;
	err = python_graph_add_root(w->graph, &root, &index);
	if (!err)
		err = python_graph_reach(w->graph, index, &reference);
	drop_unused(w->graph, nodes, roots);
	return err;
}

/* sys.modules, where nothing leads to it. */

struct tried {
	struct python_reader *reader;
	unsigned modules, others;
};

/* Its values are modules; 2.7 has None for names that were looked for in vain. */
static int try_value(void *context, const struct python_reference *reference)
{
	struct tried *tried = context;
	const struct python_form *form;
	uint32_t references;

	if (reference->edge != EDGE_VALUE)
		return 0;
	form = python_reader_look(tried->reader, reference->target, &references);
	if (form && form->kind == KIND_MODULE)
		tried->modules++;
	else if (!form || strcmp(form->type->name, "NoneType") != 0)
		tried->others++;
	return tried->modules + tried->others >= ENTRIES_TRIED || tried->others > tried->modules;
}

static uint64_t guess_modules(struct walk *w)
{
	uint64_t best = 0, most = LEAST_MODULES - 1;

	for (size_t i = 0; i < w->graph->nr_tracked; i++) {
		uint64_t address = w->graph->tracked[i];
		struct tried tried = { .reader = w->reader };
		const struct python_form *form;
		struct python_form copy;
		uint32_t references;
		uint64_t length;

		form = python_reader_look(w->reader, address, &references);
		if (!form || form->kind != KIND_DICT)
			continue;
		copy = *form;
		length = python_reader_length(w->reader, &copy, address);
		if (length <= most)
			continue;
		python_dict_references(w->reader, &copy, address, try_value, &tried);
		if (tried.others * 4 > tried.modules || !tried.modules ||
		    !python_dict_find(w->reader, address, "sys"))
			continue;
		best = address;
		most = length;
	}
	return best;
}

static bool is_dict(struct python_reader *r, uint64_t address)
{
	uint32_t references;
	const struct python_form *form = python_reader_look(r, address, &references);

	return form && form->kind == KIND_DICT;
}

/* Does a thread of it point back? Its interpreter is the word after its links. */
static bool is_interpreter(struct walk *w, uint64_t address)
{
	const struct python_layout *l = w->layout;
	uint64_t thread = python_reader_word(w->reader, address + l->interpreter_threads);

	return is_dict(w->reader,
		       python_reader_word(w->reader, address + l->interpreter_sysdict)) &&
	       is_dict(w->reader,
		       python_reader_word(w->reader, address + l->interpreter_builtins)) &&
	       python_reader_word(w->reader, thread + l->thread_next + 8) == address;
}

struct word_search {
	struct walk *walk;
	uint64_t word, found;
};

static int search_chunk(void *context, const struct stream_chunk *chunk)
{
	struct word_search *s = context;
	const struct python_layout *l = s->walk->layout;

	for (size_t i = 0; i + 8 <= chunk->size; i += 8) {
		uint64_t word;

		memcpy(&word, chunk->bytes + i, sizeof(word));
		if (word != s->word)
			continue;
		s->found = chunk->address + i - l->interpreter_modules;
		if (is_interpreter(s->walk, s->found))
			return 1;
	}
	s->found = 0;
	return 0;
}

static int find_interpreters(struct walk *w)
{
	struct word_search search = { .walk = w };
	struct stream_totals totals;
	int err;

	if (w->layout->runtime_interpreters != PYTHON_ABSENT)
		return python_interpreters(&w->reader->view, w->interpreters, &w->nr);
	search.word = guess_modules(w);
	if (!search.word)
		return 0;
	err = stream_regions(w->reader->view.remote, &w->reader->regions,
			     w->reader->view.source.pagemap, search_chunk, &search, &totals);
	if (err > 0) {
		w->interpreters[w->nr++] = search.found;
		return 0;
	}
	/* Without its interpreter: its threads are not known. */
	return err ? err : reach_word(w, ROOT_MODULES, 0, 0, search.word);
}

static int reach_modules(struct walk *w)
{
	int err = 0;

	for (size_t i = 0; !err && i < w->nr; i++) {
		/* The main one is last. */
		uint64_t at = w->interpreters[w->nr - 1 - i];

		err = reach_word(
			w, ROOT_MODULES, at, 0,
			python_reader_word(w->reader, at + w->layout->interpreter_modules));
	}
	if (!err)
		err = python_graph_spread(w->graph);
	for (size_t i = 0; !err && i < w->nr; i++) {
		uint64_t at = w->interpreters[i];

		err = reach_word(
			w, ROOT_INTERPRETER, at, 0,
			python_reader_word(w->reader, at + w->layout->interpreter_builtins));
		if (!err)
			err = reach_word(
				w, ROOT_INTERPRETER, at, 0,
				python_reader_word(w->reader, at + w->layout->interpreter_sysdict));
	}
	return err ? err : python_graph_spread(w->graph);
}

/* Threads. */

typedef int (*thread_fn)(struct walk *w, uint64_t thread);

static int each_thread(struct walk *w, thread_fn each)
{
	int err = 0, left = MAX_THREADS; /* of all interpreters: what is torn may have no end */

	for (size_t i = 0; i < w->nr; i++) {
		struct chain chain = { 0 };
		uint64_t thread = python_reader_word(
			w->reader, w->interpreters[i] + w->layout->interpreter_threads);

		for (; !err && python_reader_plausible(w->reader, thread) && left; left--) {
			if (chain_closes(&chain, thread) ||
			    python_reader_spend(w->reader, THREAD_STEPS))
				break;
			err = each(w, thread);
			thread = python_reader_word(w->reader, thread + w->layout->thread_next);
		}
	}
	return err ? err : python_graph_spread(w->graph);
}

static uint64_t top_frame(const struct walk *w, uint64_t thread)
{
	uint64_t cframe;

	if (w->layout->thread_frame != PYTHON_ABSENT)
		return python_reader_word(w->reader, thread + w->layout->thread_frame);
	cframe = python_reader_word(w->reader, thread + w->layout->thread_cframe);
	return cframe ? python_reader_word(w->reader, cframe + w->layout->cframe_frame) : 0;
}

static int reach_frame(struct walk *w, uint64_t frame, uint64_t id)
{
	const struct python_root root = { ROOT_FRAME, frame, id };
	size_t nodes = w->graph->nr, roots = w->graph->nr_roots;
	struct from_root from = { .graph = w->graph };
	int err = python_graph_add_root(w->graph, &root, &from.root);

	if (!err)
		err = python_frame_references(w->reader, frame, reach, &from);
	drop_unused(w->graph, nodes, roots);
	return err;
}

static int reach_frames(struct walk *w, uint64_t thread)
{
	uint64_t id = python_reader_word(w->reader, thread + w->layout->thread_id);
	uint64_t frame = top_frame(w, thread);
	struct chain chain = { 0 };
	int err = 0;

	for (int left = MAX_FRAMES; !err && left && frame; left--) {
		if (chain_closes(&chain, frame) || python_reader_spend(w->reader, FRAME_STEPS))
			break;
		if (!python_reader_plausible(w->reader, frame))
			break;
		/* Frames of 3.12 and later that stand for C have no code. */
		if (python_frame_code(w->reader, frame))
			err = reach_frame(w, frame, id);
		frame = python_frame_back(w->reader, frame);
	}
	return err;
}

static int reach_thread_dict(struct walk *w, uint64_t thread)
{
	uint64_t id = python_reader_word(w->reader, thread + w->layout->thread_id);

	return reach_word(w, ROOT_THREAD_LOCALS, thread, id,
			  python_reader_word(w->reader, thread + w->layout->thread_dict));
}

static int reach_thread(struct walk *w, uint64_t thread)
{
	uint64_t id = python_reader_word(w->reader, thread + w->layout->thread_id);
	uint64_t end = w->layout->thread_id + THREAD_BYTES;
	int err = 0;

	for (uint64_t at = 0; !err && at < end; at += 8)
		err = reach_word(w, ROOT_THREAD, thread + at, id,
				 python_reader_word(w->reader, thread + at));
	return err;
}

static int reach_interpreters(struct walk *w)
{
	int err = 0;

	for (size_t i = 0; i < w->nr; i++)
		for (uint64_t at = 0; !err && at < INTERPRETER_BYTES; at += 8)
			err = reach_word(w, ROOT_INTERPRETER, w->interpreters[i] + at, 0,
					 python_reader_word(w->reader, w->interpreters[i] + at));
	return err ? err : python_graph_spread(w->graph);
}

/* Variables of C. */

static int claim_chunk(void *context, const struct stream_chunk *chunk)
{
	struct python_graph *graph = context;
	int err = 0;

	for (size_t i = 0; !err && i + 8 <= chunk->size; i += 8) {
		uint64_t word;

		memcpy(&word, chunk->bytes + i, sizeof(word));
		err = python_graph_claim(graph, chunk->address + i, word);
	}
	return err;
}

int python_roots_claim(struct python_graph *graph)
{
	struct stream_totals totals;
	struct regions ranges;
	int err = python_globals_ranges(graph->reader, &ranges);

	if (err)
		return err;
	err = stream_regions(graph->reader->view.remote, &ranges, -1, claim_chunk, graph, &totals);
	if (!err)
		err = python_graph_claim_within(graph, &ranges);
	regions_free(&ranges);
	return err;
}

int python_roots_reach(struct python_graph *graph)
{
	struct walk w = {
		.graph = graph,
		.reader = graph->reader,
		.layout = &graph->reader->view.layout,
	};
	int err = find_interpreters(&w);

	err = err == -EFAULT ? 0 : err;
	if (!err)
		err = reach_modules(&w);
	if (!err)
		err = each_thread(&w, reach_frames);
	if (!err)
		err = each_thread(&w, reach_thread_dict);
	if (!err)
		err = each_thread(&w, reach_thread);
	return err ? err : reach_interpreters(&w);
}

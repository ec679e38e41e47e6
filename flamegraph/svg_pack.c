/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole tree in a few bytes per node, as text that needs no escaping but of names.
 *
 * strings: one per line: names, files and modules, each once.
 * places:  three numbers each: module, file (0: unknown; else a string's number plus one), line.
 * labels:  three numbers each: name, the letter of the family (palette.h), place (0: none; else its
 *          number plus one).
 * nodes:   the self count of the root; then in depth-first order, without the root, each
 *           label * 4 + (2 if a self count follows) + (1 if a climb follows)
 *           climb: how many levels this node's parent is above the node before; else 0
 *           self: the count that ended here; else 0
 *          Totals are not kept: they are sums.
 * before:  of a tree that has such counts: the self counts before, of the root and all nodes.
 *
 * A number is written in digits of 5 bits, the lowest first; a digit is the character 63 ('?') plus
 * its value, plus 32 if more digits follow. That is '?' to '~': neither '<' nor '&' nor '>'.
 *
 * Readers of XML limit the length of a text node (libxml2: 10 MB), so there can be several elements
 * of a class: their texts are one. view_pack.js reads it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/pack_labels.h"
#include "flamegraph/palette.h"
#include "flamegraph/svg.h"
#include "flamegraph/text.h"

#define PIECE_BYTES ((size_t)4 << 20)
/* A longer string may be in two elements. */
#define SLICE_CHARS ((size_t)64 << 10)
/* What a byte becomes at most: "&quot;". */
#define ESCAPED_MAX 6
#define NO_NUMBER   UINT32_MAX

/* A text in as many elements as it takes. */
struct piece {
	FILE *out;
	const char *class;
	size_t written;
};

struct pack {
	const struct call_tree *tree;
	struct pack_labels labels;
	uint32_t *strings; /* by name of the tree: its number in the file, or NO_NUMBER */
	uint32_t string_count;
	uint32_t *places; /* the same of places */
	uint32_t *place_ids;
	uint32_t place_count;
};

static void cleanup_pack(struct pack *pack)
{
	pack_labels_done(&pack->labels);
	free(pack->strings);
	free(pack->places);
	free(pack->place_ids);
}

static void piece_begin(struct piece *piece)
{
	fprintf(piece->out, "<metadata class=\"%s\">", piece->class);
	piece->written = 0;
}

static void piece_end(struct piece *piece)
{
	text_put(piece->out, "</metadata>\n");
}

/* Before something of that many bytes is put. */
static void piece_need(struct piece *piece, size_t bytes)
{
	if (piece->written > 0 && piece->written + bytes > PIECE_BYTES) {
		piece_end(piece);
		piece_begin(piece);
	}
	piece->written += bytes;
}

static void put_number(struct piece *piece, uint64_t value)
{
	size_t digits = 1;

	for (; value >= 32; value >>= 5, digits++)
		putc_unlocked((int)(63 + 32 + (value & 31)), piece->out);
	putc_unlocked((int)(63 + value), piece->out);
	piece->written += digits;
}

static const char *skip_chars(const char *text, size_t n)
{
	uint32_t rune;

	while (*text && n-- > 0)
		text += text_next(text, &rune);
	return text;
}

/* What is between the two takes no more bytes than that. */
static size_t escaped_length(const char *text, const char *end)
{
	size_t length = 0;

	for (; text < end; text++) {
		bool is_special = *text == '&' || *text == '<' || *text == '>' || *text == '"' ||
				  *text == '\'';

		length += *text < ' ' || *text >= 0x7f || is_special ? ESCAPED_MAX : 1;
	}
	return length;
}

static void put_string(struct pack *pack, struct piece *piece, uint32_t name_id)
{
	const char *text, *next, *end;

	if (name_id == CALL_TREE_NONE || pack->strings[name_id] != NO_NUMBER)
		return;
	pack->strings[name_id] = pack->string_count++;
	text = call_tree_name(pack->tree, name_id);
	end = text + strlen(text);
	for (; text < end; text = next) {
		next = (size_t)(end - text) > SLICE_CHARS ? skip_chars(text, SLICE_CHARS) : end;
		piece_need(piece, escaped_length(text, next));
		text_put_xml(piece->out, text, SLICE_CHARS);
	}
	piece_need(piece, 1);
	putc_unlocked('\n', piece->out);
}

static void put_strings(struct pack *pack, FILE *out)
{
	struct piece piece = { .out = out, .class = "strings" };

	piece_begin(&piece);
	for (size_t i = 0; i < pack->labels.count; i++)
		put_string(pack, &piece, pack->labels.list[i].name_id);
	for (size_t i = 0; i < pack->place_count; i++) {
		struct call_place place = call_tree_place(pack->tree, pack->place_ids[i]);

		put_string(pack, &piece, place.module_id);
		put_string(pack, &piece, place.file_id);
	}
	piece_end(&piece);
}

static uint32_t string_or_none(const struct pack *pack, uint32_t name_id)
{
	return name_id == CALL_TREE_NONE ? 0 : pack->strings[name_id] + 1;
}

static void put_places(const struct pack *pack, FILE *out)
{
	struct piece piece = { .out = out, .class = "places" };

	piece_begin(&piece);
	for (size_t i = 0; i < pack->place_count; i++) {
		struct call_place place = call_tree_place(pack->tree, pack->place_ids[i]);

		piece_need(&piece, 0);
		put_number(&piece, string_or_none(pack, place.module_id));
		put_number(&piece, string_or_none(pack, place.file_id));
		put_number(&piece, place.line);
	}
	piece_end(&piece);
}

static void put_labels(const struct pack *pack, FILE *out)
{
	struct piece piece = { .out = out, .class = "labels" };

	piece_begin(&piece);
	for (size_t i = 0; i < pack->labels.count; i++) {
		const struct pack_label *label = &pack->labels.list[i];

		piece_need(&piece, 0);
		put_number(&piece, pack->strings[label->name_id]);
		put_number(&piece, (unsigned char)palette_letter(label->family));
		put_number(&piece, label->place_id == CALL_TREE_NONE
					   ? 0
					   : pack->places[label->place_id] + 1);
	}
	piece_end(&piece);
}

static void put_nodes(const struct pack *pack, FILE *out)
{
	struct piece piece = { .out = out, .class = "nodes" };
	const struct call_tree *tree = pack->tree;
	uint32_t depth_before = 0;

	piece_begin(&piece);
	put_number(&piece, call_tree_node(tree, 0)->self);
	for (uint32_t i = call_tree_next(tree, 0); i != CALL_TREE_NONE;) {
		const struct call_node *node = call_tree_node(tree, i);
		uint32_t climb = depth_before + 1 - node->depth;

		if (!pack_has_node(tree, i)) {
			i = call_tree_skip(tree, i);
			continue;
		}
		piece_need(&piece, 0);
		put_number(&piece, (uint64_t)pack->labels.of_node[i] << 2 | (node->self ? 2 : 0) |
					   (climb ? 1 : 0));
		if (climb > 0)
			put_number(&piece, climb);
		if (node->self > 0)
			put_number(&piece, node->self);
		depth_before = node->depth;
		i = call_tree_next(tree, i);
	}
	piece_end(&piece);
}

static void put_befores(const struct pack *pack, FILE *out)
{
	struct piece piece = { .out = out, .class = "before" };
	const struct call_tree *tree = pack->tree;

	if (!call_tree_has_before(tree))
		return;
	piece_begin(&piece);
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(tree, i)) {
		piece_need(&piece, 0);
		if (i == 0 || pack_has_node(tree, i))
			put_number(&piece, call_tree_before(tree, i).self);
	}
	piece_end(&piece);
}

/* Numbers the places of labels. Their ids are dense, but how many there are only they say. */
static int find_places(struct pack *pack)
{
	size_t n = 0;

	for (size_t i = 0; i < pack->labels.count; i++) {
		uint32_t place_id = pack->labels.list[i].place_id;

		if (place_id != CALL_TREE_NONE && place_id >= n)
			n = (size_t)place_id + 1;
	}
	pack->places = malloc(n * sizeof(*pack->places) + 1);
	pack->place_ids = calloc(n + 1, sizeof(*pack->place_ids));
	if (!pack->places || !pack->place_ids)
		return -ENOMEM;
	memset(pack->places, 0xff, n * sizeof(*pack->places)); /* NO_NUMBER each */
	for (size_t i = 0; i < pack->labels.count; i++) {
		uint32_t place_id = pack->labels.list[i].place_id;

		if (place_id == CALL_TREE_NONE || pack->places[place_id] != NO_NUMBER)
			continue;
		pack->place_ids[pack->place_count] = place_id;
		pack->places[place_id] = pack->place_count++;
	}
	return 0;
}

int svg_put_pack(const struct call_tree *tree, const uint8_t *families, FILE *out)
{
	CLEANUP(cleanup_pack) struct pack pack = { .tree = tree };
	size_t size = call_tree_name_count(tree) * sizeof(*pack.strings);
	int err = pack_labels_make(tree, families, &pack.labels);

	if (!err)
		err = find_places(&pack);
	if (err < 0)
		return err;
	pack.strings = malloc(size + 1);
	if (!pack.strings)
		return -ENOMEM;
	memset(pack.strings, 0xff, size); /* NO_NUMBER each */
	put_strings(&pack, out);
	put_places(&pack, out);
	put_labels(&pack, out);
	put_nodes(&pack, out);
	put_befores(&pack, out);
	return 0;
}

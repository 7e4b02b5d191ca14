/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A rectangle of character cells to draw on: what a terminal driver shows and a test compares.
 * Whatever is drawn outside is clipped. A cell holds printable ASCII or a glyph of ours, each
 * one column wide: bytes from the wire cannot become control sequences.
 */
#include <stddef.h>
#include <stdint.h>

enum stoq_attribute {
	STOQ_PLAIN = 0,
	STOQ_BOLD = 0x01,
	STOQ_DIM = 0x02,
	STOQ_REVERSE = 0x04,
	STOQ_GOOD = 0x08,
	STOQ_WARN = 0x10,
	STOQ_BAD = 0x20,
	STOQ_BAR = 0x40, /* of a histogram */
};

struct stoq_cell {
	uint16_t character; /* Unicode */
	uint8_t attributes;
};

struct stoq_screen {
	unsigned int width, height;
	struct stoq_cell *cells; /* row by row */
};

/* All blank. 0 or -ENOMEM. */
int stoq_screen_init(struct stoq_screen *screen, unsigned int width, unsigned int height);
void stoq_screen_free(struct stoq_screen *screen);

void stoq_screen_glyph(struct stoq_screen *screen, unsigned int row, unsigned int column,
	unsigned int attributes, uint16_t character);

/* Text from column on; bytes that are not printable ASCII become '?'. The column behind it. */
unsigned int stoq_screen_text(struct stoq_screen *screen, unsigned int row, unsigned int column,
	unsigned int attributes, const char *text);

/* Text that ends before column end. */
void stoq_screen_text_right(struct stoq_screen *screen, unsigned int row, unsigned int end,
	unsigned int attributes, const char *text);

/* Words from column on, in as many rows as they take, `rows` at most; returns how many. */
unsigned int stoq_screen_words(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	unsigned int column, unsigned int attributes, const char *text);

unsigned int stoq_screen_printf(struct stoq_screen *screen, unsigned int row, unsigned int column,
	unsigned int attributes, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Adds attributes to what stands in a row. */
void stoq_screen_paint(struct stoq_screen *screen, unsigned int row, unsigned int attributes);

/* A row as UTF-8 without trailing blanks. size of 3 * width + 1 is always enough. */
size_t stoq_screen_line(const struct stoq_screen *screen, unsigned int row, char *out, size_t size);

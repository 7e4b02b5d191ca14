// SPDX-License-Identifier: BSD-2-Clause
#include "watch/screen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int stoq_screen_init(struct stoq_screen *screen, unsigned int width, unsigned int height)
{
	screen->width = width;
	screen->height = height;
	screen->cells = calloc((size_t)width * height + 1, sizeof(*screen->cells));
	if (!screen->cells)
		return -ENOMEM;
	for (size_t i = 0; i < (size_t)width * height; i++)
		screen->cells[i].character = ' ';
	return 0;
}

void stoq_screen_free(struct stoq_screen *screen)
{
	free(screen->cells);
	screen->cells = NULL;
}

void stoq_screen_glyph(struct stoq_screen *screen, unsigned int row, unsigned int column,
	unsigned int attributes, uint16_t character)
{
	struct stoq_cell *cell;

	if (row >= screen->height || column >= screen->width)
		return;
	cell = &screen->cells[(size_t)row * screen->width + column];
	cell->character = character;
	cell->attributes = (uint8_t)attributes;
}

unsigned int stoq_screen_text(struct stoq_screen *screen, unsigned int row, unsigned int column,
	unsigned int attributes, const char *text)
{
	for (; *text; text++, column++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < 0x20 || byte > 0x7e)
			byte = '?';
		stoq_screen_glyph(screen, row, column, attributes, byte);
	}
	return column;
}

void stoq_screen_text_right(struct stoq_screen *screen, unsigned int row, unsigned int end,
	unsigned int attributes, const char *text)
{
	size_t length = strlen(text);

	if (length > end)
		return;
	stoq_screen_text(screen, row, end - (unsigned int)length, attributes, text);
}

/* How much of the text is whole words within this width; of a longer word, what fits. */
static size_t words_within(const char *text, size_t width)
{
	size_t length = strlen(text);

	if (length <= width)
		return length;
	length = width;
	while (length && text[length] != ' ')
		length--;
	return length ? length : width;
}

unsigned int stoq_screen_words(struct stoq_screen *screen, unsigned int row, unsigned int rows,
	unsigned int column, unsigned int attributes, const char *text)
{
	size_t width = screen->width > column + 1 ? screen->width - column : 1;
	unsigned int used = 0;

	for (; *text && used < rows; used++) {
		size_t length = words_within(text, width);

		stoq_screen_printf(
			screen, row + used, column, attributes, "%.*s", (int)length, text);
		text += length;
		text += strspn(text, " ");
	}
	return used;
}

unsigned int stoq_screen_printf(struct stoq_screen *screen, unsigned int row, unsigned int column,
	unsigned int attributes, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return stoq_screen_text(screen, row, column, attributes, text);
}

void stoq_screen_paint(struct stoq_screen *screen, unsigned int row, unsigned int attributes)
{
	for (unsigned int i = 0; row < screen->height && i < screen->width; i++)
		screen->cells[(size_t)row * screen->width + i].attributes |= (uint8_t)attributes;
}

static size_t encode_utf8(char out[3], uint16_t character)
{
	if (character < 0x80) {
		out[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		out[0] = (char)(0xc0 | character >> 6);
		out[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | character >> 12);
	out[1] = (char)(0x80 | ((character >> 6) & 0x3f));
	out[2] = (char)(0x80 | (character & 0x3f));
	return 3;
}

size_t stoq_screen_line(const struct stoq_screen *screen, unsigned int row, char *out, size_t size)
{
	const struct stoq_cell *cells = screen->cells + (size_t)row * screen->width;
	unsigned int width = row < screen->height ? screen->width : 0;
	size_t used = 0;

	while (width && cells[width - 1].character == ' ')
		width--;
	for (unsigned int i = 0; i < width; i++) {
		char bytes[3];
		size_t length = encode_utf8(bytes, cells[i].character);

		if (used + length >= size)
			break;
		memcpy(out + used, bytes, length);
		used += length;
	}
	if (size)
		out[used] = '\0';
	return used;
}

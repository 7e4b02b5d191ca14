// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/screen.h"
#include "watch/render_terminal.h"

#include <errno.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

enum color_pair { PAIR_NONE, PAIR_GOOD, PAIR_WARN, PAIR_BAD, PAIR_BAR };

static SCREEN *terminal;

bool watch_screen_possible(void)
{
	const char *term = getenv("TERM");
	int error;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term || !term[0])
		return false;
	if (setupterm(term, STDOUT_FILENO, &error) != OK)
		return false;
	return cursor_address && clear_screen;
}

static void init_colors(void)
{
	if (!has_colors() || getenv("NO_COLOR") || start_color() != OK)
		return;
	use_default_colors();
	init_pair(PAIR_GOOD, COLOR_GREEN, -1);
	init_pair(PAIR_WARN, COLOR_YELLOW, -1);
	init_pair(PAIR_BAD, COLOR_RED, -1);
	init_pair(PAIR_BAR, COLOR_CYAN, -1);
}

int watch_screen_open(void)
{
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return -ENOTTY;
	set_term(terminal);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	set_escdelay(25);
	init_colors();
	return 0;
}

void watch_screen_close(void)
{
	if (!terminal)
		return;
	endwin();
	delscreen(terminal);
	terminal = NULL;
}

void watch_screen_resize(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	clearok(stdscr, TRUE);
}

static short pair_of(unsigned int attributes)
{
	if (attributes & STOQ_BAD)
		return PAIR_BAD;
	if (attributes & STOQ_WARN)
		return PAIR_WARN;
	if (attributes & STOQ_GOOD)
		return PAIR_GOOD;
	return attributes & STOQ_BAR ? PAIR_BAR : PAIR_NONE;
}

static attr_t style_of(unsigned int attributes)
{
	attr_t style = A_NORMAL;

	if (attributes & STOQ_BOLD)
		style |= A_BOLD;
	if (attributes & STOQ_DIM)
		style |= A_DIM;
	if (attributes & STOQ_REVERSE)
		style |= A_REVERSE;
	return style;
}

static void put_cell(int row, int column, const struct stoq_cell *cell)
{
	const wchar_t text[2] = {cell->character, L'\0'};
	cchar_t character;

	if (setcchar(&character, text, style_of(cell->attributes), pair_of(cell->attributes),
		    NULL) == OK)
		mvadd_wch(row, column, &character);
}

int watch_screen_draw(const struct stoq_model *model, const struct stoq_view *view)
{
	struct stoq_screen screen;
	int height, width, error;

	getmaxyx(stdscr, height, width);
	error = stoq_screen_init(&screen, (unsigned int)width, (unsigned int)height);
	if (error)
		return error;
	stoq_render_screen(&screen, model, view);
	for (int row = 0; row < height; row++)
		for (int column = 0; column < width; column++)
			put_cell(row, column,
				&screen.cells[(size_t)row * screen.width + (size_t)column]);
	refresh();
	stoq_screen_free(&screen);
	return 0;
}

enum watch_key watch_screen_key(void)
{
	switch (getch()) {
	case ERR:
		return WATCH_KEY_NONE;
	case 'q':
	case 'Q':
	case 3: /* Ctrl-C, where the terminal does not make a signal of it */
		return WATCH_KEY_QUIT;
	case 'b':
	case '\t':
	case KEY_RIGHT:
		return WATCH_KEY_NEXT_AXIS;
	case 'B':
	case KEY_BTAB:
	case KEY_LEFT:
		return WATCH_KEY_PREVIOUS_AXIS;
	case 'k':
	case KEY_UP:
		return WATCH_KEY_UP;
	case 'j':
	case KEY_DOWN:
		return WATCH_KEY_DOWN;
	case 'e':
		return WATCH_KEY_EVENTS;
	case 'm':
		return WATCH_KEY_HEAT;
	case 't':
		return WATCH_KEY_TOTALS;
	case ' ':
		return WATCH_KEY_PAUSE;
	case '?':
	case 'h':
		return WATCH_KEY_HELP;
	default:
		return WATCH_KEY_OTHER;
	}
}

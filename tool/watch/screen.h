/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The terminal of `stoq watch`: a thin layer of ncurses under the renderer. One at a time. */
#include <stdbool.h>

struct stoq_model;
struct stoq_view;

enum watch_key {
	WATCH_KEY_NONE, /* nothing waits */
	WATCH_KEY_OTHER,
	WATCH_KEY_QUIT,
	WATCH_KEY_NEXT_AXIS,
	WATCH_KEY_PREVIOUS_AXIS,
	WATCH_KEY_UP,
	WATCH_KEY_DOWN,
	WATCH_KEY_TOTALS,
	WATCH_KEY_HEAT,
	WATCH_KEY_EVENTS,
	WATCH_KEY_PAUSE,
	WATCH_KEY_HELP,
};

/* True if standard input and output are a terminal that can move its cursor. */
bool watch_screen_possible(void);

/* Takes the terminal over. 0, or -ENOTTY if it cannot be used so. */
int watch_screen_open(void);
void watch_screen_close(void);

/* 0 or -ENOMEM */
int watch_screen_draw(const struct stoq_model *model, const struct stoq_view *view);

/* After SIGWINCH: asks the terminal for its size. */
void watch_screen_resize(void);

enum watch_key watch_screen_key(void);

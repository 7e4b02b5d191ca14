/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The functions of tool/message.h, which remember what they were to print. */

/* The last message, "" if there was none; forgotten by fake_verb_reset(). */
extern char fake_verb_message[1024];

void fake_verb_reset(void);

/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stoq/config.h>

/* 0, or what is wrong with it: -EINVAL, -ENODEV, -ENOENT, -EACCES, ... */
int stoq_settings_check(const struct stoq_transport_config *config, struct stoq_error *error);

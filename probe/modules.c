// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "probe/facts.h"
#include "probe/files.h"
#include "probe/kernel_config.h"
#include "probe/probe_private.h"

#define NAME_BYTES 32

static const struct {
	const char *name, *option, *what;
} modules[] = {
	{"nvme-tcp", "CONFIG_NVME_TCP", "NVMe/TCP hosts"},
	{"nvmet", "CONFIG_NVME_TARGET", "stoq target --kernel"},
	{"nvmet-tcp", "CONFIG_NVME_TARGET_TCP", "stoq target --kernel"},
	{"null_blk", "CONFIG_BLK_DEV_NULL_BLK", "namespaces that store nothing"},
};

/* Module files have - or _, as their authors liked; folders in /sys/module always _. */
static void underscores(char to[static NAME_BYTES], const char *name)
{
	snprintf(to, NAME_BYTES, "%s", name);
	for (; *to; to++)
		if (*to == '-')
			*to = '_';
}

static bool is_listed(
	const struct stoq_probe *probe, const char *release, const char *list, const char *name)
{
	char path[256], file[NAME_BYTES + 8], other[NAME_BYTES];

	underscores(other, name);
	snprintf(path, sizeof(path), "/lib/modules/%.100s/%s", release, list);
	snprintf(file, sizeof(file), "/%s.ko", name);
	if (stoq_probe_file_has(probe, path, file))
		return true;
	snprintf(file, sizeof(file), "/%s.ko", other);
	return stoq_probe_file_has(probe, path, file);
}

/* The folder of its modules is there and lists them. */
static bool has_list(const struct stoq_probe *probe, const char *release)
{
	char path[256];

	snprintf(path, sizeof(path), "/lib/modules/%.100s/modules.dep", release);
	return stoq_probe_exists(probe, path);
}

/* Built in with parameters, or loaded. Modules without parameters have a folder when loaded only.
 */
static bool is_loaded(const struct stoq_probe *probe, const char *name)
{
	char folder[NAME_BYTES], path[NAME_BYTES + 16], word[NAME_BYTES + 2];

	underscores(folder, name);
	snprintf(path, sizeof(path), "/sys/module/%s", folder);
	snprintf(word, sizeof(word), "%s ", folder);
	return stoq_probe_exists(probe, path) ||
	       stoq_probe_line_begins(probe, "/proc/modules", word);
}

/* The kernel's configuration has the last word where there is one. False: there is none. */
static bool by_config(struct stoq_probe *probe, const char *release, size_t i)
{
	char origin[STOQ_PROBE_ORIGIN_BYTES];

	switch (stoq_probe_kernel_option(probe, release, modules[i].option, origin)) {
	case STOQ_PROBE_OPTION_ON:
		stoq_probe_yes(probe, modules[i].name, "built in");
		return true;
	case STOQ_PROBE_OPTION_OFF:
		stoq_probe_no(probe, modules[i].name,
			"install a kernel that has it; lab/run boots such kernels",
			"built without: %s is not set in %.100s; it is for %s", modules[i].option,
			origin, modules[i].what);
		return true;
	case STOQ_PROBE_OPTION_MODULE:
		if (!has_list(probe, release))
			return false;
		stoq_probe_no(probe, modules[i].name,
			"install all of this kernel's modules: some distributions have them in a "
			"package of their own",
			"a module (%s=m in %.60s), but not in /lib/modules/%.60s; it is for %s",
			modules[i].option, origin, release, modules[i].what);
		return true;
	default:
		return false;
	}
}

static void by_absence(struct stoq_probe *probe, const char *release, size_t i)
{
	char remedy[96];

	snprintf(remedy, sizeof(remedy), "modprobe %s; lab/run boots kernels that have it",
		modules[i].name);
	if (has_list(probe, release))
		stoq_probe_no(probe, modules[i].name,
			"install a kernel that has it; lab/run boots such kernels",
			"neither loaded nor in /lib/modules/%.60s (%s); it is for %s", release,
			modules[i].option, modules[i].what);
	else
		stoq_probe_unknown(probe, modules[i].name, remedy,
			"it is not loaded; whether there is one cannot be found out without "
			"/lib/modules/%.60s or the kernel's configuration; it is for %s",
			release, modules[i].what);
}

static void probe_module(struct stoq_probe *probe, const char *release, size_t i)
{
	const char *name = modules[i].name;

	if (is_listed(probe, release, "modules.builtin", name))
		stoq_probe_yes(probe, name, "built in");
	else if (is_loaded(probe, name))
		stoq_probe_yes(probe, name, "loaded");
	else if (is_listed(probe, release, "modules.dep", name))
		stoq_probe_yes(probe, name, "available: modprobe %s", name);
	else if (!by_config(probe, release, i))
		by_absence(probe, release, i);
}

void stoq_probe_modules(struct stoq_probe *probe)
{
	char release[96];

	stoq_probe_topic(probe, "modules", NULL);
	if (!stoq_probe_release(probe, release, sizeof(release)))
		snprintf(release, sizeof(release), "?");
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		probe_module(probe, release, i);
}

// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "probe/section.h"

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

static bool has_folder(const struct stoq_probe *probe, const char *release)
{
	char path[256];

	snprintf(path, sizeof(path), "/lib/modules/%.100s", release);
	return stoq_probe_exists(probe, path);
}

static void probe_module(struct stoq_probe *probe, const char *release, size_t i)
{
	char folder[NAME_BYTES], path[64], remedy[96];

	snprintf(remedy, sizeof(remedy), "modprobe %s; lab/run boots kernels that have it",
		modules[i].name);
	underscores(folder, modules[i].name);
	snprintf(path, sizeof(path), "/sys/module/%s", folder);
	if (is_listed(probe, release, "modules.builtin", modules[i].name))
		stoq_probe_yes(probe, modules[i].name, "built in");
	else if (stoq_probe_exists(probe, path))
		stoq_probe_yes(probe, modules[i].name, "loaded");
	else if (is_listed(probe, release, "modules.dep", modules[i].name))
		stoq_probe_yes(probe, modules[i].name, "available: modprobe %s", modules[i].name);
	else if (!has_folder(probe, release))
		stoq_probe_unknown(probe, modules[i].name, remedy,
			"it is not loaded, and without /lib/modules/%.60s nobody can tell what is "
			"built "
			"in: for %s",
			release, modules[i].what);
	else
		stoq_probe_no(probe, modules[i].name,
			"install a kernel that has it; lab/run boots such kernels",
			"neither loaded nor in /lib/modules/%.60s (%s): for %s", release,
			modules[i].option, modules[i].what);
}

void stoq_probe_modules(struct stoq_probe *probe)
{
	char release[96];

	stoq_probe_topic(probe, "modules", NULL);
	if (stoq_probe_read(probe, "/proc/sys/kernel/osrelease", release, sizeof(release)) <= 0)
		snprintf(release, sizeof(release), "?");
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		probe_module(probe, release, i);
}

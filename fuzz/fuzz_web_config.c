// SPDX-License-Identifier: BSD-2-Clause
/* Any file is a web configuration, or an error that names it; and what was read keeps its promises. */
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "metrics/web_config.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const char *path = file_path("web.yaml");
	struct stoq_web_config config;
	struct stoq_error error = {0};

	file_write("web.yaml", data, size);
	require(!chmod(path, 0600));
	if (stoq_web_config_read(&config, path, &error)) {
		require(error.code && strstr(error.text, "web.yaml"));
		return 0;
	}
	require(config.user_count <= STOQ_WEB_USERS_MAX);
	for (size_t i = 0; i < config.user_count; i++)
		require(config.users[i].name[0] && strlen(config.users[i].hash) == STOQ_WEB_HASH);
	require(!config.tls || ((config.certificate.path || config.certificate.text) &&
				       (config.key.path || config.key.text)));
	require(config.min_version <= config.max_version && config.rate_burst);
	stoq_web_config_free(&config);
	return 0;
}

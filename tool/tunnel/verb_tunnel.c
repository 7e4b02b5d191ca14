// SPDX-License-Identifier: BSD-2-Clause
#include "tool/tunnel/verb_tunnel.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool/command.h"
#include "tool/message.h"
#include "tool/tunnel/file.h"
#include "tool/tunnel/options.h"
#include "tool/tunnel/status.h"
#include "tunnel/addresses.h"
#include "tunnel/metrics.h"
#include "tunnel/status.h"
#include "tunnel/status_socket.h"

static struct stoq_tunnel *running; /* for the signal handlers */

static void stop(int signal_number)
{
	stoq_tunnel_stop(running);
}

static void reload(int signal_number)
{
	stoq_tunnel_reload(running);
}

static void catch_signals(void)
{
	struct sigaction stopping = {.sa_handler = stop}, reloading = {.sa_handler = reload};

	sigaction(SIGINT, &stopping, NULL);
	sigaction(SIGTERM, &stopping, NULL);
	sigaction(SIGHUP, &reloading, NULL);
}

static void say(enum stoq_log_level level, const char *text, void *user)
{
	if (level != STOQ_LOG_DEBUG)
		tool_notice("%s", text);
}

static void announce_listen(void)
{
	struct stoq_address address;
	char text[STOQ_ADDRESS_TEXT];

	stoq_tunnel_local_address(running, &address);
	printf("listening for the tunnel's host ends at %s\n", stoq_address_text(text, &address));
}

/* What to type at the host. */
static void announce_connect(const struct stoq_tunnel_config *config)
{
	for (unsigned int i = 0; i < config->door_count; i++) {
		struct stoq_address address;
		char host[STOQ_ADDRESS_TEXT];

		stoq_tunnel_door_address(running, i, &address);
		printf("nvme connect --transport tcp --traddr %s --trsvcid %u --disable-sqflow "
		       "--keep-alive-tmo 30 --nqn SUBSYSTEM\n",
			stoq_address_host(host, &address), stoq_address_port(&address));
	}
}

static void note(void *context, const char *line)
{
	tool_notice("%s", line);
}

/* *endpoint stays NULL without --metrics. */
static int serve_metrics(const struct tunnel_options *options,
	struct stoq_metrics_endpoint **endpoint, struct stoq_error *error)
{
	const struct stoq_metrics_source source = {stoq_tunnel_metrics_text, note, running};
	char url[STOQ_METRICS_URL];
	int ret;

	if (!options->metrics.on)
		return 0;
	ret = stoq_metrics_endpoint_serve(&source, &options->metrics.place, endpoint, error);
	if (!ret)
		tool_notice("metrics: %s", stoq_metrics_endpoint_url(*endpoint, url));
	return ret;
}

static int serve(struct tunnel_options *options)
{
	struct stoq_metrics_endpoint *endpoint = NULL;
	struct stoq_error error;
	int ret;

	options->tunnel.log = say;
	ret = stoq_tunnel_create(&options->tunnel, &running, &error);
	if (ret)
		return tool_fail(&error);
	if (options->status)
		ret = stoq_tunnel_serve_status(running, options->status, &error);
	if (!ret)
		ret = serve_metrics(options, &endpoint, &error);
	if (!ret) {
		catch_signals();
		if (options->tunnel.end == STOQ_TUNNEL_TARGET_END)
			announce_listen();
		else
			announce_connect(&options->tunnel);
		fflush(stdout);
		ret = stoq_tunnel_run(running, &error);
	}
	stoq_metrics_endpoint_close(endpoint);
	stoq_tunnel_destroy(running);
	return ret ? tool_fail(&error) : EXIT_SUCCESS;
}

static struct tunnel_options options;

static int run_end(int argc, char **argv, enum stoq_tunnel_end end)
{
	int status;

	return tunnel_options_parse(argc, argv, end, &options, &status) ? status : serve(&options);
}

static int tunnel_listen(int argc, char **argv)
{
	return run_end(argc, argv, STOQ_TUNNEL_TARGET_END);
}

static int tunnel_connect(int argc, char **argv)
{
	return run_end(argc, argv, STOQ_TUNNEL_HOST_END);
}

/* ---- from a file ---- */

static const struct option file_options[] = {TOOL_OPTION_HELP, {NULL, 0, NULL, 0}};

/* Reads the file that is the only argument. 0, or the verb ends with *status. */
static int read_file(int argc, char **argv, int *status)
{
	const struct tool_options known = {file_options, tunnel_help, NULL};
	struct stoq_error error;

	if (tool_options_parse(&known, NULL, argc, argv, status))
		return -1;
	if (optind + 1 != argc) {
		*status = tool_usage("one FILE is needed");
		return -1;
	}
	if (!tunnel_file_read(argv[optind], &options, &error))
		return 0;
	*status = tool_fail(&error);
	return -1;
}

static int tunnel_run(int argc, char **argv)
{
	int status;

	return read_file(argc, argv, &status) ? status : serve(&options);
}

static int tunnel_check(int argc, char **argv)
{
	int status;

	if (read_file(argc, argv, &status))
		return status;
	printf("%s: valid\n", argv[optind]);
	return EXIT_SUCCESS;
}

int verb_tunnel(int argc, char **argv)
{
	static const struct tool_command commands[] = {{"listen", tunnel_listen},
		{"connect", tunnel_connect}, {"run", tunnel_run}, {"check", tunnel_check},
		{"status", tunnel_status}, {NULL, NULL}};

	return tool_run_command(
		argc, argv, tunnel_help, commands, "listen, connect, run, check, status");
}

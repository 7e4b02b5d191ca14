// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/web.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stoq_web {
	char *path;
	bool strict;
	struct stoq_web_notes notes;
	struct stoq_web_state *first;  /* in force; behind it those that connections still hold */
	struct stoq_web_state *failed; /* the last reading that cannot be used; NULL: none */
	char noted[sizeof(
		((struct stoq_error *)0)
			->text)]; /* why the files as they are now cannot be used; "": they can */
	struct stoq_web_guesses guesses;
	struct stoq_bucket requests;
};

/* ---- one reading ---- */

static void free_state(struct stoq_web_state *state)
{
	stoq_web_auth_free(state->auth);
	stoq_web_tls_free(state->tls);
	stoq_web_config_free(&state->config);
	free(state);
}

static int check_strict(
	const struct stoq_web_config *config, const char *path, struct stoq_error *error)
{
	if (!config->tls)
		return stoq_error_set(error, -EPERM,
			"%.200s has no tls_server_config: without TLS metrics are served on this "
			"machine only; add it, or leave the address out",
			path);
	if (!stoq_web_config_authenticates(config))
		return stoq_error_set(error, -EPERM,
			"%.200s has neither basic_auth_users nor `client_auth_type: "
			"RequireAndVerifyClientCert`: without authentication metrics are served on "
			"this machine only; add one of them, or leave the address out",
			path);
	return 0;
}

static void take_stamps(const struct stoq_web_state *state, struct stoq_file_stamp *stamps)
{
	const struct stoq_web_config *config = &state->config;
	const char *const paths[] = {
		config->certificate.path, config->key.path, config->client_ca.path};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		stamps[i] = paths[i] ? stoq_file_stamp(paths[i]) : (struct stoq_file_stamp){0};
}

static int read_files(struct stoq_web_state *state, struct stoq_error *error)
{
	int ret = 0;

	take_stamps(state, state->stamps + 1);
	if (state->config.tls)
		ret = stoq_web_tls_new(&state->tls, &state->config, error);
	if (!ret && state->config.user_count) {
		state->auth = stoq_web_auth_new(&state->config);
		if (!state->auth)
			ret = stoq_error_set(error, -ENOMEM, "no memory for passwords");
	}
	return ret;
}

static int fill_state(
	struct stoq_web_state *state, const struct stoq_web *web, struct stoq_error *error)
{
	int ret;

	state->stamps[0] = stoq_file_stamp(web->path);
	ret = stoq_web_config_read(&state->config, web->path, error);
	if (!ret && web->strict)
		ret = check_strict(&state->config, web->path, error);
	return ret ? ret : read_files(state, error);
}

/* *state: also of what cannot be used, unless there is no memory: NULL. */
static int new_state(
	struct stoq_web_state **state, const struct stoq_web *web, struct stoq_error *error)
{
	*state = calloc(1, sizeof(**state));
	if (!*state)
		return stoq_error_set(error, -ENOMEM, "no memory for the web configuration");
	return fill_state(*state, web, error);
}

/* ---- reading again ---- */

static bool has_changed(const struct stoq_web *web, const struct stoq_web_state *state)
{
	struct stoq_file_stamp now[STOQ_WEB_FILES];

	now[0] = stoq_file_stamp(web->path);
	take_stamps(state, now + 1);
	for (int i = 0; i < STOQ_WEB_FILES; i++)
		if (!stoq_file_stamp_equal(&now[i], &state->stamps[i]))
			return true;
	return false;
}

/* Once for each reason. */
static void note(struct stoq_web *web, const char *why)
{
	char text[sizeof(((struct stoq_error *)0)->text) + 80];

	if (strcmp(web->noted, why) == 0 && why[0])
		return;
	snprintf(web->noted, sizeof(web->noted), "%s", why);
	snprintf(text, sizeof(text), "the web configuration was %s%s",
		why[0] ? "not read again, what was in use stays: " : "read again", why);
	if (web->notes.note)
		web->notes.note(web->notes.context, text);
}

static void drop_unused(struct stoq_web *web)
{
	struct stoq_web_state **place = &web->first->next;

	while (*place) {
		struct stoq_web_state *state = *place;

		if (state->connections) {
			place = &state->next;
			continue;
		}
		*place = state->next;
		free_state(state);
	}
}

static void set_failed(struct stoq_web *web, struct stoq_web_state *failed)
{
	if (web->failed)
		free_state(web->failed);
	web->failed = failed;
}

static void read_again(struct stoq_web *web)
{
	struct stoq_web_state *state;
	struct stoq_error error;
	int ret = new_state(&state, web, &error);

	if (!ret && !state->tls != !web->first->tls)
		ret = stoq_error_set(&error, -EINVAL,
			"tls_server_config was added or removed, which takes a restart");
	if (ret) {
		set_failed(web, state);
		note(web, error.text);
		return;
	}
	if (state->auth && web->first->auth)
		stoq_web_auth_adopt(state->auth, web->first->auth);
	set_failed(web, NULL);
	state->next = web->first;
	web->first = state;
	note(web, "");
}

/* What cannot be used is not read for each request, but when it has changed again. */
struct stoq_web_state *stoq_web_current(struct stoq_web *web)
{
	drop_unused(web);
	if (!has_changed(web, web->first)) {
		set_failed(web, NULL);
		if (web->noted[0])
			note(web, "");
	} else if (!web->failed || has_changed(web, web->failed)) {
		read_again(web);
	}
	return web->first;
}

static bool same_text(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

static bool same_names(const struct stoq_web_config *one, const struct stoq_web_config *other)
{
	if (one->client_san_count != other->client_san_count)
		return false;
	for (size_t i = 0; i < one->client_san_count; i++)
		if (!same_text(one->client_sans[i], other->client_sans[i]))
			return false;
	return true;
}

bool stoq_web_still_admits(const struct stoq_web_state *now, const struct stoq_web_state *then)
{
	const struct stoq_web_config *one = &now->config, *other = &then->config;
	/* The authority's. */
	const struct stoq_file_stamp *stamp = &now->stamps[STOQ_WEB_FILES - 1];

	return now == then ||
	       (one->client_auth == other->client_auth && one->min_version == other->min_version &&
		       one->max_version == other->max_version && same_names(one, other) &&
		       same_text(one->client_ca.path, other->client_ca.path) &&
		       same_text(one->client_ca.text, other->client_ca.text) &&
		       stoq_file_stamp_equal(stamp, &then->stamps[STOQ_WEB_FILES - 1]));
}

/* ---- the whole ---- */

int stoq_web_open(struct stoq_web **web, const char *path, bool strict,
	const struct stoq_web_notes *notes, struct stoq_error *error)
{
	struct stoq_web *opened = calloc(1, sizeof(*opened));
	int ret;

	if (opened)
		opened->path = strdup(path);
	if (!opened || !opened->path) {
		free(opened);
		return stoq_error_set(error, -ENOMEM, "no memory for the web configuration");
	}
	opened->strict = strict;
	opened->notes = *notes;
	ret = new_state(&opened->first, opened, error);
	if (ret) {
		stoq_web_close(opened);
		return ret;
	}
	*web = opened;
	return 0;
}

void stoq_web_close(struct stoq_web *web)
{
	if (!web)
		return;
	set_failed(web, NULL);
	while (web->first) {
		struct stoq_web_state *state = web->first;

		web->first = state->next;
		free_state(state);
	}
	free(web->path);
	free(web);
}

void stoq_web_hold(struct stoq_web_state *state)
{
	state->connections++;
}

void stoq_web_release(struct stoq_web_state *state)
{
	state->connections--;
}

struct stoq_web_guesses *stoq_web_guesses(struct stoq_web *web)
{
	return &web->guesses;
}

bool stoq_web_within_rate(struct stoq_web *web, const struct stoq_web_state *state, uint64_t now_ns)
{
	const struct stoq_bucket_rate rate = {
		state->config.rate_interval_ns, state->config.rate_burst};

	return !rate.interval_ns || stoq_bucket_take(&web->requests, &rate, now_ns);
}

// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/web_config.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/yaml.h"
#include "pki/certificate.h"
#include "pki/files.h"

const char *const stoq_web_header_names[STOQ_WEB_HEADERS] = {"Content-Security-Policy",
	"X-Frame-Options", "X-Content-Type-Options", "X-XSS-Protection",
	"Strict-Transport-Security"};

struct reading {
	struct stoq_web_config *config;
	const char *folder; /* that paths are relative to */
};

static int no_memory(const struct stoq_yaml_at *at)
{
	return stoq_error_set(at->error, -ENOMEM, "no memory for %.200s", at->yaml->file);
}

/* *copy: for free(); an empty value is one that is not given. */
static int take_copy(const struct stoq_yaml_at *at, const char *key, char **copy)
{
	const char *text;
	int ret = stoq_yaml_take_text(at, key, &text);

	if (ret || !text[0])
		return ret;
	*copy = strdup(text);
	return *copy ? 0 : no_memory(at);
}

/* ---- tls_server_config ---- */

static int take_path(
	const struct stoq_yaml_at *at, const char *key, struct reading *reading, char **path)
{
	const char *text;
	int ret = stoq_yaml_take_text(at, key, &text);

	if (ret || !text[0])
		return ret;
	if (asprintf(path, "%s%s%s", text[0] == '/' ? "" : reading->folder,
		    text[0] == '/' ? "" : "/", text) >= 0)
		return 0;
	*path = NULL;
	return no_memory(at);
}

static int take_cert_file(const struct stoq_yaml_at *at, void *into)
{
	struct reading *reading = into;

	return take_path(at, "cert_file", reading, &reading->config->certificate.path);
}

static int take_key_file(const struct stoq_yaml_at *at, void *into)
{
	struct reading *reading = into;

	return take_path(at, "key_file", reading, &reading->config->key.path);
}

static int take_client_ca_file(const struct stoq_yaml_at *at, void *into)
{
	struct reading *reading = into;

	return take_path(at, "client_ca_file", reading, &reading->config->client_ca.path);
}

static int take_cert(const struct stoq_yaml_at *at, void *into)
{
	return take_copy(at, "cert", &((struct reading *)into)->config->certificate.text);
}

static int take_key(const struct stoq_yaml_at *at, void *into)
{
	return take_copy(at, "key", &((struct reading *)into)->config->key.text);
}

static int take_client_ca(const struct stoq_yaml_at *at, void *into)
{
	return take_copy(at, "client_ca", &((struct reading *)into)->config->client_ca.text);
}

/* The place of the text in names, which end with a NULL; -1: it is not there. */
static int find_name(const char *const *names, const char *text)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	return -1;
}

/* The last one is an older name of the third. */
static int take_client_auth(const struct stoq_yaml_at *at, void *into)
{
	static const char *const names[] = {"NoClientCert", "RequestClientCert",
		"RequireAnyClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert",
		"RequireClientCert", NULL};
	const char *text;
	int ret = stoq_yaml_take_text(at, "client_auth_type", &text);
	int found = ret ? 0 : find_name(names, text[0] ? text : names[0]);

	if (ret)
		return ret;
	if (found < 0)
		return stoq_yaml_refuse(at,
			"client_auth_type: '%.40s' is not NoClientCert, RequestClientCert, "
			"RequireAnyClientCert, VerifyClientCertIfGiven or "
			"RequireAndVerifyClientCert",
			text);
	if (found > STOQ_WEB_REQUIRE_AND_VERIFY_CLIENT_CERT)
		found = STOQ_WEB_REQUIRE_ANY_CLIENT_CERT;
	((struct reading *)into)->config->client_auth = (enum stoq_web_client_auth)found;
	return 0;
}

static int take_version(
	const struct stoq_yaml_at *at, const char *key, enum stoq_web_tls_version *version)
{
	static const char *const names[] = {"TLS10", "TLS11", "TLS12", "TLS13", NULL};
	const char *text;
	int ret = stoq_yaml_take_text(at, key, &text);
	int found = ret ? 0 : find_name(names, text);

	if (ret)
		return ret;
	if (found < 0)
		return stoq_yaml_refuse(
			at, "%s: '%.40s' is not TLS10, TLS11, TLS12 or TLS13", key, text);
	*version = (enum stoq_web_tls_version)found;
	return 0;
}

static int take_min_version(const struct stoq_yaml_at *at, void *into)
{
	return take_version(at, "min_version", &((struct reading *)into)->config->min_version);
}

static int take_max_version(const struct stoq_yaml_at *at, void *into)
{
	return take_version(at, "max_version", &((struct reading *)into)->config->max_version);
}

static int take_san(const struct stoq_yaml_at *at, void *into)
{
	struct stoq_web_config *config = ((struct reading *)into)->config;

	if (config->client_san_count == STOQ_WEB_SANS_MAX)
		return stoq_yaml_refuse(at, "client_allowed_sans: at most %d", STOQ_WEB_SANS_MAX);
	if (!config->client_sans)
		config->client_sans = calloc(STOQ_WEB_SANS_MAX, sizeof(*config->client_sans));
	if (!config->client_sans)
		return no_memory(at);
	return take_copy(
		at, "client_allowed_sans", &config->client_sans[config->client_san_count++]);
}

static int take_sans(const struct stoq_yaml_at *at, void *into)
{
	return stoq_yaml_each_item(at, "client_allowed_sans", take_san, into);
}

static int take_preference(const struct stoq_yaml_at *at, void *into)
{
	return stoq_yaml_take_bool(at, "prefer_server_cipher_suites",
		&((struct reading *)into)->config->prefer_server_ciphers);
}

static int refuse_ciphers(const struct stoq_yaml_at *at, void *into)
{
	return stoq_yaml_refuse(at,
		"cipher_suites are names of Go's TLS, and GnuTLS is what serves here: leave the key "
		"out; `min_version: TLS13` leaves only TLS 1.3's ciphers");
}

static int refuse_curves(const struct stoq_yaml_at *at, void *into)
{
	return stoq_yaml_refuse(at,
		"curve_preferences are names of Go's TLS, and GnuTLS is what serves here: leave the "
		"key out");
}

static int take_tls(const struct stoq_yaml_at *at, void *into)
{
	static const struct stoq_yaml_key keys[] = {{"cert_file", take_cert_file},
		{"key_file", take_key_file}, {"cert", take_cert}, {"key", take_key},
		{"client_auth_type", take_client_auth}, {"client_ca_file", take_client_ca_file},
		{"client_ca", take_client_ca}, {"client_allowed_sans", take_sans},
		{"min_version", take_min_version}, {"max_version", take_max_version},
		{"prefer_server_cipher_suites", take_preference}, {"cipher_suites", refuse_ciphers},
		{"curve_preferences", refuse_curves}, {NULL, NULL}};

	((struct reading *)into)->config->tls = true;
	return stoq_yaml_take_keys(at, keys, into);
}

/* ---- the other sections ---- */

/* Exporters take only these values of some headers. */
static int check_header(const struct stoq_yaml_at *at, int header, const char *text)
{
	static const char *const values[STOQ_WEB_HEADERS][3] = {
		[1] = {"deny", "sameorigin"}, [2] = {"nosniff"}};
	const char *name = stoq_web_header_names[header];

	if (strpbrk(text, "\r\n"))
		return stoq_yaml_refuse(at, "%s: must be one line", name);
	if (!text[0] || !values[header][0] || find_name(values[header], text) >= 0)
		return 0;
	return stoq_yaml_refuse(at, "%s: '%.40s' is not %s%s%s", name, text, values[header][0],
		values[header][1] ? " or " : "", values[header][1] ? values[header][1] : "");
}

static int take_header(const struct stoq_yaml_at *at, const char *name, void *into)
{
	struct stoq_web_config *config = ((struct reading *)into)->config;

	for (int i = 0; i < STOQ_WEB_HEADERS; i++) {
		const char *text = stoq_yaml_text(at->node);

		if (strcmp(stoq_web_header_names[i], name) != 0)
			continue;
		return text && check_header(at, i, text) ? -EINVAL
							 : take_copy(at, name, &config->headers[i]);
	}
	return stoq_yaml_refuse(at, "'%.80s' is not a header that can be set here", name);
}

static int take_headers(const struct stoq_yaml_at *at, void *into)
{
	return stoq_yaml_each_pair(at, take_header, into);
}

static int take_http2(const struct stoq_yaml_at *at, void *into)
{
	bool http2;
	int ret = stoq_yaml_take_bool(at, "http2", &http2);

	if (!ret && http2)
		ret = stoq_yaml_refuse(at,
			"http2: HTTP/1.1 is what is served here: leave the key out, which means the "
			"same to other exporters, or write `http2: false`");
	return ret;
}

static int take_http(const struct stoq_yaml_at *at, void *into)
{
	static const struct stoq_yaml_key keys[] = {
		{"http2", take_http2}, {"headers", take_headers}, {NULL, NULL}};

	return stoq_yaml_take_keys(at, keys, into);
}

static int take_interval(const struct stoq_yaml_at *at, void *into)
{
	const char *text;
	int ret = stoq_yaml_take_text(at, "interval", &text);

	if (!ret &&
		stoq_parse_duration_ns(text, &((struct reading *)into)->config->rate_interval_ns))
		ret = stoq_yaml_refuse(at, "interval: '%.40s' is not a time such as 1s", text);
	return ret;
}

static int take_burst(const struct stoq_yaml_at *at, void *into)
{
	const char *text;
	int ret = stoq_yaml_take_text(at, "burst", &text);

	if (!ret &&
		stoq_parse_number(text, 1, 1000000, &((struct reading *)into)->config->rate_burst))
		ret = stoq_yaml_refuse(
			at, "burst: '%.40s' is not a number from 1 to 1000000", text);
	return ret;
}

static int take_rate(const struct stoq_yaml_at *at, void *into)
{
	static const struct stoq_yaml_key keys[] = {
		{"interval", take_interval}, {"burst", take_burst}, {NULL, NULL}};

	return stoq_yaml_take_keys(at, keys, into);
}

/* "$2y$10$" and 53 characters of bcrypt's alphabet. */
static bool is_bcrypt(const char *text)
{
	static const char alphabet[] =
		"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	return strlen(text) == STOQ_WEB_HASH && text[0] == '$' && text[1] == '2' &&
	       strchr("aby", text[2]) && text[3] == '$' && strspn(text + 4, "0123456789") == 2 &&
	       text[6] == '$' && strspn(text + 7, alphabet) == STOQ_WEB_HASH - 7;
}

static int check_hash(const struct stoq_yaml_at *at, const char *name, const char *hash)
{
	int cost;

	if (!is_bcrypt(hash))
		return stoq_yaml_refuse(at,
			"basic_auth_users, %.40s: this is not a bcrypt hash, which begins with $2y$ "
			"and has %d characters: `htpasswd -nBC 10 %.40s` makes one",
			name, STOQ_WEB_HASH, name);
	cost = (hash[4] - '0') * 10 + hash[5] - '0';
	if (cost >= 4 && cost <= STOQ_WEB_COST_MAX)
		return 0;
	return stoq_yaml_refuse(at,
		"basic_auth_users, %.40s: the hash has a cost of %d, and 4 to %d are possible: more "
		"would keep the endpoint busy with each guess. `htpasswd -nBC 10 %.40s` makes one",
		name, cost, STOQ_WEB_COST_MAX, name);
}

static int take_user(const struct stoq_yaml_at *at, const char *name, void *into)
{
	struct stoq_web_config *config = ((struct reading *)into)->config;
	struct stoq_web_user *user;
	const char *hash;
	int ret = stoq_yaml_take_text(at, name, &hash);

	if (!ret)
		ret = check_hash(at, name, hash);
	if (ret)
		return ret;
	if (!name[0] || strchr(name, ':'))
		return stoq_yaml_refuse(
			at, "basic_auth_users: a name is not empty and has no colon (RFC 7617)");
	if (config->user_count == STOQ_WEB_USERS_MAX)
		return stoq_yaml_refuse(at, "basic_auth_users: at most %d", STOQ_WEB_USERS_MAX);
	if (!config->users)
		config->users = calloc(STOQ_WEB_USERS_MAX, sizeof(*config->users));
	if (!config->users)
		return no_memory(at);
	user = &config->users[config->user_count];
	user->name = strdup(name);
	if (!user->name)
		return no_memory(at);
	memcpy(user->hash, hash, STOQ_WEB_HASH + 1);
	config->user_count++;
	return 0;
}

static int take_users(const struct stoq_yaml_at *at, void *into)
{
	return stoq_yaml_each_pair(at, take_user, into);
}

/* ---- the whole ---- */

static int check_pem(
	const struct stoq_yaml_at *at, const struct stoq_web_pem *pem, const char *key, bool needed)
{
	if (pem->path && pem->text)
		return stoq_yaml_refuse(
			at, "%s and %s_file are both given; keep one of them", key, key);
	if (needed && !pem->path && !pem->text)
		return stoq_yaml_refuse(at, "tls_server_config: %s_file is missing", key);
	return 0;
}

static int check_tls(const struct stoq_yaml_at *at, const struct stoq_web_config *config)
{
	enum stoq_web_client_auth auth = config->client_auth;
	bool verifies = auth >= STOQ_WEB_VERIFY_CLIENT_CERT_IF_GIVEN;
	int ret = check_pem(at, &config->certificate, "cert", true);

	if (!ret)
		ret = check_pem(at, &config->key, "key", true);
	if (!ret)
		ret = check_pem(at, &config->client_ca, "client_ca", verifies);
	if (ret)
		return ret;
	if (!verifies && (config->client_ca.path || config->client_ca.text))
		return stoq_yaml_refuse(at,
			"client_ca_file is given, and client_auth_type verifies no certificate: "
			"RequireAndVerifyClientCert is the one that does");
	if (config->client_san_count && auth != STOQ_WEB_REQUIRE_ANY_CLIENT_CERT &&
		auth != STOQ_WEB_REQUIRE_AND_VERIFY_CLIENT_CERT)
		return stoq_yaml_refuse(at,
			"client_allowed_sans needs `client_auth_type: RequireAndVerifyClientCert`: "
			"else a client without a certificate gets in");
	if (config->min_version > config->max_version)
		return stoq_yaml_refuse(at, "min_version is above max_version");
	return 0;
}

static int take_all(
	struct stoq_web_config *config, struct stoq_yaml *yaml, struct stoq_error *error)
{
	static const struct stoq_yaml_key keys[] = {{"tls_server_config", take_tls},
		{"http_server_config", take_http}, {"basic_auth_users", take_users},
		{"rate_limit", take_rate}, {NULL, NULL}};
	const struct stoq_yaml_at root = stoq_yaml_root(yaml, error);
	char folder[PATH_MAX];
	struct reading reading = {.config = config};
	int ret;

	snprintf(folder, sizeof(folder), "%s", yaml->file);
	reading.folder = dirname(folder);
	*config = (struct stoq_web_config){.min_version = STOQ_WEB_TLS12,
		.max_version = STOQ_WEB_TLS13,
		.prefer_server_ciphers = true,
		.rate_burst = 1};
	ret = stoq_yaml_take_keys(&root, keys, &reading);
	if (!ret && config->tls)
		ret = check_tls(&root, config);
	if (ret)
		stoq_web_config_free(config);
	return ret;
}

int stoq_web_config_read(struct stoq_web_config *config, const char *path, struct stoq_error *error)
{
	static const struct stoq_yaml_kind kind = {"a web configuration", "tls_server_config:"};
	struct stoq_yaml yaml;
	gnutls_datum_t text;
	int ret = stoq_pki_read_file(&text, path, "the web configuration", error);

	if (ret)
		return ret;
	if (text.size > STOQ_WEB_FILE_MAX)
		ret = stoq_error_set(error, -EINVAL,
			"the web configuration %.200s: more than %u KiB, which are never needed: is "
			"it the right file?",
			path, STOQ_WEB_FILE_MAX >> 10);
	else
		ret = stoq_yaml_parse(
			&yaml, &kind, path, (const char *)text.data, text.size, error);
	stoq_pki_text_free(&text);
	if (ret)
		return ret;
	ret = take_all(config, &yaml, error);
	stoq_yaml_free(&yaml);
	return ret;
}

static void free_pem(struct stoq_web_pem *pem)
{
	if (pem->text)
		explicit_bzero(pem->text, strlen(pem->text));
	free(pem->text);
	free(pem->path);
}

void stoq_web_config_free(struct stoq_web_config *config)
{
	free_pem(&config->certificate);
	free_pem(&config->key);
	free_pem(&config->client_ca);
	for (size_t i = 0; i < config->client_san_count; i++)
		free(config->client_sans[i]);
	free(config->client_sans);
	for (size_t i = 0; i < config->user_count; i++)
		free(config->users[i].name);
	free(config->users);
	for (int i = 0; i < STOQ_WEB_HEADERS; i++)
		free(config->headers[i]);
	*config = (struct stoq_web_config){0};
}

bool stoq_web_config_authenticates(const struct stoq_web_config *config)
{
	return config->user_count ||
	       (config->tls && config->client_auth == STOQ_WEB_REQUIRE_AND_VERIFY_CLIENT_CERT);
}

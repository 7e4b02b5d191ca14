// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every allocation of ours, of ngtcp2's and of GnuTLS's fails once, in turn: while transports are
 * made, and over a handshake, data, a key update, a resumed handshake and the end, of a client and
 * a server. What follows is an error that somebody is told, or nothing; no crash, no leak, and the
 * transports work on.
 */
#include <dlfcn.h>
#include <gnutls/gnutls.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/unit/transport/rig.h"
#include "transport/connection.h"
#include "transport/transport.h"

/* ---- memory that fails ---- */

enum whose { OURS /* and ngtcp2's */, GNUTLS };

static struct {
	bool armed;
	enum whose whose;
	uint64_t count;	  /* since it was armed */
	uint64_t fail_at; /* 0: never */
	int64_t blocks;	  /* of ours that are in use */
} memory;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);

static bool fails(enum whose whose)
{
	return memory.armed && memory.whose == whose && ++memory.count == memory.fail_at;
}

static void *taken(void *block)
{
	memory.blocks += block != NULL;
	return block;
}

void *__wrap_malloc(size_t size)
{
	return fails(OURS) ? NULL : taken(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails(OURS) ? NULL : taken(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
	if (fails(OURS))
		return NULL;
	return block ? __real_realloc(block, size) : taken(__real_realloc(NULL, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails(OURS) ? NULL : taken(__real_aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *text)
{
	return fails(OURS) ? NULL : taken(__real_strdup(text));
}

void __wrap_free(void *block)
{
	memory.blocks -= block != NULL;
	__real_free(block);
}

static void *gnutls_take(size_t size)
{
	return fails(GNUTLS) ? NULL : __real_malloc(size);
}

static void *gnutls_take_zeroed(size_t count, size_t size)
{
	return fails(GNUTLS) ? NULL : __real_calloc(count, size);
}

static void *gnutls_resize(void *block, size_t size)
{
	return fails(GNUTLS) ? NULL : __real_realloc(block, size);
}

static char *gnutls_copy(const char *text)
{
	return fails(GNUTLS) ? NULL : __real_strdup(text);
}

/* GnuTLS's allocations go through variables that it exports. */
static void hook_gnutls(void)
{
	gnutls_malloc = gnutls_take;
	gnutls_calloc = gnutls_take_zeroed;
	gnutls_realloc = gnutls_resize;
	gnutls_strdup = gnutls_copy;
	gnutls_free = __real_free;
}

static void arm(enum whose whose, uint64_t at)
{
	memory.whose = whose;
	memory.count = 0;
	memory.fail_at = at;
	memory.armed = true;
}

static uint64_t disarm(void)
{
	memory.armed = false;
	return memory.count;
}

/* ---- what they do ---- */

static struct {
	uint8_t bytes[65536];
	size_t size;
} session;

static void keep_session(
	struct stoq_connection *connection, const uint8_t *data, size_t size, void *user)
{
	if (size > sizeof(session.bytes))
		return;
	memcpy(session.bytes, data, size);
	session.size = size;
}

static bool connected_or_closed(struct rig *rig)
{
	return (rig->client.connected && rig->server.accepted) || rig->client.closed;
}

static bool use(struct rig *rig)
{
	static const uint8_t data[30000];
	struct stoq_connection *connection = rig->client.connection;
	struct stoq_stream *stream;

	if (!connection || !rig->client.connected ||
		stoq_stream_open(connection, STOQ_BIDIRECTIONAL, &stream))
		return false;
	(void)stoq_stream_write(stream, data, sizeof(data), STOQ_FINISH);
	(void)stoq_connection_send_datagram(connection, data, 100, NULL);
	rig_run(rig, 50 * RIG_MS);
	if (!rig->client.connection)
		return false;
	(void)stoq_connection_update_keys(connection);
	if (!stoq_stream_open(connection, STOQ_UNIDIRECTIONAL, &stream)) {
		(void)stoq_stream_write(stream, data, 100, 0);
		stoq_stream_reset(stream, 1);
	}
	rig_run(rig, 50 * RIG_MS);
	return rig->server.received >= sizeof(data) && rig->server.datagrams;
}

/* A connection from its beginning to when it is forgotten; whether all went well. */
static bool connect_once(struct rig *rig, bool resume)
{
	struct stoq_connect_config config = rig_connect_config(rig);
	struct stoq_connection *connection;
	bool good;

	rig->client.connected = rig->client.closed = rig->server.accepted = rig->server.closed = 0;
	rig->server.received = rig->server.datagrams = 0;
	rig->server.echo = true;
	rig->client.connection = rig->server.connection = NULL;
	if (resume) {
		config.session = session.bytes;
		config.session_bytes = session.size;
		config.early_data = true;
	}
	if (stoq_transport_connect(
		    rig->client.transport, 0, &config, rig->now_ns, &connection, NULL))
		return false;
	rig->client.connection = connection;
	good = rig_run_until(rig, connected_or_closed, 15 * RIG_S);
	/* A client always hears what became of it. */
	assert_true(good);
	good = use(rig);
	if (rig->client.connection)
		stoq_connection_close(rig->client.connection, 0, NULL);
	rig_run(rig, 60 * RIG_S);
	rig_assert_idle(rig);
	return good;
}

static void prepare(struct rig *rig)
{
	rig_prepare(rig, 1);
	rig->client.config.callbacks.session = keep_session;
	rig->client.config.early_data = rig->server.config.early_data = true;
	rig->client.config.max_udp_payload_bytes = rig->server.config.max_udp_payload_bytes = 1452;
	rig->client.config.idle_timeout_ns = rig->server.config.idle_timeout_ns = 10 * RIG_S;
}

static uint64_t count_of_connection(struct rig *rig, enum whose whose, bool resume)
{
	assert_true(connect_once(rig, false));
	assert_true(connect_once(rig, resume));
	arm(whose, 0);
	assert_true(connect_once(rig, resume));
	return disarm();
}

static void fail_in_turn(bool resume)
{
	unsigned int failed = 0, survived = 0;
	uint64_t total;
	struct rig rig;

	prepare(&rig);
	rig_start(&rig);
	total = count_of_connection(&rig, OURS, resume);
	assert_in_range(total, 200, 100000);
	for (uint64_t at = 1; at <= total; at++) {
		bool good;

		arm(OURS, at);
		good = connect_once(&rig, resume);
		disarm();
		survived += good;
		failed += !good;
		/* A session may be lost, or be one of a connection that failed. */
		if (!good)
			assert_true(connect_once(&rig, false));
	}
	print_message("%lu allocations: %u connections failed, %u did without\n", total, failed,
		survived);
	assert_true(failed > total / 10);
	rig_stop(&rig);
}

static void test_connections(void **state)
{
	fail_in_turn(false);
}

static void test_resumed_connections(void **state)
{
	fail_in_turn(true);
}

/* ---- transports ---- */

static int create(struct rig_side *side)
{
	struct stoq_error error = {0};
	int status;

	if (stoq_memory_open(side->rig->network, &side->address, &side->datapath))
		return -ENOMEM;
	status = stoq_transport_create_on(&side->config, &side->datapath, &side->transport, &error);
	/* Somebody has to read why. */
	if (status)
		assert_true(error.text[0]);
	return status;
}

static void test_transports(void **state)
{
	uint64_t total;
	struct rig rig;

	prepare(&rig);
	rig_start_side(&rig.server);
	rig_stop_side(&rig.server);
	arm(OURS, 0);
	assert_int_equal(create(&rig.server), 0);
	total = disarm();
	rig_stop_side(&rig.server);
	for (uint64_t at = 1; at <= total; at++) {
		int64_t before = memory.blocks;
		int status;

		arm(OURS, at);
		status = create(&rig.server);
		disarm();
		if (!status)
			rig_stop_side(&rig.server);
		rig.server.transport = NULL;
		if (memory.blocks != before)
			fail_msg("allocation %lu of %lu: %ld blocks are left", at, total,
				memory.blocks - before);
	}
	rig_stop(&rig);
}

/* ---- GnuTLS ---- */

#define FAILED	  1
#define IN_GNUTLS 77

/*
 * How the child ended, in memory that it shares with the parent. Its exit code is not enough:
 * valgrind replaces the code of a process in which it found an error, and GnuTLS's null pointers
 * are errors.
 */
static volatile int *verdict;

static _Noreturn void end_child(int status)
{
	*verdict = status;
	_exit(status);
}

/*
 * GnuTLS 3.7 itself does not survive all of that (gnutls_x509_dn_init(), for one). What counts is
 * that we do: where a child of ours crashes is looked up.
 */
static void crashed(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *where = context;
	Dl_info library;

#ifdef __x86_64__
	void *address = (void *)where->uc_mcontext.gregs[REG_RIP];
#else
	void *address = (void *)where->uc_mcontext.pc;
#endif
	if (dladdr(address, &library) && library.dli_fname &&
		(strstr(library.dli_fname, "gnutls") || strstr(library.dli_fname, "tasn1") ||
			strstr(library.dli_fname, "nettle") ||
			strstr(library.dli_fname, "hogweed") ||
			strstr(library.dli_fname, "libc.so")))
		end_child(IN_GNUTLS);
	end_child(FAILED);
}

static int child(struct rig *rig, uint64_t at, bool resume)
{
	struct sigaction action = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &action, NULL);
	arm(GNUTLS, at);
	connect_once(rig, resume);
	disarm();
	return connect_once(rig, false) ? 0 : 2;
}

static int status_of_child(struct rig *rig, uint64_t at, bool resume)
{
	int status;
	pid_t pid;

	*verdict = FAILED;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		end_child(child(rig, at, resume));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("allocation %lu: signal %d", at, WTERMSIG(status));
	return *verdict == IN_GNUTLS ? IN_GNUTLS : WEXITSTATUS(status);
}

static void test_gnutls(void **state)
{
	/* All of them take a while. */
	const uint64_t step = getenv("STOQ_TEST_LONG") ? 1 : 11;
	unsigned int lost = 0, tried = 0;
	uint64_t total;
	struct rig rig;

	prepare(&rig);
	rig_start(&rig);
	for (int resume = 0; resume <= 1; resume++) {
		total = count_of_connection(&rig, GNUTLS, resume);
		for (uint64_t at = 1; at <= total; at += step, tried++) {
			int status = status_of_child(&rig, at, resume);

			if (status && status != IN_GNUTLS)
				fail_msg(
					"allocation %lu of %lu of GnuTLS's: %d", at, total, status);
			lost += status == IN_GNUTLS;
		}
	}
	print_message("%u of %u: GnuTLS itself crashed\n", lost, tried);
	assert_true(lost < tried / 4);
	rig_stop(&rig);
}

static int setup(void **state)
{
	verdict = mmap(
		NULL, sizeof(*verdict), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	hook_gnutls();
	return verdict == MAP_FAILED ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transports),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_resumed_connections),
		cmocka_unit_test(test_gnutls),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

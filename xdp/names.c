// SPDX-License-Identifier: BSD-2-Clause
#include "xdp/names.h"

static const struct {
	const char *name, *text;
} verdicts[STOQ_XDP_VERDICTS] = {
	[STOQ_XDP_PASS_OTHER] = {"pass_other", "not for the transport"},
	[STOQ_XDP_PASS_FRAGMENT] = {"pass_fragment", "IP fragments of UDP"},
	[STOQ_XDP_PASS_ESTABLISHED] = {"pass_established", "known connection"},
	[STOQ_XDP_PASS_HANDSHAKE] = {"pass_handshake", "handshake of a known connection"},
	[STOQ_XDP_PASS_INITIAL] = {"pass_initial", "new connection"},
	[STOQ_XDP_PASS_VERSION] = {"pass_version", "version to be negotiated"},
	[STOQ_XDP_PASS_UNPROVEN] = {"pass_unproven", "unknown connection, within the limit"},
	[STOQ_XDP_DROP_LENGTH] = {"drop_length", "IP and UDP lengths do not fit"},
	[STOQ_XDP_DROP_QUIC] = {"drop_quic", "not well-formed QUIC"},
	[STOQ_XDP_DROP_SMALL] = {"drop_small", "Initial in less than 1200 bytes"},
	[STOQ_XDP_DROP_DENIED] = {"drop_denied", "denied prefix"},
	[STOQ_XDP_DROP_NOT_ALLOWED] = {"drop_not_allowed", "not in an allowed prefix"},
	[STOQ_XDP_DROP_SOURCE_RATE] = {"drop_source_rate", "too many handshakes from one source"},
	[STOQ_XDP_DROP_TOTAL_RATE] = {"drop_total_rate", "too many handshakes altogether"},
	[STOQ_XDP_DROP_UNPROVEN] = {"drop_unproven", "unknown connection, beyond the limit"},
	[STOQ_XDP_DROP_CLOSED] = {"drop_closed", "closed connection"},
};

static const char *const states[STOQ_XDP_STATES] = {
	[STOQ_XDP_HANDSHAKING] = "handshaking",
	[STOQ_XDP_ESTABLISHED] = "established",
	[STOQ_XDP_CLOSING] = "closing",
	[STOQ_XDP_CLOSED] = "closed",
};

const char *stoq_xdp_verdict_name(enum stoq_xdp_verdict verdict)
{
	return verdict < STOQ_XDP_VERDICTS ? verdicts[verdict].name : "?";
}

const char *stoq_xdp_verdict_text(enum stoq_xdp_verdict verdict)
{
	return verdict < STOQ_XDP_VERDICTS ? verdicts[verdict].text : "?";
}

const char *stoq_xdp_state_name(enum stoq_xdp_state state)
{
	return state < STOQ_XDP_STATES ? states[state] : "?";
}

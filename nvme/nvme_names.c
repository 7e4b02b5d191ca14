// SPDX-License-Identifier: BSD-2-Clause
#include "nvme/nvme_names.h"

#include "nvme/nvme_tcp.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A run of codes that begins at first; a NULL is a reserved code. */
struct name_table {
	const char *const *names;
	uint16_t count;
	uint8_t first;
};
#define NAME_TABLE(array, begin)                                                                   \
	{                                                                                          \
		.names = (array), .count = sizeof(array) / sizeof((array)[0]), .first = (begin)    \
	}

static const char *const admin_opcodes[] = {
	[0x00] = "Delete I/O Submission Queue",
	[0x01] = "Create I/O Submission Queue",
	[NVME_ADMIN_GET_LOG_PAGE] = "Get Log Page",
	[0x04] = "Delete I/O Completion Queue",
	[0x05] = "Create I/O Completion Queue",
	[NVME_ADMIN_IDENTIFY] = "Identify",
	[NVME_ADMIN_ABORT] = "Abort",
	[NVME_ADMIN_SET_FEATURES] = "Set Features",
	[NVME_ADMIN_GET_FEATURES] = "Get Features",
	[NVME_ADMIN_ASYNC_EVENT_REQUEST] = "Asynchronous Event Request",
	[NVME_ADMIN_NAMESPACE_MANAGEMENT] = "Namespace Management",
	[NVME_ADMIN_FIRMWARE_COMMIT] = "Firmware Commit",
	[NVME_ADMIN_FIRMWARE_DOWNLOAD] = "Firmware Image Download",
	[0x14] = "Device Self-test",
	[NVME_ADMIN_NAMESPACE_ATTACHMENT] = "Namespace Attachment",
	[NVME_ADMIN_KEEP_ALIVE] = "Keep Alive",
	[0x19] = "Directive Send",
	[0x1a] = "Directive Receive",
	[0x1c] = "Virtualization Management",
	[0x1d] = "NVMe-MI Send",
	[0x1e] = "NVMe-MI Receive",
	[0x20] = "Capacity Management",
	[0x21] = "Discovery Information Management",
	[0x22] = "Fabric Zoning Receive",
	[0x24] = "Lockdown",
	[0x25] = "Fabric Zoning Lookup",
	[0x29] = "Fabric Zoning Send",
	[0x7c] = "Doorbell Buffer Config",
	[NVME_ADMIN_FORMAT_NVM] = "Format NVM",
	[NVME_ADMIN_SECURITY_SEND] = "Security Send",
	[NVME_ADMIN_SECURITY_RECEIVE] = "Security Receive",
	[NVME_ADMIN_SANITIZE] = "Sanitize",
	[0x86] = "Get LBA Status",
};

/* The NVM Command Set and, in codes that it leaves free, the Zoned Namespace Command Set. */
static const char *const io_opcodes[] = {
	[NVME_NVM_FLUSH] = "Flush",
	[NVME_NVM_WRITE] = "Write",
	[NVME_NVM_READ] = "Read",
	[NVME_NVM_WRITE_UNCORRECTABLE] = "Write Uncorrectable",
	[NVME_NVM_COMPARE] = "Compare",
	[NVME_NVM_WRITE_ZEROES] = "Write Zeroes",
	[NVME_NVM_DATASET_MANAGEMENT] = "Dataset Management",
	[NVME_NVM_VERIFY] = "Verify",
	[NVME_NVM_RESERVATION_REGISTER] = "Reservation Register",
	[NVME_NVM_RESERVATION_REPORT] = "Reservation Report",
	[NVME_NVM_RESERVATION_ACQUIRE] = "Reservation Acquire",
	[0x12] = "I/O Management Receive",
	[NVME_NVM_RESERVATION_RELEASE] = "Reservation Release",
	[0x18] = "Cancel",
	[NVME_NVM_COPY] = "Copy",
	[0x1d] = "I/O Management Send",
	[0x79] = "Zone Management Send",
	[0x7a] = "Zone Management Receive",
	[0x7d] = "Zone Append",
};

static const char *const fabrics_types[] = {
	[NVME_FABRICS_PROPERTY_SET] = "Property Set",
	[NVME_FABRICS_CONNECT] = "Connect",
	[NVME_FABRICS_PROPERTY_GET] = "Property Get",
	[NVME_FABRICS_AUTH_SEND] = "Authentication Send",
	[NVME_FABRICS_AUTH_RECEIVE] = "Authentication Receive",
	[NVME_FABRICS_DISCONNECT] = "Disconnect",
};

static const char *const generic_statuses[] = {
	[0x00] = "Successful Completion",
	[0x01] = "Invalid Command Opcode",
	[0x02] = "Invalid Field in Command",
	[0x03] = "Command ID Conflict",
	[0x04] = "Data Transfer Error",
	[0x05] = "Commands Aborted due to Power Loss Notification",
	[0x06] = "Internal Error",
	[0x07] = "Command Abort Requested",
	[0x08] = "Command Aborted due to SQ Deletion",
	[0x09] = "Command Aborted due to Failed Fused Command",
	[0x0a] = "Command Aborted due to Missing Fused Command",
	[0x0b] = "Invalid Namespace or Format",
	[0x0c] = "Command Sequence Error",
	[0x0d] = "Invalid SGL Segment Descriptor",
	[0x0e] = "Invalid Number of SGL Descriptors",
	[0x0f] = "Data SGL Length Invalid",
	[0x10] = "Metadata SGL Length Invalid",
	[0x11] = "SGL Descriptor Type Invalid",
	[0x12] = "Invalid Use of Controller Memory Buffer",
	[0x13] = "PRP Offset Invalid",
	[0x14] = "Atomic Write Unit Exceeded",
	[0x15] = "Operation Denied",
	[0x16] = "SGL Offset Invalid",
	[0x18] = "Host Identifier Inconsistent Format",
	[0x19] = "Keep Alive Timer Expired",
	[0x1a] = "Keep Alive Timeout Invalid",
	[0x1b] = "Command Aborted due to Preempt and Abort",
	[0x1c] = "Sanitize Failed",
	[0x1d] = "Sanitize In Progress",
	[0x1e] = "SGL Data Block Granularity Invalid",
	[0x1f] = "Command Not Supported for Queue in CMB",
	[0x20] = "Namespace is Write Protected",
	[0x21] = "Command Interrupted",
	[0x22] = "Transient Transport Error",
	[0x23] = "Command Prohibited by Command and Feature Lockdown",
	[0x24] = "Admin Command Media Not Ready",
	[0x25] = "Invalid Key Tag",
	[0x26] = "Host Dispersed Namespace Support Not Enabled",
	[0x27] = "Host Identifier Not Initialized",
	[0x28] = "Incorrect Key",
	[0x29] = "FDP Disabled",
	[0x2a] = "Invalid Placement Handle List",
};

/* Generic too, but defined by the I/O command sets: 80h and up. */
static const char *const generic_io_statuses[] = {
	"LBA Out of Range",
	"Capacity Exceeded",
	"Namespace Not Ready",
	"Reservation Conflict",
	"Format In Progress",
	"Invalid Value Size",
	"Invalid Key Size",
	"KV Key Does Not Exist",
	"Unrecovered Error",
	"Key Exists",
};

/* Command specific, below 80h: the same for every command. */
static const char *const specific_statuses[] = {
	[0x00] = "Completion Queue Invalid",
	[0x01] = "Invalid Queue Identifier",
	[0x02] = "Invalid Queue Size",
	[0x03] = "Abort Command Limit Exceeded",
	[0x05] = "Asynchronous Event Request Limit Exceeded",
	[0x06] = "Invalid Firmware Slot",
	[0x07] = "Invalid Firmware Image",
	[0x08] = "Invalid Interrupt Vector",
	[0x09] = "Invalid Log Page",
	[0x0a] = "Invalid Format",
	[0x0b] = "Firmware Activation Requires Conventional Reset",
	[0x0c] = "Invalid Queue Deletion",
	[0x0d] = "Feature Identifier Not Saveable",
	[0x0e] = "Feature Not Changeable",
	[0x0f] = "Feature Not Namespace Specific",
	[0x10] = "Firmware Activation Requires NVM Subsystem Reset",
	[0x11] = "Firmware Activation Requires Controller Level Reset",
	[0x12] = "Firmware Activation Requires Maximum Time Violation",
	[0x13] = "Firmware Activation Prohibited",
	[0x14] = "Overlapping Range",
	[0x15] = "Namespace Insufficient Capacity",
	[0x16] = "Namespace Identifier Unavailable",
	[0x18] = "Namespace Already Attached",
	[0x19] = "Namespace Is Private",
	[0x1a] = "Namespace Not Attached",
	[0x1b] = "Thin Provisioning Not Supported",
	[0x1c] = "Controller List Invalid",
	[0x1d] = "Device Self-test In Progress",
	[0x1e] = "Boot Partition Write Prohibited",
	[0x1f] = "Invalid Controller Identifier",
	[0x20] = "Invalid Secondary Controller State",
	[0x21] = "Invalid Number of Controller Resources",
	[0x22] = "Invalid Resource Identifier",
	[0x23] = "Sanitize Prohibited While Persistent Memory Region is Enabled",
	[0x24] = "ANA Group Identifier Invalid",
	[0x25] = "ANA Attach Failed",
	[0x26] = "Insufficient Capacity",
	[0x27] = "Namespace Attachment Limit Exceeded",
	[0x28] = "Prohibition of Command Execution Not Supported",
	[0x29] = "I/O Command Set Not Supported",
	[0x2a] = "I/O Command Set Not Enabled",
	[0x2b] = "I/O Command Set Combination Rejected",
	[0x2c] = "Invalid I/O Command Set",
	[0x2d] = "Identifier Unavailable",
	[0x2e] = "Namespace Is Dispersed",
	[0x2f] = "Invalid Discovery Information",
	[0x30] = "Zoning Data Structure Locked",
	[0x31] = "Zoning Data Structure Not Found",
	[0x32] = "Insufficient Discovery Resources",
	[0x33] = "Requested Function Disabled",
	[0x34] = "ZoneGroup Originator Invalid",
	[0x35] = "Invalid Host",
	[0x36] = "Invalid NVM Subsystem",
	[0x37] = "Invalid Controller Data Queue",
	[0x38] = "Not Enough Resources",
	[0x39] = "Controller Suspended",
	[0x3a] = "Controller Not Suspended",
	[0x3b] = "Controller Data Queue Full",
	[0x7f] = "Stream Resource Allocation Failed",
};

/* Command specific, 80h and up, I/O commands. */
static const char *const specific_io_statuses[] = {
	[0x00] = "Conflicting Attributes",
	[0x01] = "Invalid Protection Information",
	[0x02] = "Attempted Write to Read Only Range",
	[0x03] = "Command Size Limit Exceeded",
	[0x04] = "Invalid Command ID",
	[0x05] = "Incompatible Namespace or Format",
	[0x06] = "Fast Copy Not Possible",
	[0x07] = "Overlapping I/O Range",
	[0x08] = "Namespace Not Reachable",
	[0x09] = "Insufficient Resources",
	[0x11] = "Authentication Required", /* of the Fabrics, but any command may meet it */
	[0x38] = "Zoned Boundary Error",
	[0x39] = "Zone Is Full",
	[0x3a] = "Zone Is Read Only",
	[0x3b] = "Zone Is Offline",
	[0x3c] = "Zone Invalid Write",
	[0x3d] = "Too Many Active Zones",
	[0x3e] = "Too Many Open Zones",
	[0x3f] = "Invalid Zone State Transition",
};

/* Command specific, 80h and up, Admin commands: Format NVM, Get Log Page, any. */
static const char *const specific_admin_statuses[] = {
	[0x02] = "Attempted Write to Read Only Range",
	[0x10] = "Discover Restart",
	[0x11] = "Authentication Required",
};

/* Command specific, 80h and up, Fabrics commands. */
static const char *const specific_fabrics_statuses[] = {
	[0x00] = "Incompatible Format",
	[0x01] = "Controller Busy",
	[0x02] = "Connect Invalid Parameters",
	[0x03] = "Connect Restart Discovery",
	[0x04] = "Connect Invalid Host",
	[0x05] = "Invalid Queue Type",
	[0x11] = "Authentication Required",
};

static const char *const media_statuses[] = {
	"Write Fault",
	"Unrecovered Read Error",
	"End-to-end Guard Check Error",
	"End-to-end Application Tag Check Error",
	"End-to-end Reference Tag Check Error",
	"Compare Failure",
	"Access Denied",
	"Deallocated or Unwritten Logical Block",
	"End-to-End Storage Tag Check Error",
};

static const char *const path_statuses[] = {
	[0x00] = "Internal Path Error",
	[0x01] = "Asymmetric Access Persistent Loss",
	[0x02] = "Asymmetric Access Inaccessible",
	[0x03] = "Asymmetric Access Transition",
	[0x60] = "Controller Pathing Error",
	[0x70] = "Host Pathing Error",
	[0x71] = "Command Aborted By Host",
};

static const char *const pdu_types[NVME_TCP_PDU_TYPES] = {
	[NVME_TCP_ICREQ] = "ICReq",
	[NVME_TCP_ICRESP] = "ICResp",
	[NVME_TCP_H2C_TERM] = "H2CTermReq",
	[NVME_TCP_C2H_TERM] = "C2HTermReq",
	[NVME_TCP_CAPSULE_CMD] = "CapsuleCmd",
	[NVME_TCP_CAPSULE_RESP] = "CapsuleResp",
	[NVME_TCP_H2C_DATA] = "H2CData",
	[NVME_TCP_C2H_DATA] = "C2HData",
	[NVME_TCP_R2T] = "R2T",
};

static const struct name_table opcode_tables[] = {
	[NVME_QUEUE_ADMIN] = NAME_TABLE(admin_opcodes, 0),
	[NVME_QUEUE_IO] = NAME_TABLE(io_opcodes, 0),
};
static const struct name_table fabrics_table = NAME_TABLE(fabrics_types, 0);

enum nvme_status_code_type {
	NVME_SCT_GENERIC = 0,
	NVME_SCT_SPECIFIC = 1,
	NVME_SCT_MEDIA = 2,
	NVME_SCT_PATH = 3,
	NVME_SCT_NAMED = 4, /* the types from here on have no names of their own */
};

/* By status code type, and within it: codes below 80h, codes from 80h on. */
static const struct name_table status_tables[NVME_SCT_NAMED][2] = {
	[NVME_SCT_GENERIC] = {NAME_TABLE(generic_statuses, 0),
		NAME_TABLE(generic_io_statuses, 0x80)},
	[NVME_SCT_SPECIFIC] = {NAME_TABLE(specific_statuses, 0),
		NAME_TABLE(specific_io_statuses, 0x80)},
	[NVME_SCT_MEDIA] = {{.first = 0}, NAME_TABLE(media_statuses, 0x80)},
	[NVME_SCT_PATH] = {NAME_TABLE(path_statuses, 0), {.first = 0x80}},
};
static const struct name_table specific_admin_table = NAME_TABLE(specific_admin_statuses, 0x80);
static const struct name_table specific_fabrics_table = NAME_TABLE(specific_fabrics_statuses, 0x80);

static const char *table_name(const struct name_table *table, uint8_t code)
{
	if (code < table->first || code - table->first >= table->count)
		return NULL;
	return table->names[code - table->first];
}

static const struct name_table *status_table(
	enum nvme_queue_kind kind, uint8_t opcode, uint8_t sct, uint8_t sc)
{
	if (sct >= NVME_SCT_NAMED)
		return NULL;
	if (sct == NVME_SCT_SPECIFIC && opcode == NVME_OPCODE_FABRICS && sc >= 0x80)
		return &specific_fabrics_table;
	if (sct == NVME_SCT_SPECIFIC && kind == NVME_QUEUE_ADMIN && sc >= 0x80)
		return &specific_admin_table;
	return &status_tables[sct][sc >= 0x80];
}

static const char *status_table_name(
	enum nvme_queue_kind kind, uint8_t opcode, uint8_t sct, uint8_t sc)
{
	const struct name_table *table = status_table(kind, opcode, sct, sc);

	return table ? table_name(table, sc) : NULL;
}

const char *nvme_opcode_name(enum nvme_queue_kind kind, uint8_t opcode, uint8_t fctype,
	char buffer[static NVME_NAME_LENGTH])
{
	bool fabrics = opcode == NVME_OPCODE_FABRICS;
	const struct name_table *table =
		fabrics ? &fabrics_table : &opcode_tables[kind == NVME_QUEUE_IO];
	uint8_t code = fabrics ? fctype : opcode;
	const char *name = table_name(table, code);

	if (name)
		return name;
	snprintf(buffer, NVME_NAME_LENGTH, "%s 0x%02x", fabrics ? "fctype" : "opcode", code);
	return buffer;
}

const char *nvme_status_name(enum nvme_queue_kind kind, uint8_t opcode, uint16_t status,
	char buffer[static NVME_NAME_LENGTH])
{
	uint8_t sct = status >> 8, sc = status & 0xff;
	const char *name = status_table_name(kind, opcode, sct, sc);

	if (name)
		return name;
	snprintf(buffer, NVME_NAME_LENGTH, "status 0x%x/0x%02x", sct, sc);
	return buffer;
}

const char *nvme_tcp_pdu_name(uint8_t type)
{
	const char *name = type < NVME_TCP_PDU_TYPES ? pdu_types[type] : NULL;

	return name ? name : "unknown";
}

static int fold(char c)
{
	return c == '-' || c == '_' ? ' ' : tolower((unsigned char)c);
}

static bool same_name(const char *a, const char *b)
{
	while (*a && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

static bool table_find(const struct name_table *table, const char *name, uint8_t *code)
{
	for (uint16_t i = 0; i < table->count; i++) {
		if (table->names[i] && same_name(table->names[i], name)) {
			*code = table->first + i;
			return true;
		}
	}
	return false;
}

int nvme_opcode_from_name(
	enum nvme_queue_kind kind, const char *name, uint8_t *opcode, uint8_t *fctype)
{
	if (table_find(&opcode_tables[kind == NVME_QUEUE_IO], name, opcode)) {
		*fctype = 0;
		return 0;
	}
	if (table_find(&fabrics_table, name, fctype)) {
		*opcode = NVME_OPCODE_FABRICS;
		return 0;
	}
	return -ENOENT;
}

int nvme_status_from_name(
	enum nvme_queue_kind kind, uint8_t opcode, const char *name, uint16_t *status)
{
	/* Every code is asked for its name, so that both directions follow the same rules. */
	for (unsigned int code = 0; code < NVME_SCT_NAMED << 8; code++) {
		const char *candidate = status_table_name(kind, opcode, code >> 8, code & 0xff);

		if (candidate && same_name(candidate, name)) {
			*status = (uint16_t)code;
			return 0;
		}
	}
	return -ENOENT;
}

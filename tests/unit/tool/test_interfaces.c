// SPDX-License-Identifier: BSD-2-Clause
#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tool/interfaces.h"

static bool watched(unsigned int flags, unsigned short hatype, const char *driver)
{
	struct tool_interface interface = {.name = "x", .flags = flags, .hatype = hatype};

	strncpy(interface.driver, driver, sizeof(interface.driver) - 1);
	return tool_interface_is_watched(&interface);
}

static void test_which_are_watched(void **state)
{
	assert_true(watched(IFF_UP | IFF_LOOPBACK, ARPHRD_LOOPBACK, ""));
	assert_true(watched(IFF_UP, ARPHRD_ETHER, "mlx5_core"));
	assert_true(watched(IFF_UP, ARPHRD_ETHER, "veth"));
	assert_true(watched(IFF_UP, ARPHRD_ETHER, ""));
	assert_false(watched(0, ARPHRD_ETHER, "mlx5_core"));
	assert_false(watched(0, ARPHRD_LOOPBACK, ""));
	assert_false(watched(IFF_UP, ARPHRD_NONE, "tun"));
	assert_false(watched(IFF_UP, ARPHRD_ETHER, "bridge"));
	assert_false(watched(IFF_UP, ARPHRD_ETHER, "bonding"));
	assert_false(watched(IFF_UP, ARPHRD_ETHER, "802.1Q VLAN Support"));
}

static void test_loopback_is_listed(void **state)
{
	struct tool_interface *list = NULL;
	struct stoq_error error;
	size_t count = 0, found = 0;

	assert_int_equal(tool_interfaces_list(&list, &count, &error), 0);
	for (size_t i = 0; i < count; i++)
		found += strcmp(list[i].name, "lo") == 0 && list[i].hatype == ARPHRD_LOOPBACK;
	assert_int_equal(found, 1);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_are_watched),
		cmocka_unit_test(test_loopback_is_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

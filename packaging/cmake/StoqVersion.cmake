# SPDX-License-Identifier: BSD-2-Clause
# STOQ_VERSION, as include/stoq/version.h has it.
set(STOQ_VERSION)
foreach(part MAJOR MINOR PATCH)
	file(STRINGS include/stoq/version.h line REGEX "^#define STOQ_VERSION_${part} ")
	string(REGEX REPLACE ".* " "" number "${line}")
	list(APPEND STOQ_VERSION ${number})
endforeach()
list(JOIN STOQ_VERSION . STOQ_VERSION)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS include/stoq/version.h)

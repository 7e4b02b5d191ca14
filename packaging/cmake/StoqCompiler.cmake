# SPDX-License-Identifier: BSD-2-Clause
# Warnings (always errors), hardening and sanitizers, and the two functions that
# every component's CMakeLists.txt uses: stoq_component and stoq_unit_test.

add_compile_options(
	-Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes
	-Wold-style-definition -Wundef -Wwrite-strings -Wformat=2 -Wimplicit-fallthrough
	-Wno-unused-parameter -fno-common -fstack-protector-strong)
add_compile_definitions(_GNU_SOURCE)
include_directories(${PROJECT_SOURCE_DIR})

if(STOQ_SANITIZE)
	add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
	add_link_options(-fsanitize=address,undefined)
else()
	add_compile_definitions($<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
if(STOQ_FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# stoq_component(NAME SOURCES... [USES libraries...]): the static library stoq_NAME.
function(stoq_component name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES")
	add_library(stoq_${name} STATIC ${arg_SOURCES})
	target_link_libraries(stoq_${name} PUBLIC ${arg_USES})
endfunction()

# stoq_unit_test(NAME SOURCES... [USES libraries...]): a cmocka program, run by ctest
# under the label "unit".
function(stoq_unit_test name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES")
	add_executable(test_${name} ${arg_SOURCES})
	target_link_libraries(test_${name} PRIVATE ${arg_USES} cmocka)
	add_test(NAME unit/${name} COMMAND test_${name})
	set_tests_properties(unit/${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

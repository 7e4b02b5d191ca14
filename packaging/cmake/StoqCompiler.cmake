# SPDX-License-Identifier: BSD-2-Clause
# Warnings (errors with STOQ_WERROR: other releases' compilers and headers have warnings of their own), hardening and sanitizers, and the functions that
# every component's CMakeLists.txt uses: stoq_component, stoq_unit_test and stoq_test.

add_compile_options(
	-Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes
	-Wold-style-definition -Wundef -Wwrite-strings -Wformat=2 -Wimplicit-fallthrough
	-Wno-unused-parameter -fno-common -fstack-protector-strong)
if(STOQ_WERROR)
	add_compile_options(-Werror)
endif()
add_compile_definitions(_GNU_SOURCE)
include_directories(${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)

if(STOQ_SANITIZE)
	add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
	add_link_options(-fsanitize=address,undefined)
else()
	# Packages' builds set a level of their own.
	if(NOT CMAKE_C_FLAGS MATCHES "_FORTIFY_SOURCE")
		add_compile_definitions($<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
	endif()
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

# stoq_test(LABEL NAME COMMAND... [TIMEOUT seconds]): run by ctest as LABEL/NAME, under that
# label (see tests/run). A test that cannot run here says why in its last line and exits with 77.
# Tests of the label "unit" or "library" run beside any other. All others change this machine (interfaces,
# bpffs, /run), so that one of them runs at a time; guests are machines of their own, one at a time, too.
function(stoq_test label name)
	cmake_parse_arguments(PARSE_ARGV 2 arg "" "TIMEOUT" "COMMAND")
	if(NOT arg_TIMEOUT)
		set(arg_TIMEOUT 120)
	endif()
	if(CMAKE_CROSSCOMPILING) # emulated
		math(EXPR arg_TIMEOUT "10 * ${arg_TIMEOUT}")
	endif()
	add_test(NAME ${label}/${name} COMMAND ${arg_COMMAND})
	set_tests_properties(${label}/${name} PROPERTIES
		LABELS ${label} TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77)
	if(label STREQUAL lab OR label STREQUAL kernels)
		set_tests_properties(${label}/${name} PROPERTIES RESOURCE_LOCK guest)
	elseif(NOT label STREQUAL unit AND NOT label STREQUAL library)
		set_tests_properties(${label}/${name} PROPERTIES RESOURCE_LOCK machine)
	endif()
endfunction()

# stoq_unit_test(NAME SOURCES... [USES libraries...]): a cmocka program, run by ctest
# under the label "unit".
function(stoq_unit_test name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES")
	add_executable(test_${name} ${arg_SOURCES})
	target_link_libraries(test_${name} PRIVATE ${arg_USES} cmocka)
	stoq_test(unit ${name} COMMAND test_${name})
endfunction()

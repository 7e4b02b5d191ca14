# SPDX-License-Identifier: BSD-2-Clause
# stoq_bpf_skeleton(TARGET SOURCE): compiles SOURCE (x.bpf.c) for BPF and makes x.skel.h, which everything that links
# the interface library TARGET can include. The compiler notes the headers that it depends on.

find_program(STOQ_CLANG clang REQUIRED)
# Ubuntu's bpftool is a script that looks for the one of the running kernel, which no container has; the program
# itself lies beside, and making skeletons needs no particular kernel.
file(GLOB bpftool_folders /usr/lib/linux-tools/* /usr/lib/linux-tools-*)
function(stoq_bpftool_works result program)
	execute_process(COMMAND ${program} version OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE code)
	if(NOT code EQUAL 0)
		set(${result} FALSE PARENT_SCOPE)
	endif()
endfunction()
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.25)
	find_program(STOQ_BPFTOOL bpftool REQUIRED PATHS /usr/sbin /sbin ${bpftool_folders}
		VALIDATOR stoq_bpftool_works)
else()
	find_program(STOQ_BPFTOOL bpftool REQUIRED PATHS ${bpftool_folders} /usr/sbin /sbin)
endif()

function(stoq_bpf_skeleton target source)
	get_filename_component(name ${source} NAME_WE)
	set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
	set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)
	set(machine)
	if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
		set(machine -DSTOQ_STORES_IN_ORDER)
	endif()
	# The object has its sources' lines and names for the verifier's messages: names below the source folder's, so that it is the
	# same wherever it is built. clang reads the lines by these names, so it works in that folder.
	# asm/types.h lies in the multiarch folder, which clang does not search for -target bpf.
	add_custom_command(OUTPUT ${object}
		COMMAND ${STOQ_CLANG} -std=gnu11 -target bpf -mcpu=v3 -O2 -g -Wall -Wextra $<$<BOOL:${STOQ_WERROR}>:-Werror>
			-Wno-unused-parameter ${machine} -I${PROJECT_SOURCE_DIR}
			-ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -fdebug-compilation-dir=.
			-idirafter /usr/include/${CMAKE_C_LIBRARY_ARCHITECTURE}
			-MD -MF ${object}.d -MT ${object}
			-c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
		WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
		DEPENDS ${source} DEPFILE ${object}.d VERBATIM COMMAND_EXPAND_LISTS)
	add_custom_command(OUTPUT ${skeleton}
		COMMAND sh -c "{ echo // NOLINTBEGIN && ${STOQ_BPFTOOL} gen skeleton ${object} name ${name}_bpf && echo // NOLINTEND; } >${skeleton}"
		DEPENDS ${object} VERBATIM)
	add_custom_target(${target}_generate DEPENDS ${skeleton})
	add_library(${target} INTERFACE)
	add_dependencies(${target} ${target}_generate)
	target_include_directories(${target} SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
	target_link_libraries(${target} INTERFACE PkgConfig::BPF)
endfunction()

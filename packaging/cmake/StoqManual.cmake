# SPDX-License-Identifier: BSD-2-Clause
# stoq_manual(TARGET PAGE...): each PAGE (NAME.SECTION.scd, scdoc's format) is the only
# source of a command's documentation. It becomes the man page, which is installed, and
# NAME.help.h, a C string literal with its SYNOPSIS and OPTIONS, which --help prints.

find_program(STOQ_SCDOC scdoc REQUIRED)

function(stoq_manual target)
	set(outputs)
	foreach(page ${ARGN})
		get_filename_component(base ${page} NAME_WLE)
		string(REGEX REPLACE "^(.*)\\.([0-9])$" "\\1;\\2" parts ${base})
		list(GET parts 0 name)
		list(GET parts 1 section)
		set(manual ${CMAKE_CURRENT_BINARY_DIR}/${base})
		set(help ${CMAKE_CURRENT_BINARY_DIR}/${name}.help.h)
		add_custom_command(OUTPUT ${manual} ${help}
			COMMAND sh -c "${STOQ_SCDOC} <${CMAKE_CURRENT_SOURCE_DIR}/${page} >${manual}"
			COMMAND sh -c "awk -f ${PROJECT_SOURCE_DIR}/packaging/cmake/help.awk ${CMAKE_CURRENT_SOURCE_DIR}/${page} >${help}"
			DEPENDS ${page} ${PROJECT_SOURCE_DIR}/packaging/cmake/help.awk VERBATIM)
		list(APPEND outputs ${manual} ${help})
		install(FILES ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
	endforeach()
	add_custom_target(${target}_generate ALL DEPENDS ${outputs})
	add_library(${target} INTERFACE)
	add_dependencies(${target} ${target}_generate)
	target_include_directories(${target} INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()

# stoq_manual_of_document(TARGET NAME SECTION SUMMARY DOCUMENT): one more page of TARGET, NAME(SECTION), which is made from
# one of the documents, so that there is one text.
function(stoq_manual_of_document target name section summary document)
	set(manual ${CMAKE_CURRENT_BINARY_DIR}/${name}.${section})
	set(source ${manual}.scd)
	add_custom_command(OUTPUT ${manual}
		COMMAND sh -c "awk -v name=${name} -v section=${section} -v summary='${summary}' -f ${PROJECT_SOURCE_DIR}/packaging/cmake/document.awk ${PROJECT_SOURCE_DIR}/${document} >${source}"
		COMMAND sh -c "${STOQ_SCDOC} <${source} >${manual}"
		DEPENDS ${PROJECT_SOURCE_DIR}/${document} ${PROJECT_SOURCE_DIR}/packaging/cmake/document.awk VERBATIM)
	add_custom_target(${name}_generate ALL DEPENDS ${manual})
	add_dependencies(${target}_generate ${name}_generate)
	install(FILES ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()

# SPDX-License-Identifier: BSD-2-Clause
# What is read rather than run: README, documents, examples, licences. In the folder's tree they lie as here, so
# that what they call each other is right there, too.
foreach(file README.md SECURITY.md)
	install(FILES ${PROJECT_SOURCE_DIR}/${file} DESTINATION ${CMAKE_INSTALL_DOCDIR})
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/doc ${PROJECT_SOURCE_DIR}/LICENSES
	DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples DESTINATION ${CMAKE_INSTALL_DOCDIR}
	PATTERN CMakeLists.txt EXCLUDE)

# SPDX-License-Identifier: Apache-2.0
# embed_text(NAME HEADER FILE...): text files become one C string, NAME, in NAME.c of the binary
# folder; HEADER (FOLDER/FILE.h) declares it.
set(EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed.cmake)

function(embed_text name header)
	set(inputs)
	foreach(file IN LISTS ARGN)
		get_filename_component(file ${file} ABSOLUTE)
		list(APPEND inputs ${file})
	endforeach()
	list(JOIN inputs "|" input)
	set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
	add_custom_command(
		OUTPUT ${output}
		COMMAND ${CMAKE_COMMAND} -DINPUT=${input} -DOUTPUT=${output} -DNAME=${name}
			-DHEADER=${header} -P ${EMBED_SCRIPT}
		DEPENDS ${inputs} ${EMBED_SCRIPT}
		COMMENT "Embedding ${name}"
		VERBATIM)
endfunction()

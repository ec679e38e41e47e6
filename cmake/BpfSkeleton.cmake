# SPDX-License-Identifier: Apache-2.0
# add_bpf_skeleton(TARGET SOURCE): compiles SOURCE (NAME.bpf.c) for BPF and embeds it in the header
# NAME.skel.h, as struct NAME_bpf. What links TARGET can include it, and gets libbpf. The compiler
# reports which headers it read: a changed one rebuilds object, skeleton and whoever includes it.
find_program(BPF_CLANG NAMES clang REQUIRED DOC "Compiles for --target=bpf")
find_program(BPF_STRIP NAMES llvm-strip REQUIRED DOC "Removes DWARF, keeps BTF")
# Debian has it in /usr/sbin, which is not in every user's PATH.
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /usr/local/sbin REQUIRED)

function(add_bpf_skeleton target source)
	if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
		set(arch x86)
	elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
		set(arch arm64)
	else()
		message(FATAL_ERROR "eprof does not know the processor ${CMAKE_SYSTEM_PROCESSOR}")
	endif()
	get_filename_component(name ${source} NAME)
	string(REGEX REPLACE "\\.bpf\\.c$" "" name ${name})
	get_filename_component(source ${source} ABSOLUTE)
	set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
	set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)
	set(warnings -Wall -Wextra -Wno-unused-parameter) # BPF_PROG() makes one
	if(EPROF_WERROR)
		list(APPEND warnings -Werror)
	endif()
	# Fedora has asm/ below /usr/include itself, Debian below the multiarch folder.
	set(multiarch)
	if(CMAKE_LIBRARY_ARCHITECTURE)
		set(multiarch -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
	endif()

	add_custom_command(OUTPUT ${object}
		COMMAND ${BPF_CLANG} --target=bpf -std=gnu11 -O2 -g -mcpu=v3 -D__TARGET_ARCH_${arch}
			${warnings} -iquote ${PROJECT_SOURCE_DIR} ${multiarch}
			-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=
			-MD -MF ${object}.d -MT ${object} -c ${source} -o ${object}
		COMMAND ${BPF_STRIP} -g ${object}
		DEPENDS ${source}
		DEPFILE ${object}.d
		COMMENT "Compiling ${name}.bpf.c for BPF"
		VERBATIM)
	add_custom_command(OUTPUT ${skeleton}
		COMMAND sh -c "\"$1\" gen skeleton \"$2\" name \"$3\" > \"$4\"" sh
			${BPFTOOL} ${object} ${name}_bpf ${skeleton}
		DEPENDS ${object}
		COMMENT "Generating ${name}.skel.h"
		VERBATIM)

	add_custom_target(${target}_generate DEPENDS ${skeleton})
	add_library(${target} INTERFACE)
	add_dependencies(${target} ${target}_generate)
	# SYSTEM: its warnings are bpftool's, not ours.
	target_include_directories(${target} SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
	target_link_libraries(${target} INTERFACE PkgConfig::LIBBPF)
endfunction()

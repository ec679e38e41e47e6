# SPDX-License-Identifier: Apache-2.0
# How C code for user space is compiled. BPF code never sees these: see BpfSkeleton.cmake.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# -iquote, not -I: our folder bpf/ must not be searched for <bpf/libbpf.h>.
add_compile_options("SHELL:-iquote ${PROJECT_SOURCE_DIR}")
add_compile_definitions(_GNU_SOURCE EPROF_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wshadow -Wvla)
if(EPROF_WERROR)
	add_compile_options(-Werror)
endif()

# A profiler is run where others look for its stacks too, so it keeps its frame pointers.
add_compile_options(-fno-omit-frame-pointer)

include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
add_link_options(-Wl,-z,relro -Wl,-z,now)

if(EPROF_SANITIZE)
	add_compile_options(-fsanitize=${EPROF_SANITIZE} -fno-sanitize-recover=all)
	# The fuzzer's own main() is linked by add_fuzzer() and nowhere else.
	string(REPLACE "fuzzer-no-link," "" link_sanitize ${EPROF_SANITIZE})
	add_link_options(-fsanitize=${link_sanitize})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
	add_compile_options(-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
	# The same bytes wherever it is built; the linker compiles, too, when it optimizes.
	add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
	add_link_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
endif()

if(EPROF_LTO)
	include(CheckIPOSupported)
	check_ipo_supported(RESULT lto_works OUTPUT lto_error LANGUAGES C)
	if(lto_works)
		set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
		if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
			# Several would want make(1), and warn where there is none.
			add_link_options(-flto-partition=one)
		endif()
	else()
		message(STATUS "No link-time optimization: ${lto_error}")
	endif()
endif()

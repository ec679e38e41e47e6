# SPDX-License-Identifier: Apache-2.0
# add_unit_test(NAME LIBRARY...): tests/unit/test_NAME.c, with cmocka and the libraries it tests.
function(add_unit_test name)
	add_executable(test_${name} test_${name}.c)
	target_link_libraries(test_${name} PRIVATE ${ARGN} PkgConfig::CMOCKA)
	add_test(NAME unit/${name} COMMAND test_${name})
	set_tests_properties(unit/${name} PROPERTIES LABELS unit TIMEOUT 60)
endfunction()

# add_fuzzer(NAME LIBRARY...): tests/fuzz/fuzz_NAME.c holds LLVMFuzzerTestOneInput(); the files of
# tests/fuzz/NAME/ are its first inputs. `./dev fuzz` runs them all.
add_custom_target(fuzzers)
function(add_fuzzer name)
	add_executable(fuzz_${name} EXCLUDE_FROM_ALL fuzz_${name}.c)
	target_link_libraries(fuzz_${name} PRIVATE ${ARGN})
	target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
	set_target_properties(fuzz_${name} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzzers)
	add_dependencies(fuzzers fuzz_${name})
endfunction()

# sluice_unit_test(NAME LINK…): tests/unit/NAME.c, a cmocka program run by ctest.
pkg_check_modules(cmocka IMPORTED_TARGET cmocka>=1.1.5)
function(sluice_unit_test name)
	if(NOT cmocka_FOUND OR SLUICE_FUZZ)
		return()
	endif()
	add_executable(${name} ${PROJECT_SOURCE_DIR}/tests/unit/${name}.c)
	target_link_libraries(${name} PRIVATE ${ARGN} PkgConfig::cmocka)
	# A test's own assert() must hold in the release build, too.
	target_compile_options(${name} PRIVATE -UNDEBUG)
	target_compile_definitions(${name} PRIVATE TESTS_DIR="${PROJECT_SOURCE_DIR}/tests"
		SOURCE_DIR="${PROJECT_SOURCE_DIR}")
	set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
	add_test(NAME unit/${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
	set_tests_properties(unit/${name} PROPERTIES TIMEOUT 120)
endfunction()

# sluice_fuzz_target(NAME LINK…): tests/fuzz/NAME.c defines LLVMFuzzerTestOneInput. In the fuzz preset it is a
# libFuzzer program; in every other one it becomes a unit test that replays tests/fuzz/corpus/NAME.
function(sluice_fuzz_target name)
	if(SLUICE_FUZZ)
		add_executable(fuzz_${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/${name}.c)
		target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
	else()
		add_executable(fuzz_${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/${name}.c
			${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.c)
		add_test(NAME corpus/${name} COMMAND fuzz_${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
		set_tests_properties(corpus/${name} PROPERTIES TIMEOUT 120)
	endif()
	target_link_libraries(fuzz_${name} PRIVATE ${ARGN})
	set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endfunction()

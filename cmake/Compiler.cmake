# Warnings, sanitizers and hardening: one interface target, `sluice_flags`, that every module links.
add_library(sluice_flags INTERFACE)
target_include_directories(sluice_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/runtime)
target_compile_definitions(sluice_flags INTERFACE _GNU_SOURCE SLUICE_VERSION="${PROJECT_VERSION}")
target_compile_options(sluice_flags INTERFACE
	-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
	-Wwrite-strings -Wpointer-arith -Wformat=2 -Wno-unused-parameter
	-fno-strict-aliasing -fno-common -fvisibility=hidden)

if(SLUICE_SANITIZE)
	target_compile_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE}
		-fno-omit-frame-pointer -fno-sanitize-recover=all -g)
	target_link_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE})
endif()

if(SLUICE_HARDEN)
	target_compile_options(sluice_flags INTERFACE -g1 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
		-fstack-protector-strong -fstack-clash-protection -fcf-protection)
	target_link_options(sluice_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
target_link_options(sluice_flags INTERFACE -Wl,--as-needed)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
	set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG" CACHE STRING "" FORCE)
endif()

if(SLUICE_COVERAGE)
	target_compile_options(sluice_flags INTERFACE --coverage -O0 -g)
	target_link_options(sluice_flags INTERFACE --coverage)
endif()

if(SLUICE_FUZZ)
	if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
		message(FATAL_ERROR "the fuzz preset needs clang, not ${CMAKE_C_COMPILER_ID}")
	endif()
	# Everything is instrumented; only the targets in tests/fuzz link libFuzzer's main().
	target_compile_options(sluice_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# sluice_module(NAME SOURCES… [PARSERS…] [LINK…]): one static library a module. Parsers read hostile bytes: every
# narrowing there must be spelled out.
function(sluice_module name)
	cmake_parse_arguments(arg "" "" "SOURCES;PARSERS;LINK" ${ARGN})
	add_library(${name} STATIC ${arg_SOURCES} ${arg_PARSERS})
	target_link_libraries(${name} PUBLIC sluice_flags ${arg_LINK})
	if(arg_PARSERS)
		set_source_files_properties(${arg_PARSERS} PROPERTIES
			COMPILE_OPTIONS "-Wconversion;-Wno-sign-conversion")
	endif()
endfunction()

# Debian 12's packages, with the least version that carries the security fixes this project relies on.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# sluice_dependency(TARGET PKG_CONFIG_MODULES… DEBIAN package=version…)
function(sluice_dependency target)
	cmake_parse_arguments(arg "" "" "MODULES;DEBIAN" ${ARGN})
	pkg_check_modules(${target} REQUIRED IMPORTED_TARGET GLOBAL ${arg_MODULES})
	add_library(dep_${target} INTERFACE)
	target_link_libraries(dep_${target} INTERFACE PkgConfig::${target})
	foreach(pin IN LISTS arg_DEBIAN)
		sluice_require_debian(${pin})
	endforeach()
endfunction()

# Upstream version numbers do not tell Debian's backported fixes: ask dpkg, where there is one.
find_program(SLUICE_DPKG dpkg)
find_program(SLUICE_DPKG_QUERY dpkg-query)
function(sluice_require_debian pin)
	if(NOT SLUICE_DPKG_QUERY OR NOT SLUICE_DPKG)
		return()
	endif()
	string(REPLACE "=" ";" parts "${pin}")
	list(GET parts 0 package)
	list(GET parts 1 least)
	execute_process(COMMAND ${SLUICE_DPKG_QUERY} -W "-f=\${Version}" ${package}
		OUTPUT_VARIABLE have ERROR_QUIET RESULT_VARIABLE status)
	if(NOT status EQUAL 0)
		return()
	endif()
	execute_process(COMMAND ${SLUICE_DPKG} --compare-versions "${have}" ge "${least}"
		RESULT_VARIABLE older)
	if(NOT older EQUAL 0)
		message(FATAL_ERROR "${package} ${have} is installed, ${least} is the first with the security "
			"fixes Sluice relies on: run 'apt-get update && apt-get install ${package}'")
	endif()
endfunction()

sluice_dependency(libevent MODULES libevent_core>=2.1.12 libevent_pthreads>=2.1.12 libevent_openssl>=2.1.12
	DEBIAN libevent-core-2.1-7=2.1.12-stable-8+deb12u1 libevent-openssl-2.1-7=2.1.12-stable-8+deb12u1)
sluice_dependency(curl MODULES libcurl>=7.88.1 DEBIAN libcurl4=7.88.1-10+deb12u14)
# libarchive is linked as Debian's static library: sluiced then takes its tar and zip readers alone, where the shared
# one brings libxml2, ICU and libstdc++ into every process (2 MB resident, 3 ms of start-up).
sluice_dependency(archive_headers MODULES libarchive>=3.6.2 DEBIAN libarchive-dev=3.6.2-1+deb12u5)
find_library(SLUICE_LIBARCHIVE libarchive.a REQUIRED)
add_library(dep_archive INTERFACE)
target_include_directories(dep_archive INTERFACE ${archive_headers_INCLUDE_DIRS})
target_link_libraries(dep_archive INTERFACE ${SLUICE_LIBARCHIVE})
foreach(part nettle lzma zstd bz2 z xml2)
	find_library(SLUICE_LIB_${part} ${part} REQUIRED)
	target_link_libraries(dep_archive INTERFACE ${SLUICE_LIB_${part}})
endforeach()
sluice_dependency(openssl MODULES openssl>=3.0.17 DEBIAN libssl3=3.0.17-1~deb12u2)
sluice_dependency(yaml MODULES yaml-0.1>=0.2.5)
sluice_dependency(sqlite MODULES sqlite3>=3.40.1 DEBIAN libsqlite3-0=3.40.1-2+deb12u2)
sluice_dependency(seccomp MODULES libseccomp>=2.5.4)

# SPDX-License-Identifier: MIT
# What an installation is: headers, the CMake package, the pkg-config files, the licence. Nothing depends on the
# architecture, so all but the headers goes to share/.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME daemonkit)
set(package_dir "${CMAKE_INSTALL_DATADIR}/cmake/daemonkit")

# INCLUDES DESTINATION beside the file set: the exported target names its include directory through the file set only
# for consumers on CMake 3.23 and newer; older ones would get a target without any, and no error.
install(TARGETS daemonkit EXPORT daemonkit-targets
    FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT daemonkit-targets NAMESPACE daemonkit:: DESTINATION "${package_dir}"
    FILE daemonkit-targets.cmake)
install(FILES cmake/daemonkit-config.cmake cmake/choose_fmt.cmake DESTINATION "${package_dir}")

# While the major version is 0, a minor version may break its callers.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/daemonkit-config-version.cmake"
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/daemonkit-config-version.cmake" DESTINATION "${package_dir}")

# The prefix in the .pc file is found from the file's own place, so an installed tree can be moved.
set(pkgconfig_dir "${CMAKE_INSTALL_DATADIR}/pkgconfig")
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
    BASE_DIRECTORY "${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig" OUTPUT_VARIABLE prefix_from_pc)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR
    BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" OUTPUT_VARIABLE includedir_from_prefix)
foreach(module IN ITEMS daemonkit daemonkit-fmt)
    configure_file(cmake/${module}.pc.in ${module}.pc @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/${module}.pc" DESTINATION "${pkgconfig_dir}")
endforeach()

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/daemonkit")

if(PROJECT_IS_TOP_LEVEL)
    include(cmake/package.cmake)
endif()

# An overlay port: it builds the checkout that it lies in. The port of a release is in packaging/vcpkg/release.
set(VCPKG_BUILD_TYPE release) # header-only port

cmake_path(SET SOURCE_PATH NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../../../..")
if(NOT EXISTS "${SOURCE_PATH}/include/daemonkit/version.hpp")
    message(FATAL_ERROR "This port builds the checkout that it lies in, and ${SOURCE_PATH} is none")
endif()

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DDAEMONKIT_BUILD_TESTS=OFF
        -DDAEMONKIT_BUILD_EXAMPLES=OFF
)

vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/daemonkit)
vcpkg_fixup_pkgconfig()

vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")

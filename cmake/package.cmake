# SPDX-License-Identifier: MIT
# A .deb by CPack (`cmake --workflow --preset package`), for a machine of one's own. What Debian would take is made from
# debian/: that one has the documentation, the examples and the changelog as Debian wants them.
set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL daemonkit)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGE_CONTACT "daemonkit maintainers <daemonkit@users.noreply.github.com>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_DAEMONKIT_PACKAGE_NAME libdaemonkit-dev)
set(CPACK_DEBIAN_DAEMONKIT_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_DAEMONKIT_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DAEMONKIT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DAEMONKIT_PACKAGE_SUGGESTS "libfmt-dev (>= 9.1)")
include(CPack)

# SPDX-License-Identifier: MIT
# Stands in for the port of {fmt}, so that nothing has to be downloaded: find_package goes on to what the system has,
# Debian's libfmt-dev.
set(VCPKG_POLICY_EMPTY_PACKAGE enabled)

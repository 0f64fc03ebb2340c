# SPDX-License-Identifier: MIT
# Stands in for the package of {fmt}, so that nothing has to be downloaded: it is what the system has, Debian's
# libfmt-dev, under the names that ConanCenter's recipe gives it.
from conan import ConanFile


class FmtConan(ConanFile):
    name = "fmt"
    settings = "os", "arch", "compiler", "build_type"
    options = {"header_only": [True, False]}
    default_options = {"header_only": False}

    def package_info(self):
        form = "fmt-header-only" if self.options.header_only else "fmt"
        self.cpp_info.set_property("cmake_file_name", "fmt")
        self.cpp_info.set_property("cmake_target_name", f"fmt::{form}")
        self.cpp_info.set_property("pkg_config_name", "fmt")
        self.cpp_info.includedirs = self.cpp_info.libdirs = self.cpp_info.bindirs = []
        if self.options.header_only:
            self.cpp_info.defines = ["FMT_HEADER_ONLY=1"]
        else:
            self.cpp_info.system_libs = ["fmt"]

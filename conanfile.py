# SPDX-License-Identifier: MIT
# The library as a package of Conan 2, from this checkout: conan create . -s compiler.cppstd=20 --build="daemonkit/*"
import os
import re

from conan import ConanFile
from conan.errors import ConanException, ConanInvalidConfiguration
from conan.tools.build import build_jobs, check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load
from conan.tools.scm import Version

required_conan_version = ">=2.1"


class DaemonkitConan(ConanFile):
    name = "daemonkit"
    description = "Header-only C++20 library: a program becomes a well-behaved Unix daemon in a scoped block"
    license = "MIT"
    url = "https://github.com/daemonkit/daemonkit"
    homepage = "https://github.com/daemonkit/daemonkit"
    topics = ("daemon", "service", "unix", "posix", "systemd", "syslog", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"with_fmt": [True, False]}  # daemonkit/fmt.hpp, the one header that includes fmt
    default_options = {"with_fmt": True}
    exports_sources = "LICENSE", "CMakeLists.txt", "cmake/*", "include/*", "tests/*", "examples/*", "scripts/*"
    no_copy_source = True

    @property
    def _runs_tests(self):
        return not self.conf.get("tools.build:skip_test", default=True, check_type=bool)

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "include", "daemonkit", "version.hpp"))
        found = re.search(r'version = "([0-9.]+)"', header)
        if not found:
            raise ConanException("include/daemonkit/version.hpp does not say which version this is")
        version = found[1]
        if self.version not in (None, version):
            raise ConanException(f"this checkout is version {version}, not {self.version}")
        self.version = version

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        if self.options.with_fmt:
            self.requires("fmt/[>=9.1 <13]")

    def build_requirements(self):
        if self._runs_tests:
            self.test_requires("catch2/[>=3.4 <4]")

    def package_id(self):
        self.info.clear()

    def validate(self):
        if str(self.settings.os) not in ("Linux", "Macos", "FreeBSD"):
            raise ConanInvalidConfiguration(f"{self.ref} needs POSIX's fork, sessions and signals; it supports Linux, "
                                            f"macOS and FreeBSD, not {self.settings.os}")
        check_min_cppstd(self, 20)
        least = {"gcc": "12", "clang": "14", "apple-clang": "14"}.get(str(self.settings.compiler))
        if least and Version(self.settings.compiler.version) < least:
            raise ConanInvalidConfiguration(f"{self.ref} needs {self.settings.compiler} {least} or newer")

    def generate(self):
        if self._runs_tests:
            CMakeDeps(self).generate()
            toolchain = CMakeToolchain(self)
            toolchain.user_presets_path = False
            toolchain.generate()

    def build(self):
        if self._runs_tests:
            cmake = CMake(self)
            cmake.configure()
            cmake.build()
            # Those left out compare the whole checkout with itself, or install the library.
            left_out = "consumer|compile_fail|house" + ("" if os.geteuid() == 0 else "|root")
            cmake.ctest(["--output-on-failure", "--parallel", str(build_jobs(self)), "-LE", f"^({left_out})$"])

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "daemonkit")
        self.cpp_info.set_property("cmake_target_name", "daemonkit::daemonkit")
        self.cpp_info.set_property("cmake_config_version_compat", "SameMinorVersion")
        self.cpp_info.set_property("pkg_config_name", "daemonkit")
        if self.options.with_fmt:  # daemonkit::daemonkit links fmt then, and has the other name too
            self.cpp_info.set_property("cmake_target_aliases", ["daemonkit::fmt"])
            self.cpp_info.set_property("pkg_config_aliases", ["daemonkit-fmt"])
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []

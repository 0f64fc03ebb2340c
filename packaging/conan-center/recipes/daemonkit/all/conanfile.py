from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, get
from conan.tools.layout import basic_layout
from conan.tools.scm import Version
import os


required_conan_version = ">=2.1"


class DaemonkitConan(ConanFile):
    name = "daemonkit"
    description = "Header-only C++20 library: a program becomes a well-behaved Unix daemon in a scoped block"
    license = "MIT"
    url = "https://github.com/conan-io/conan-center-index"
    homepage = "https://github.com/daemonkit/daemonkit"
    topics = ("daemon", "service", "unix", "posix", "systemd", "syslog", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"with_fmt": [True, False]}
    default_options = {"with_fmt": True}
    no_copy_source = True

    @property
    def _minimum_compilers_version(self):
        return {
            "gcc": "12",
            "clang": "14",
            "apple-clang": "14",
        }

    def layout(self):
        basic_layout(self, src_folder="src")

    def requirements(self):
        # Included by the public header daemonkit/fmt.hpp alone
        if self.options.with_fmt:
            self.requires("fmt/12.1.0")

    def package_id(self):
        self.info.clear()

    def validate(self):
        # fork, sessions and signals of POSIX; upstream's platform.hpp stops the compiler on other systems
        if str(self.settings.os) not in ("Linux", "Macos", "FreeBSD"):
            raise ConanInvalidConfiguration(
                f"{self.ref} needs POSIX's fork, sessions and signals; it supports Linux, macOS and FreeBSD, not {self.settings.os}."
            )
        check_min_cppstd(self, 20)
        minimum_version = self._minimum_compilers_version.get(str(self.settings.compiler), False)
        if minimum_version and Version(self.settings.compiler.version) < minimum_version:
            raise ConanInvalidConfiguration(
                f"{self.ref} requires at least version {minimum_version} of the {self.settings.compiler} compiler."
            )

    def source(self):
        get(self, **self.conan_data["sources"][self.version], strip_root=True)

    def build(self):
        pass

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "daemonkit")
        self.cpp_info.set_property("cmake_target_name", "daemonkit::daemonkit")
        self.cpp_info.set_property("cmake_config_version_compat", "SameMinorVersion")
        self.cpp_info.set_property("pkg_config_name", "daemonkit")
        # Upstream's component and module for programs that include daemonkit/fmt.hpp
        if self.options.with_fmt:
            self.cpp_info.set_property("cmake_target_aliases", ["daemonkit::fmt"])
            self.cpp_info.set_property("pkg_config_aliases", ["daemonkit-fmt"])
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []

// SPDX-License-Identifier: MIT
#pragma once
// ask_directory: which folder the library finds for a service, whatever this test's own environment says.

#include "catch.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <map>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace daemonkit::testkit {

inline constexpr uid_t nobody = 65534;

/// Runs the verbs of probe_runtime_directory.
inline Finished ask_directory(const std::vector<std::string>& verbs,
                              const std::map<std::string, std::string>& variables = {}) {
    std::vector<std::string> all{probe("probe_runtime_directory")};
    for (const char* const name :
         {"RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY",
          "CONFIGURATION_DIRECTORY", "HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME",
          "XDG_CONFIG_HOME"})
        all.push_back(std::string("clear:") + name);
    all.insert(all.end(), verbs.begin(), verbs.end());
    Finished finished = run_program(all, variables);
    INFO(finished.out << finished.err);
    REQUIRE_FALSE(finished.timed_out);
    REQUIRE(finished.signal == 0);
    return finished;
}

/// The verbs, as an ordinary user where the test is run by root.
inline std::vector<std::string> as_user(std::vector<std::string> verbs) {
    if (::geteuid() == 0) verbs.insert(verbs.begin(), "user:" + std::to_string(nobody));
    return verbs;
}

/// A folder of that user's, as login makes it.
struct UserFolder : TempFolder {
    UserFolder() {
        REQUIRE(::chmod(path().c_str(), 0700) == 0);
        if (::geteuid() == 0) REQUIRE(::chown(path().c_str(), nobody, nobody) == 0);
    }
    std::string variable() const { return "variable:XDG_RUNTIME_DIR:" + path().string(); }
};

/// The mode of what is there, 0 where there is nothing.
inline unsigned mode_of(const std::string& path) {
    struct ::stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

}  // namespace daemonkit::testkit

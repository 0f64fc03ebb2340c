// SPDX-License-Identifier: MIT
#pragma once
// PrivilegeDrop: user, groups and capabilities given up for good, and the proof of it. Floor 5.
//
// Two phases, as with the pid file: names are resolved in the launcher, where a wrong one can still be told to the
// shell and before change_root hides the databases; the ids change in the daemon, after everything that needs root.

#include <daemonkit/change_root.hpp>  // IWYU pragma: export
#include <daemonkit/detail/capabilities.hpp>
#include <daemonkit/detail/change_ids.hpp>
#include <daemonkit/detail/check.hpp>
#include <daemonkit/detail/confine.hpp>
#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/detail/user_database.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/privilege_options.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdlib>  // std::qsort
#include <string>
#include <vector>

namespace daemonkit {

/// The ids a process is to have; made by resolving `Privileges`.
///
/// Process:  constructed in the launcher, applied in the daemon.
/// Errors:   Step::validate_options; Step::resolve_user (ENOENT: no such user or group — actionable);
///           Step::drop_privileges for a capability that is to be kept and is not there.
class PrivilegeDrop {
public:
    /// Resolves the names; nothing changes yet.
    explicit PrivilegeDrop(const Privileges& wanted = {}) : wanted_(wanted) {
        detail::require_confinement(wanted);
        if (wanted.capabilities) detail::require_capabilities(*wanted.capabilities);
        const bool sheds = detail::sys::has_elevated_rights();
        if (!wanted.user && !wanted.group && !sheds) return;
        changes_ = true;
        user_ = detail::sys::getuid();
        group_ = detail::sys::getgid();
        std::string name;
        if (wanted.user) {
            const auto entry = detail::find_user(*wanted.user);
            const auto id = detail::parse_id<uid_t>(*wanted.user);
            if (!entry && !id)
                throw Error(Step::resolve_user, *wanted.user, ENOENT, "no such user");
            if (!entry && !wanted.group) {
                throw Error(Step::resolve_user, *wanted.user, ENOENT,
                            "a user id without an entry needs the group to be given");
            }
            user_ = entry ? entry->user : *id;
            if (entry) group_ = entry->primary_group;
            if (entry) name = entry->name;
        }
        if (wanted.group) {
            const auto group = detail::find_group(*wanted.group);
            if (!group) throw Error(Step::resolve_user, *wanted.group, ENOENT, "no such group");
            group_ = *group;
        }
        // Whoever only sheds what its file gave it keeps its caller's groups.
        groups_ = wanted.user || wanted.group ? std::vector<gid_t>{group_} : groups_and_own();
        if (!name.empty() && wanted.supplementary_groups == SupplementaryGroups::of_user) {
            groups_ = detail::groups_of(name, group_);
        }
        sort_unique(groups_);
    }

    /// True when `apply` changes the user or the groups.
    bool changes_ids() const noexcept { return changes_; }

    /// The process has exactly the wanted ids and capabilities and cannot have the old ones back.
    ///
    /// Ordered groups, group, user, capabilities; each checked afterwards, then the way back is tried and must be
    /// barred. Last, where it is wanted, new privileges are forbidden.
    ///
    /// Process:  daemon.
    /// Errors:   Step::drop_privileges. The process may then be half changed: it must end.
    /// Threads:  one. The libc changes the ids of all (glibc, musl); capabilities and no_new_privs are a thread's own.
    /// Source:   credentials(7), capabilities(7), setresuid(2); POSIX leaves the order to the caller.
    void apply() const {
        if (wanted_.capabilities) detail::hold_capabilities(*wanted_.capabilities);
        if (changes_) {
            change_ids();
        } else if (wanted_.capabilities) {
            detail::limit_capabilities(*wanted_.capabilities);
        }
        if (wanted_.new_privileges == NewPrivileges::forbidden) detail::forbid_new_privileges();
    }

    /// The process forbids itself what the options say; nothing can take that back.
    ///
    /// Returns what Confinement::best_effort could not put in force, in words; empty when all is.
    ///
    /// Process:  daemon, as the last of its steps.
    /// Errors:   Step::confine.
    /// Threads:  one: Landlock and seccomp bind the calling thread and those it starts.
    /// Source:   landlock(7), seccomp(2).
    std::string confine() const { return detail::confine(wanted_); }

    /// True when part of it binds a thread, and would leave others as they are.
    bool binds_one_thread() const noexcept {
        return wanted_.capabilities || wanted_.new_privileges == NewPrivileges::forbidden ||
               wanted_.paths || !wanted_.forbidden_system_calls.empty();
    }

private:
    void change_ids() const {
        const uid_t old_user = detail::sys::geteuid();
        const gid_t old_group = detail::sys::getegid();
        const auto set = detail::sys::setgroups(groups_.size(), groups_.data());
        // Where groups cannot be set (ordinary users, user namespaces), those that are right already may stay.
        if (!set && groups_and_own() != groups_) {
            throw Error(Step::drop_privileges, "supplementary groups", set.error);
        }
        detail::check(detail::change_group_ids(group_), Step::drop_privileges,
                      "group " + std::to_string(group_));
        detail::check(detail::change_user_ids(user_), Step::drop_privileges,
                      "user " + std::to_string(user_));
        // What is kept for afterwards would open the way back for the length of the proof.
        if (wanted_.capabilities) detail::limit_capabilities(*wanted_.capabilities);
        verify(old_user, old_group);
    }

    /// With qsort, because `<algorithm>` and one std::sort take as long to compile as all of this header.
    static void sort_unique(std::vector<gid_t>& groups) {
        constexpr auto compare = [](const void* left, const void* right) {
            const gid_t a = *static_cast<const gid_t*>(left);
            const gid_t b = *static_cast<const gid_t*>(right);
            return a < b ? -1 : static_cast<int>(a > b);
        };
        if (groups.empty()) return;
        std::qsort(groups.data(), groups.size(), sizeof(gid_t), compare);
        std::size_t count = 1;
        for (const gid_t group : groups)
            if (group != groups[count - 1]) groups[count++] = group;
        groups.resize(count);
    }

    /// The supplementary groups and the wanted one, which has the same rights in either place.
    std::vector<gid_t> groups_and_own() const {
        const int count = detail::check(detail::sys::getgroups(0, nullptr), Step::drop_privileges,
                                        "supplementary groups");
        std::vector<gid_t> groups(static_cast<std::size_t>(count));
        if (count > 0) {
            groups.resize(static_cast<std::size_t>(
                detail::check(detail::sys::getgroups(count, groups.data()), Step::drop_privileges,
                              "supplementary groups")));
        }
        groups.push_back(group_);
        sort_unique(groups);
        return groups;
    }

    void verify(uid_t old_user, gid_t old_group) const {
        const auto refuse = [](const char* what) {
            throw Error(Step::drop_privileges, what, EPERM, "still there after the drop");
        };
        if (!detail::has_group_ids(group_)) refuse("old group");
        if (!detail::has_user_ids(user_)) refuse("old user");
        if (groups_and_own() != groups_) refuse("old supplementary groups");
        if (user_ == 0) return;
        // Capabilities that PR_SET_KEEPCAPS let survive bar nothing: they can be raised at any time.
        if (detail::may_change_ids()) refuse("the capability to change ids");
        // The saved ids and the capabilities are tried in earnest: both calls must fail.
        if (old_group != group_ && detail::sys::setgid(old_group))
            refuse("the way back to the old group");
        if (old_user != user_ && detail::sys::setuid(old_user))
            refuse("the way back to the old user");
        if (detail::sys::setuid(0)) refuse("the way back to root");
    }

    Privileges wanted_;
    bool changes_ = false;
    uid_t user_ = 0;
    gid_t group_ = 0;
    std::vector<gid_t> groups_;
};

}  // namespace daemonkit

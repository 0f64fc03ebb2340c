// SPDX-License-Identifier: MIT
// probe_lock_race FOLDER PROCESSES ROUNDS SECONDS [daemons] [LOOKERS]: processes that race for one pid file.
//
// Each tries ROUNDS times, or until SECONDS are over and the race is telling: some have got the lock, and others were
// told who has it. A busy machine may need longer for that; after 30 seconds more it ends all the same. Who gets the lock checks by means of its own that nobody else
// has it, writes its pid, finds it in the file, and gives the lock up. Who does not get it checks that the process it
// is told about was a holder in the meantime. With `daemons` a holder forks in between, as a start does: the forked
// process writes and gives up. LOOKERS more processes ask for the holder all the time.
// Reports acquired=, refused=, named= (refusals with a pid), looked=, and the breaches: double=, wrong_name=,
// wrong_text=, error=; message= is the last unexpected Error. Exit status 0 without a breach.

#include <daemonkit/pid_lock.hpp>

#include "verbs.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;

namespace {

using Counter = std::atomic<long>;

// One racer as the others see it: which process may hold the lock in its name, and when.
struct Racer {
    std::atomic<pid_t> pid{0};
    std::atomic<unsigned> lives{0};  // odd while it can be named as the holder
};

struct Shared {
    std::array<Racer, 64> racers{};
    Counter acquired{0}, refused{0}, named{0}, looked{0};
    Counter doubled{0}, wrong_name{0}, wrong_text{0}, errors{0};
    std::atomic<bool> is_over{false};
    std::array<char, 512> message{};
};

struct Race {
    std::string pid_file;
    std::string witness;
    std::size_t processes = 0;
    long rounds = 0;
    long lookers = 0;
    bool forks = false;
    std::chrono::steady_clock::time_point end;
    Shared* shared = nullptr;
};

void note(Shared& shared, const Error& error) {
    ++shared.errors;
    std::snprintf(shared.message.data(), shared.message.size(), "%s", error.what());
}

// Alone by an flock that PidLock knows nothing of.
void hold(const Race& race, PidLock& lock) {
    Shared& shared = *race.shared;
    const int witness = ::open(race.witness.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (witness < 0 || ::flock(witness, LOCK_EX | LOCK_NB) != 0) ++shared.doubled;
    lock.write_pid();
    std::array<char, 32> text{};
    const ssize_t size = ::pread(lock.native_handle(), text.data(), text.size(), 0);
    if (std::to_string(::getpid()) + "\n" !=
        std::string(text.data(), static_cast<std::size_t>(size < 0 ? 0 : size)))
        ++shared.wrong_text;
    ::close(witness);
}

void hold_in_fork(const Race& race, PidLock& lock, Racer& me) {
    const pid_t launcher = ::getpid();
    const pid_t daemon = ::fork();
    if (daemon == 0) {
        me.pid = ::getpid();
        hold(race, lock);
        lock.release();
        ::_exit(0);
    }
    lock.abandon();
    int status = 0;
    if (daemon < 0 || ::waitpid(daemon, &status, 0) != daemon || status != 0) ++race.shared->errors;
    me.pid = launcher;
}

// The pid in `already running as pid 71`; 0 when nobody is named.
pid_t named_in(const Error& error) {
    const std::string& words = error.explanation();
    const std::string start = "already running as pid ";
    return words.compare(0, start.size(), start) == 0 ? std::atoi(words.c_str() + start.size()) : 0;
}

using Lives = std::array<unsigned, 64>;

// True when that process held the lock at a moment since `before` was noted.
bool was_holder(const Race& race, const Lives& before, pid_t pid) {
    for (std::size_t at = 0; at < race.processes; ++at) {
        const Racer& racer = race.shared->racers[at];
        const unsigned lives = racer.lives;
        const bool has_lived = before[at] % 2 == 1 || lives != before[at];
        // A forked holder's number is known only while it lives: here it has to be enough that there was one.
        if (has_lived && (racer.pid == pid || race.forks)) return true;
    }
    return false;
}

void try_once(const Race& race, Racer& me) {
    Shared& shared = *race.shared;
    Lives before{};
    for (std::size_t at = 0; at < race.processes; ++at) before[at] = shared.racers[at].lives;
    try {
        PidLock lock(race.pid_file);
        ++shared.acquired;
        ++me.lives;
        if (race.forks)
            hold_in_fork(race, lock, me);
        else
            hold(race, lock);
        lock.release();
        ++me.lives;
    } catch (const Error& error) {
        const pid_t named = named_in(error);
        if (error.code().value() != EWOULDBLOCK) {
            note(shared, error);
        } else {
            ++shared.refused;
            if (named != 0) ++shared.named;
            if (named != 0 && (named == ::getpid() || !was_holder(race, before, named)))
                ++shared.wrong_name;
        }
    }
}

bool is_telling(const Race& race) {
    constexpr long some = 100;
    const Shared& shared = *race.shared;
    return shared.acquired > some && (race.processes == 1 || shared.named > some) &&
           (race.lookers == 0 || shared.looked > some);
}

void race_rounds(const Race& race, Racer& me) {
    me.pid = ::getpid();
    for (long round = 0; round < race.rounds; ++round) {
        const auto now = std::chrono::steady_clock::now();
        if (now > race.end + std::chrono::seconds(30)) break;
        if (now > race.end && is_telling(race)) break;
        try_once(race, me);
    }
}

void look_all_the_time(const Race& race) {
    while (!race.shared->is_over) {
        try {
            static_cast<void>(PidLock::holder(race.pid_file));
            ++race.shared->looked;
        } catch (const Error& error) {
            note(*race.shared, error);
        }
    }
}

template <class Body>
pid_t start(Body body) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    ::_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) return 64;
    Race race;
    race.pid_file = std::string(argv[1]) + "/pid";
    race.witness = std::string(argv[1]) + "/witness";
    race.processes = std::strtoul(argv[2], nullptr, 10);
    race.rounds = std::atol(argv[3]);
    race.end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atol(argv[4]));
    for (int at = 5; at < argc; ++at) {
        race.forks = race.forks || std::string(argv[at]) == "daemons";
        race.lookers = std::max(race.lookers, std::atol(argv[at]));
    }
    void* const memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    probe::require(memory != MAP_FAILED && race.processes <= Lives{}.size(), "shared memory");
    race.shared = new (memory) Shared;
    Shared& shared = *race.shared;

    std::vector<pid_t> looking;
    for (long at = 0; at < race.lookers; ++at)
        looking.push_back(start([&] { look_all_the_time(race); }));
    std::vector<pid_t> racing;
    for (std::size_t at = 0; at < race.processes; ++at)
        racing.push_back(start([&] { race_rounds(race, shared.racers[at]); }));
    const auto await = [&](const std::vector<pid_t>& pids) {
        for (const pid_t pid : pids) {
            int status = 0;
            if (::waitpid(pid, &status, 0) != pid || status != 0) ++shared.errors;
        }
    };
    await(racing);
    shared.is_over = true;
    await(looking);

    probe::report("acquired", std::to_string(shared.acquired));
    probe::report("refused", std::to_string(shared.refused));
    probe::report("named", std::to_string(shared.named));
    probe::report("looked", std::to_string(shared.looked));
    probe::report("double", std::to_string(shared.doubled));
    probe::report("wrong_name", std::to_string(shared.wrong_name));
    probe::report("wrong_text", std::to_string(shared.wrong_text));
    probe::report("error", std::to_string(shared.errors));
    probe::report("message", shared.message.data());
    const bool is_clean = shared.doubled == 0 && shared.wrong_name == 0 && shared.wrong_text == 0 &&
                          shared.errors == 0;
    return is_clean ? 0 : 1;
}

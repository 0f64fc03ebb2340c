// SPDX-License-Identifier: MIT
#include <daemonkit/reload.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"

#include <daemonkit/detail/platform.hpp>
#include <daemonkit/error.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/syscall.h>
#include <unistd.h>

using namespace daemonkit;
using namespace std::chrono_literals;
using daemonkit::testkit::not_tested;
using daemonkit::testkit::read_file;

static_assert(!std::is_copy_constructible_v<ReloadGuard>);
static_assert(!std::is_move_constructible_v<ReloadGuard>);
static_assert(
    !std::is_constructible_v<ReloadGuard, ReloadListener&&>);  // a temporary would be gone
static_assert(!std::is_copy_constructible_v<Reloadable<int>>);
static_assert(!std::is_move_constructible_v<Reloadable<int>>);
static_assert(!std::is_constructible_v<Reloadable<int>, std::string (*)()>);

namespace {

/// Keeps what it hears, one letter each: b(egins), s(ucceeded), f(ailed). Not made for several threads.
struct Hearer final : ReloadListener {
    void reload_begins() noexcept override { heard += 'b'; }
    void reload_succeeded() noexcept override { heard += 's'; }
    void reload_failed(std::string_view why) noexcept override {
        heard += 'f';
        reason = why;
    }
    std::string heard;
    std::string reason;
};

/// What a load gives next: a value, or a failure.
struct Source {
    int value = 1;
    std::optional<std::string> failure;

    int operator()() const {
        if (failure) throw std::runtime_error(*failure);
        return value;
    }
};

/// Whole only if all parts are of one version.
struct Whole {
    explicit Whole(int number) : version(number), parts(64, number), last(number) {}
    bool is_whole() const {
        return last == version && parts == std::vector<int>(parts.size(), version);
    }
    int version;
    std::vector<int> parts;
    int last;
};

/// Counts those that live.
struct Counted {
    explicit Counted(int& count) : living(&count) { ++*living; }
    Counted(Counted&& other) noexcept : living(std::exchange(other.living, nullptr)) {}
    Counted& operator=(Counted&&) = delete;
    ~Counted() {
        if (living != nullptr) --*living;
    }
    int* living;
};

/// True when the thread comes to sleep; nothing where that cannot be seen.
std::optional<bool> comes_to_sleep(long thread) {
    const std::string stat = "/proc/self/task/" + std::to_string(thread) + "/stat";
    const auto limit = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < limit) {
        const std::string text = read_file(stat);
        const auto name_end = text.rfind(") ");
        if (name_end == std::string::npos) return std::nullopt;
        if (text[name_end + 2] == 'S') return true;
        std::this_thread::yield();
    }
    return false;
}

}  // namespace

// The sanitizers bring an operator new of their own.
#if !DAEMONKIT_ASAN() && !DAEMONKIT_TSAN()
// While it is not negative: so many allocations of this thread work, the next one fails.
static thread_local int allocations_left = -1;

// Not inlined: an optimizing g++ 12 would see memory of new given to free.
[[gnu::noinline]] void* operator new(std::size_t size) {
    if (allocations_left >= 0 && allocations_left-- == 0) throw std::bad_alloc();
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("Reloadable: whichever allocation fails, the old value or the new one is in force, whole",
          "[reload][unit]") {
    struct Counter final : ReloadListener {
        void reload_begins() noexcept override { ++begun; }
        void reload_succeeded() noexcept override { ++succeeded; }
        void reload_failed(std::string_view) noexcept override { ++failed; }
        std::uint64_t begun = 0;
        std::uint64_t succeeded = 0;
        std::uint64_t failed = 0;
    };
    const bool is_bad = GENERATE(false, true);
    int version = 0;
    Counter counter;
    Reloadable<Whole> config(
        [&] {
            Whole next(++version);
            if (is_bad && version > 1) throw std::runtime_error(std::string(100, 'x'));
            return next;
        },
        counter);
    bool all_worked = false;
    for (int count = 0; !all_worked && count < 100; ++count) {
        CAPTURE(count, is_bad);
        const auto before = config.get();
        bool is_told = false;
        bool is_thrown = false;
        allocations_left = count;
        try {
            is_told = config.reload().has_value();
        } catch (const std::bad_alloc&) {
            is_thrown = true;
        }
        all_worked = allocations_left >= 0;
        allocations_left = -1;
        const auto now = config.get();
        const bool is_new = now != before;
        CHECK(now->is_whole());
        CHECK(is_new != (is_told || is_thrown));
        CHECK(is_new == !config.status().last_error);
        CHECK(counter.begun == counter.succeeded + counter.failed);
        CHECK(counter.succeeded == config.status().succeeded);
        CHECK(counter.failed == config.status().failed);
        if (all_worked) CHECK(is_told == is_bad);
    }
    CHECK(all_worked);
    CHECK(counter.failed > 1);
}
#endif

// -- one thread -------------------------------------------------------------------------------------------------------

TEST_CASE("Reloadable: the first value is in force, and is no reload", "[reload][unit]") {
    Hearer hearer;
    const Reloadable config([] { return std::string("first"); }, hearer);
    static_assert(std::is_same_v<decltype(config), const Reloadable<std::string>>);
    CHECK(*config.get() == "first");
    CHECK(config.status().succeeded == 0);
    CHECK(config.status().failed == 0);
    CHECK_FALSE(config.status().last_error);
    CHECK(hearer.heard.empty());
}

TEST_CASE("Reloadable: what the first load throws comes out as it is", "[reload][unit]") {
    const auto load = []() -> int { throw Error(Step::application, "x.conf", ENOENT); };
    CHECK_THROWS_AS(Reloadable(load), Error);
}

TEST_CASE("Reloadable: a reload puts the new value in force, and leaves the old to who holds it",
          "[reload][unit]") {
    Source source;
    Reloadable<int> config(std::ref(source));
    const auto held = config.get();
    source.value = 2;
    CHECK(*config.get() == 1);  // nothing happens by itself
    CHECK_FALSE(config.reload());
    CHECK(*config.get() == 2);
    CHECK(*held == 1);
    CHECK(config.status().succeeded == 1);
}

TEST_CASE("Reloadable: what the load throws is the reason, and the old value stays",
          "[reload][unit]") {
    Source source;
    Hearer hearer;
    Reloadable<int> config(std::ref(source), hearer);
    const auto held = config.get();
    source.value = 2;
    source.failure = "x.conf:3: no such key";
    CHECK(config.reload() == "x.conf:3: no such key");
    CHECK(config.get() == held);  // the very same
    CHECK(config.status().last_error == "x.conf:3: no such key");
    CHECK(hearer.reason == "x.conf:3: no such key");

    source.failure = "x.conf:4: no number";
    CHECK(config.reload() == "x.conf:4: no number");
    CHECK(config.status().failed == 2);
    CHECK(config.status().succeeded == 0);

    source.failure.reset();
    CHECK_FALSE(config.reload());
    CHECK(*config.get() == 2);
    CHECK(config.status().failed == 2);
    CHECK(config.status().succeeded == 1);
    CHECK_FALSE(config.status().last_error);
    CHECK(hearer.heard == "bfbfbs");
}

TEST_CASE("Reloadable: every std::exception is a reason, an Error with its step and subject",
          "[reload][unit]") {
    int loads = 0;
    Reloadable<int> config([&]() -> int {
        switch (++loads) {
            case 2: throw Error(Step::application, "x.conf", ENOENT);
            case 3: throw std::bad_alloc();
            case 4: throw std::runtime_error("");
            default: return loads;
        }
    });
    CHECK(config.reload() == "application: x.conf: No such file or directory");
    CHECK(config.reload() == std::bad_alloc().what());
    CHECK(config.reload() == "");  // a failure without a word is one, too
    CHECK(*config.get() == 1);
    CHECK_FALSE(config.reload());
    CHECK(*config.get() == 5);
}

TEST_CASE("Reloadable: what is thrown and is no exception comes out, and the old value stays",
          "[reload][unit]") {
    Hearer hearer;
    int loads = 0;
    Reloadable<int> config(
        [&] {
            if (++loads == 2) throw 71;
            return loads;
        },
        hearer);
    CHECK_THROWS_AS(config.reload(), int);
    CHECK(*config.get() == 1);
    CHECK(hearer.heard == "bf");
    CHECK(config.status().failed == 1);
    CHECK(config.status().last_error);
    CHECK_FALSE(config.reload());  // nothing is left locked
    CHECK(*config.get() == 3);
    CHECK(hearer.heard == "bfbs");
}

TEST_CASE("Reloadable: a value goes with the last who holds it", "[reload][unit]") {
    int living = 0;
    Reloadable<Counted>::Snapshot held;
    {
        Reloadable config([&] { return Counted(living); });
        CHECK_FALSE(config.reload());
        CHECK(living == 1);
        held = config.get();
        CHECK_FALSE(config.reload());
        CHECK(living == 2);
    }
    CHECK(living == 1);
    held.reset();
    CHECK(living == 0);
}

TEST_CASE("Reloadable: the value may be what can only be moved, and so may the load",
          "[reload][unit]") {
    Reloadable config([start = std::make_unique<int>(7)] { return std::make_unique<int>(*start); });
    CHECK(**config.get() == 7);
    CHECK_FALSE(config.reload());
    CHECK(**config.get() == 7);
}

TEST_CASE("Reloadable: in the listener the new value is in force", "[reload][unit]") {
    struct Reader final : ReloadListener {
        void reload_begins() noexcept override { at_begin = *config->get(); }
        void reload_succeeded() noexcept override {
            at_end = *config->get();
            reloads = config->status().succeeded;
        }
        const Reloadable<int>* config = nullptr;
        int at_begin = 0;
        int at_end = 0;
        std::uint64_t reloads = 0;
    };
    Source source;
    Reader reader;
    Reloadable<int> config(std::ref(source), reader);
    reader.config = &config;
    source.value = 2;
    CHECK_FALSE(config.reload());
    CHECK(reader.at_begin == 1);
    CHECK(reader.at_end == 2);
    CHECK(reader.reloads == 1);
}

// -- several threads --------------------------------------------------------------------------------------------------

TEST_CASE("Reloadable: requests during a reload are served together, by one more",
          "[reload][unit]") {
    constexpr std::size_t count = 5;
    std::atomic<int> loads{0};
    std::atomic<bool> is_loading{false};
    std::atomic<bool> may_end{false};
    Reloadable<int> config([&] {
        if (++loads == 2) {
            is_loading = true;
            while (!may_end) std::this_thread::yield();
        }
        return loads.load();
    });
    std::thread first([&] { static_cast<void>(config.reload()); });
    while (!is_loading) std::this_thread::yield();

    std::atomic<long> ids[count]{};
    std::atomic<int> newest{0};
    std::vector<std::thread> others;
    for (auto& id : ids)
        others.emplace_back([&] {
            id = ::syscall(SYS_gettid);
            if (!config.reload() && *config.get() == 3) ++newest;
        });
    bool seen = true;
    bool slept = true;
    for (auto& id : ids) {
        while (id == 0) std::this_thread::yield();
        const auto sleeps =
            comes_to_sleep(id);  // behind the request there is nothing else to wait for
        seen = seen && sleeps;
        slept = slept && sleeps.value_or(false);
    }
    CHECK(*config.get() == 1);  // and readers do not wait
    may_end = true;
    first.join();
    for (auto& other : others) other.join();
    if (!seen) return not_tested("without /proc nobody sees a thread wait");
    CHECK(slept);
    CHECK(loads == 3);
    CHECK(newest == count);
    CHECK(config.status().succeeded == 2);
}

TEST_CASE("Reloadable: in a storm each request is served by a reload that began after it",
          "[reload][unit]") {
    constexpr int threads = 4;
    constexpr int requests = 2'000;
    std::atomic<int> newest{0};
    std::atomic<int> loads{0};
    Reloadable<int> config([&] {
        ++loads;
        return newest.load();
    });
    std::atomic<int> stale{0};
    std::vector<std::thread> requesters;
    for (int i = 0; i < threads; ++i)
        requesters.emplace_back([&] {
            for (int request = 0; request < requests; ++request) {
                const int mine = ++newest;
                if (config.reload() || *config.get() < mine) ++stale;
            }
        });
    for (auto& requester : requesters) requester.join();
    CHECK(stale == 0);
    CHECK(*config.get() == threads * requests);
    CHECK(loads <= threads * requests + 1);
    CHECK(config.status().succeeded == static_cast<std::uint64_t>(loads - 1));
}

TEST_CASE("Reloadable: readers see whole values, never an older one again, through a storm",
          "[reload][unit]") {
    constexpr int reloads = 1'000;  // of each of two threads; a third of them are bad
    int version = 0;  // and the listener: what a reload touches needs no lock of its own
    Hearer hearer;
    Reloadable<Whole> config(
        [&] {
            Whole next(++version);
            if (version % 3 == 0) throw std::runtime_error(std::to_string(version));
            return next;
        },
        hearer);
    std::atomic<bool> is_over{false};
    std::atomic<int> torn{0};
    std::atomic<int> back{0};
    std::atomic<int> bad{0};
    std::atomic<int> reads{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i)
        readers.emplace_back([&] {
            int newest = 0;
            do {
                const auto now = config.get();
                if (!now->is_whole()) ++torn;
                if (now->version < newest) ++back;
                if (now->version % 3 == 0) ++bad;
                newest = now->version;
                ++reads;
            } while (!is_over);
        });
    std::atomic<std::uint64_t> told_bad{0};
    std::vector<std::thread> writers;
    for (int i = 0; i < 2; ++i)
        writers.emplace_back([&] {
            for (int reload = 0; reload < reloads; ++reload)
                if (const auto reason = config.reload()) {
                    ++told_bad;
                    if (std::stoi(*reason) % 3 != 0) ++bad;
                }
        });
    for (auto& writer : writers) writer.join();
    is_over = true;
    for (auto& reader : readers) reader.join();

    CHECK(torn == 0);
    CHECK(back == 0);
    CHECK(bad == 0);
    CHECK(reads >= 3);
    const ReloadStatus status = config.status();
    CHECK(status.succeeded + status.failed == static_cast<std::uint64_t>(version - 1));
    CHECK(status.failed == static_cast<std::uint64_t>(version / 3));
    CHECK(told_bad >= status.failed);  // whose request was served together is told as well
    bool in_turn = hearer.heard.size() == 2 * static_cast<std::size_t>(version - 1);
    for (std::size_t i = 0; i < hearer.heard.size(); ++i)
        in_turn = in_turn && (i % 2 == 0) == (hearer.heard[i] == 'b');
    CHECK(in_turn);
}

// -- the guard --------------------------------------------------------------------------------------------------------

TEST_CASE("ReloadGuard: the begin is told at once, and a success when it is said",
          "[reload][unit]") {
    Hearer hearer;
    {
        ReloadGuard reload(hearer);
        CHECK(hearer.heard == "b");
        reload.succeed();
        CHECK(hearer.heard == "bs");
    }
    CHECK(hearer.heard == "bs");
}

TEST_CASE("ReloadGuard: a failure is told with its reason", "[reload][unit]") {
    Hearer hearer;
    {
        ReloadGuard reload(hearer);
        reload.fail("no memory");
        CHECK(hearer.heard == "bf");
        CHECK(hearer.reason == "no memory");
    }
    CHECK(hearer.heard == "bf");
}

TEST_CASE("ReloadGuard: a scope that is left before a success is a failure", "[reload][unit]") {
    Hearer hearer;
    const auto reload = [&](bool is_wrong) {
        ReloadGuard guard(hearer);
        if (is_wrong) return;
        throw std::runtime_error("worse");
    };
    SECTION("by a return") { reload(true); }
    SECTION("by an exception") { CHECK_THROWS_AS(reload(false), std::runtime_error); }
    CHECK(hearer.heard == "bf");
    CHECK_FALSE(hearer.reason.empty());
}

TEST_CASE("ReloadGuard: the first end that is told counts", "[reload][unit]") {
    Hearer hearer;
    {
        ReloadGuard reload(hearer);
        SECTION("a success") {
            reload.succeed();
            reload.fail("too late");
            reload.succeed();
        }
        SECTION("a failure") {
            reload.fail("first");
            reload.succeed();
            reload.fail("second");
        }
    }
    CHECK(hearer.heard.size() == 2);
    CHECK((hearer.heard == "bs" || hearer.reason == "first"));
}

TEST_CASE("ReloadGuard: its destructor leaves no trace in errno", "[reload][unit]") {
    struct Loud final : ReloadListener {
        void reload_failed(std::string_view) noexcept override { errno = EPIPE; }
    };
    Loud loud;
    errno = EDOM;
    { const ReloadGuard reload(loud); }
    CHECK(errno == EDOM);
}

TEST_CASE("ReloadListener: what is not overridden does nothing", "[reload][unit]") {
    ReloadListener nobody;
    ReloadGuard reload(nobody);
    reload.succeed();
    SUCCEED();
}

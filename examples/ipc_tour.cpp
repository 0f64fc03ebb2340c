// SPDX-License-Identifier: MIT
// A daemon and its workers talk: pipe, FIFO, message queue, shared memory with semaphores, stream and datagram sockets.
//
//   ipc_tour [--hold SECTION] LOG|--foreground
//
// Each thing belongs to an object, and each name is removed as soon as everybody has opened what it stands for. So
// nothing is left at the end, at SIGTERM, or when a worker fails; --hold makes the worker of a section wait for ever.
#include <daemonkit/context.hpp>
#include <daemonkit/signal_set.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using daemonkit::SignalSet;

std::string held_section;

template <class Value>
Value check(Value value, const char* what) {
    if (value == static_cast<Value>(-1))
        throw std::system_error(errno, std::system_category(), what);
    return value;
}

// -- what owns ------------------------------------------------------------------------------------

class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() { reset(); }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    int get() const { return fd_; }
    void reset() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

private:
    int fd_ = -1;
};

struct Pair {
    Descriptor first;
    Descriptor second;
};
Pair make_pipe() {
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC), "pipe2");
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}
Pair make_sockets(int type) {
    int ends[2];
    check(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), "socketpair");
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

/// A function in a process of its own, which ends with this object, or with the daemon.
class Worker {
public:
    template <class Function>
    Worker(const char* section, Function function) {
        const pid_t daemon = ::getpid();
        pid_ = check(::fork(), "fork");
        if (pid_ != 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != daemon) ::_exit(0);  // it has ended before that call
        while (section == held_section) ::pause();
        ::_exit(run(function));  // neither the daemon's destructors nor its handlers of exceptions
    }
    ~Worker() {
        ::kill(pid_, SIGKILL);
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

private:
    template <class Function>
    static int run(Function& function) noexcept {
        function();
        return 0;
    }
    pid_t pid_ = 0;
};

/// A FIFO in a folder of its own, for as long as somebody has to find it.
class Fifo {
public:
    Fifo() {
        if (::mkdtemp(folder_.data()) == nullptr) check(-1, "mkdtemp");
        path_ = folder_ + "/fifo";
        if (::mkfifo(path_.c_str(), 0600) == 0) return;
        const int error = errno;
        ::rmdir(folder_.c_str());
        throw std::system_error(error, std::system_category(), "mkfifo");
    }
    ~Fifo() {
        ::unlink(path_.c_str());
        ::rmdir(folder_.c_str());
    }
    Fifo(const Fifo&) = delete;
    Fifo& operator=(const Fifo&) = delete;
    const char* path() const { return path_.c_str(); }

private:
    std::string folder_ = "/tmp/ipc_tour-" + std::to_string(::getpid()) + "-XXXXXX";
    std::string path_;
};

/// A message queue without a name: the workers inherit its descriptor.
class MessageQueue {
public:
    static constexpr std::size_t longest = 64;
    MessageQueue() : queue_(open()) {}
    ~MessageQueue() { ::mq_close(queue_); }
    MessageQueue(const MessageQueue&) = delete;
    MessageQueue& operator=(const MessageQueue&) = delete;
    int fd() const { return queue_; }  // on Linux a queue is a descriptor
    void send(std::string_view text, unsigned priority) const {
        check(::mq_send(queue_, text.data(), text.size(), priority), "mq_send");
    }
    std::string receive(unsigned& priority) const {
        char text[longest];
        const auto size = check(::mq_receive(queue_, text, sizeof text, &priority), "mq_receive");
        return {text, static_cast<std::size_t>(size)};
    }

private:
    static mqd_t open() {
        const std::string name = "/ipc_tour-" + std::to_string(::getpid());
        ::mq_attr limits{};
        limits.mq_maxmsg = 8;
        limits.mq_msgsize = longest;
        const mqd_t queue =
            check(::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &limits),
                  "mq_open");
        ::mq_unlink(name.c_str());
        return queue;
    }
    mqd_t queue_;
};

/// An object in memory that the workers share; its name is gone before there is a worker.
template <class Content>
class SharedMemory {
public:
    SharedMemory() : content_(new (map()) Content) {}
    ~SharedMemory() {
        content_->~Content();
        ::munmap(content_, sizeof(Content));
    }
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;
    Content* operator->() const { return content_; }

private:
    static void* map() {
        const std::string name = "/ipc_tour-" + std::to_string(::getpid());
        const Descriptor file(
            check(::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600), "shm_open"));
        ::shm_unlink(name.c_str());
        check(::ftruncate(file.get(), sizeof(Content)), "ftruncate");
        void* const memory =
            ::mmap(nullptr, sizeof(Content), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
        if (memory == MAP_FAILED) check(-1, "mmap");
        return memory;
    }
    Content* content_;
};

// -- how the daemon waits: for a worker, but not past SIGTERM, and not for one that fails ---------

struct Stopped {};
constexpr int patience_ms = 10'000;

void await(int fd, SignalSet& signals) {
    ::pollfd set[] = {{fd, POLLIN, 0}, {signals.native_handle(), POLLIN, 0}};
    int ready = 0;
    while ((ready = ::poll(set, 2, patience_ms)) < 0 && errno == EINTR) continue;
    if (set[1].revents != 0) throw Stopped();
    if (ready == 0) throw std::runtime_error("a worker is silent");
}

std::string receive(int fd, SignalSet& signals) {
    await(fd, signals);
    char text[64];
    return {text, static_cast<std::size_t>(check(::read(fd, text, sizeof text), "read"))};
}
std::string receive_some(int fd, SignalSet& signals) {
    std::string text = receive(fd, signals);
    if (text.empty()) throw std::runtime_error("a worker has failed");
    return text;
}
void send(int fd, std::string_view text) { check(::write(fd, text.data(), text.size()), "write"); }

/// Lives in shared memory; a binary semaphore begins with 1, a counting one with what there is.
class Semaphore {
public:
    explicit Semaphore(unsigned value) { check(::sem_init(&semaphore_, 1, value), "sem_init"); }
    ~Semaphore() { ::sem_destroy(&semaphore_); }
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;
    void post() { ::sem_post(&semaphore_); }
    /// In a worker: for ever, as the daemon ends its workers.
    void wait() {
        while (::sem_wait(&semaphore_) != 0) continue;
    }
    /// In the daemon. A semaphore is no descriptor, so SIGTERM is looked for from time to time.
    void wait(SignalSet& signals) {
        for (int waited_ms = 0; ::sem_trywait(&semaphore_) != 0; ++waited_ms) {
            if (signals.wait_for(std::chrono::milliseconds(1))) throw Stopped();
            if (waited_ms > patience_ms) throw std::runtime_error("a worker is silent");
        }
    }

private:
    ::sem_t semaphore_{};
};

// -- the tour -------------------------------------------------------------------------------------

void show_pipe(SignalSet& signals) {
    Pair pipe = make_pipe();
    const Worker worker("pipe", [&] { send(pipe.second.get(), "one line"); });
    pipe.second.reset();  // as long as anybody can write, there is no end
    std::printf("pipe: %s", receive_some(pipe.first.get(), signals).c_str());
    const bool has_ended = receive(pipe.first.get(), signals).empty();
    std::printf(", then %s\n", has_ended ? "the end" : "more");
}

void show_fifo(SignalSet& signals) {
    const Fifo fifo;
    // Open for both: neither this open nor a worker's waits for the other side.
    const Descriptor reader(check(::open(fifo.path(), O_RDWR | O_CLOEXEC), "open"));
    const Worker worker("fifo", [&] {
        const Descriptor writer(check(::open(fifo.path(), O_WRONLY | O_CLOEXEC), "open"));
        send(writer.get(), "found by its name");
    });
    std::printf("fifo: %s\n", receive_some(reader.get(), signals).c_str());
}

void show_message_queue(SignalSet& signals) {
    const MessageQueue queue;
    const Pair done = make_pipe();
    const Worker worker("queue", [&] {
        queue.send("later", 1);
        queue.send("at once", 9);
        queue.send("soon", 5);
        send(done.second.get(), "sent");
    });
    receive_some(done.first.get(), signals);
    for (int message = 0; message < 3; ++message) {
        unsigned priority = 0;
        await(queue.fd(), signals);
        const std::string text = queue.receive(priority);
        std::printf("queue: %s, of priority %u\n", text.c_str(), priority);
    }
}

void show_binary_semaphore(SignalSet& signals) {
    struct Counter {
        Semaphore free{1};
        Semaphore done{0};
        long value = 0;
    };
    const SharedMemory<Counter> counter;
    const auto count = [&] {
        for (int round = 0; round < 1000; ++round) {
            counter->free.wait();
            ++counter->value;  // never by two at a time
            counter->free.post();
        }
        counter->done.post();
    };
    const Worker one("memory", count);
    const Worker two("memory", count);
    counter->done.wait(signals);
    counter->done.wait(signals);
    std::printf("memory: two workers have counted to %ld\n", counter->value);
}

void show_counting_semaphores(SignalSet& signals) {
    static constexpr int places = 3;
    struct Belt {
        Semaphore free{places};  // how many places are free,
        Semaphore taken{0};      // and how many hold an item
        int items[places]{};
    };
    const SharedMemory<Belt> belt;
    const Worker producer("places", [&] {
        for (int item = 1; item <= 8; ++item) {
            belt->free.wait();
            belt->items[item % places] = item;
            belt->taken.post();
        }
    });
    std::string items;
    for (int item = 1; item <= 8; ++item) {
        belt->taken.wait(signals);
        items += std::to_string(belt->items[item % places]) + " ";
        belt->free.post();
    }
    std::printf("places: %swent over %d places\n", items.c_str(), places);
}

void show_sockets(SignalSet& signals, const char* section, int type) {
    Pair line = make_sockets(type);
    const Worker worker(section, [&] {
        const int fd = line.second.get();
        char question[16];
        static_cast<void>(check(::read(fd, question, sizeof question), "read"));
        send(fd, "an ");
        send(fd, "answer");
        static_cast<void>(check(::read(fd, question, sizeof question), "read"));
        send(fd, "bye");
    });
    line.second.reset();  // so that the end of a worker is the end of a stream
    const int fd = line.first.get();
    send(fd, "a question");
    // A datagram is one message. A stream is bytes: what is read may be part of what was written, or more.
    std::string answer;
    int messages = 0;
    for (; answer.size() < std::string_view("an answer").size(); ++messages)
        answer += receive_some(fd, signals);
    send(fd, "thanks");
    const std::string bye = receive_some(fd, signals);
    std::printf("%s: %s, %s", section, answer.c_str(), bye.c_str());
    if (type == SOCK_DGRAM) std::printf(", the answer in %d messages", messages);
    std::printf("\n");
}

void show_all(SignalSet& signals) {
    show_pipe(signals);
    show_fifo(signals);
    show_message_queue(signals);
    show_binary_semaphore(signals);
    show_counting_semaphores(signals);
    show_sockets(signals, "stream", SOCK_STREAM);
    show_sockets(signals, "datagram", SOCK_DGRAM);
}

}  // namespace

int main(int argc, char** argv) try {
    int first = 1;
    if (argc > 2 && std::string_view(argv[1]) == "--hold") held_section = argv[2], first = 3;
    if (argc != first + 1) {
        std::fprintf(stderr, "usage: %s [--hold SECTION] LOG | --foreground\n", argv[0]);
        return 64;
    }
    daemonkit::DaemonOptions options;
    if (std::string_view(argv[first]) == "--foreground") {
        options.detach = daemonkit::Detach::never;
    } else {
        options.out = options.err = daemonkit::AppendTo{argv[first]};
        options.pid_file = std::string(argv[first]) + ".pid";
    }
    SignalSet signals({SIGTERM, SIGINT});
    const daemonkit::DaemonContext daemon(options);
    std::setvbuf(stdout, nullptr, _IONBF, 0);  // a worker has no copy of what was not written yet
    try {
        show_all(signals);
    } catch (const Stopped&) {
        std::printf("stopped\n");
    } catch (const std::exception& failure) {
        std::printf("failed: %s\n", failure.what());
        return 70;
    }
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}

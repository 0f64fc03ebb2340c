// SPDX-License-Identifier: MIT
// operator new behind the fault seam: linked into a probe, DAEMONKIT_FAULT=[role/]new:N:12 makes the N-th one throw.

#include <daemonkit/detail/syscall.hpp>

#include <cstddef>  // std::size_t
#include <cstdint>  // std::intptr_t
#include <cstdlib>  // std::malloc
#include <new>

void* operator new(std::size_t size) {
    const auto allocated = daemonkit::detail::sys::invoke(
        "new", [size] { return reinterpret_cast<std::intptr_t>(std::malloc(size)); });
    if (!allocated || allocated.value == 0) throw std::bad_alloc();
    return reinterpret_cast<void*>(allocated.value);
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

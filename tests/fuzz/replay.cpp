// SPDX-License-Identifier: MIT
// fuzz_<name>_replay FOLDER: gives a fuzzer's function every file of the folder, and every beginning of each. Without a
// fuzzer in the compiler this is what the suite runs.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    if (argc != 2) return 64;
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
        const std::vector<std::uint8_t> bytes(text.begin(), text.end());
        constexpr std::size_t most_beginnings = 400;
        const std::size_t first = bytes.size() - std::min(bytes.size(), most_beginnings);
        for (std::size_t size = first; size <= bytes.size(); ++size) {
            // In memory of exactly that size, so that a sanitizer sees a read beyond it.
            const std::vector<std::uint8_t> beginning(bytes.data(), bytes.data() + size);
            LLVMFuzzerTestOneInput(beginning.data(), beginning.size());
        }
        ++files;
    }
    std::printf("%d files\n", files);
    return files > 0 ? 0 : 1;
}

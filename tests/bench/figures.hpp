// SPDX-License-Identifier: MIT
#pragma once
// What all benchmarks measure with. Every contender is measured in every round, the raw system calls first: a machine
// that gets slower does so for all of them, and each is compared with what the raw calls took in the same round. That is
// why Catch2's BENCHMARK, which measures one after the other, is not used.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

/// The contender that every other one is compared with, and the one that the targets are for.
inline constexpr const char* raw = "raw";
inline constexpr const char* daemonkit_itself = "daemonkit";

/// So many rounds, or a tenth of them where scripts/bench --quick asks for it.
inline int rounds(int wanted) {
    constexpr int fewest = 3;
    return std::getenv("DAEMONKIT_BENCH_QUICK") == nullptr ? wanted : std::max(fewest, wanted / 10);
}

inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

template <class Work>
double nanoseconds_of(Work&& work) {
    const auto before = Clock::now();
    work();
    return std::chrono::duration<double, std::nano>(Clock::now() - before).count();
}

/// A line of the results of scripts/bench, with tabs between: figure, contender, unit, rounds, minimum, median, the median
/// of the ratios to the raw calls in the same round, and a remark. Without rounds there is nothing but the remark.
inline void write_result(const std::string& figure, const std::string& contender,
                         const std::string& unit, std::size_t rounds, double least, double middle,
                         const std::string& ratio, const std::string& remark) {
    const char* path = std::getenv("DAEMONKIT_BENCH_RESULTS");
    std::FILE* results = path == nullptr ? nullptr : std::fopen(path, "ae");
    if (results == nullptr) return;
    std::fprintf(results, "%s\t%s\t%s\t%zu\t", figure.c_str(), contender.c_str(), unit.c_str(),
                 rounds);
    if (rounds == 0)
        std::fprintf(results, "-\t-");
    else
        std::fprintf(results, "%.3f\t%.3f", least, middle);
    std::fprintf(results, "\t%s\t%s\n", ratio.c_str(), remark.c_str());
    std::fclose(results);
}

/// One figure, as every contender has it: printed, and written to the results, at the end of its life.
class Figure {
public:
    Figure(std::string name, std::string unit) : name_(std::move(name)), unit_(std::move(unit)) {}
    ~Figure() {
        std::printf("\n%s, %s\n%-34s %7s %12s %12s %7s\n", name_.c_str(), unit_.c_str(), "",
                    "rounds", "minimum", "median", "ratio");
        for (const Series& series : all_) tell(series);
        std::fflush(stdout);
    }
    Figure(const Figure&) = delete;
    Figure& operator=(const Figure&) = delete;

    /// What the contender took in this round, which begins with the raw calls.
    void add(const std::string& contender, double value) {
        Series& series = find(contender);
        if (contender == raw) reference_ = value;
        series.values.push_back(value);
        if (reference_ > 0) series.ratios.push_back(value / reference_);
    }

    /// Why there is nothing of the contender, or what is special about it.
    void remark(const std::string& contender, const std::string& text) {
        find(contender).remark = text;
    }

private:
    struct Series {
        std::string contender;
        std::vector<double> values = {};
        std::vector<double> ratios = {};
        std::string remark = {};
    };

    Series& find(const std::string& contender) {
        for (Series& series : all_)
            if (series.contender == contender) return series;
        return all_.emplace_back(Series{.contender = contender});
    }

    void tell(const Series& series) const {
        const std::vector<double>& values = series.values;
        double least = 0;
        double middle = 0;
        char ratio[32] = "-";
        if (!values.empty()) {
            least = *std::min_element(values.begin(), values.end());
            middle = median(values);
        }
        if (!series.ratios.empty())
            std::snprintf(ratio, sizeof ratio, "%.3f", median(series.ratios));
        if (values.empty())
            std::printf("%-34s %s\n", series.contender.c_str(), series.remark.c_str());
        else {
            std::printf("%-34s %7zu %12.2f %12.2f %7s %s\n", series.contender.c_str(),
                        values.size(), least, middle, ratio, series.remark.c_str());
        }
        write_result(name_, series.contender, unit_, values.size(), least, middle, ratio,
                     series.remark);
    }

    std::string name_;
    std::string unit_;
    std::vector<Series> all_;
    double reference_ = 0;
};

}  // namespace bench

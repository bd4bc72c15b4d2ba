// The BM25 index over made-up captions: how fast it is built, how long a query takes, and what memory both need.
//
//   bm25_bench FOLDER ROWS [--captions FILE] [--queries N]
//
// Captions are drawn from a fixed seed: words by Zipf's law, lengths as InternVid's; `--captions` writes them to a file as
// well, one a line, for peers (bm25_peers.py). The index is made as `clips add` makes it, in segments of 2 million rows.
// Prints one JSON object. Queries are "person is X", X from rare to frequent, as the paper asks; each is timed alone, after one
// round that warms the map.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "catalogue/bm25_builder.h"
#include "catalogue/bm25_search.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

constexpr uint64_t kRowsPerSegment = uint64_t{1} << 21;
constexpr size_t kVocabulary = 500'000;
/// Ranks of the words that queries begin with, as frequent as in captions of people.
constexpr size_t kPersonRank = 6;
constexpr size_t kIsRank = 3;
constexpr size_t kTop = 400;

double seconds_since(Steady::time_point begin) { return std::chrono::duration<double>(Steady::now() - begin).count(); }

/// SplitMix64's output function over a counter: the same numbers everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

std::string word_at(size_t rank) {
  if (rank == kPersonRank) return "person";
  if (rank == kIsRank) return "is";
  // Letters that spell the rank, rare words being longer.
  std::string word;
  for (size_t value = rank + 27; value > 0; value /= 26) word.push_back(static_cast<char>('a' + value % 26));
  return word + (rank % 3 == 0 ? "ing" : rank % 3 == 1 ? "o" : "er");
}

/// Captions of 4 to 60 words, 12.4 in the mean: the exponential of a normal distribution.
class Captions {
 public:
  Captions() : random_(20'261'125) {
    double sum = 0;
    for (size_t rank = 0; rank < kVocabulary; ++rank) {
      words_.push_back(word_at(rank));
      sum += 1.0 / (static_cast<double>(rank) + 2.7);
      cumulative_.push_back(sum);
    }
    // A table of starting points makes each draw a few steps.
    for (size_t i = 0; i < start_.size(); ++i) {
      const double at = static_cast<double>(i) / static_cast<double>(start_.size()) * sum;
      start_[i] = static_cast<uint32_t>(std::lower_bound(cumulative_.begin(), cumulative_.end(), at) - cumulative_.begin());
    }
  }
  void next(std::string& caption) {
    caption.clear();
    const double normal = std::sqrt(-2 * std::log(1 - random_.uniform())) * std::cos(2 * M_PI * random_.uniform());
    const auto length = std::clamp(static_cast<int>(std::lround(std::exp(2.43 + 0.42 * normal))), 4, 60);
    for (int i = 0; i < length; ++i) {
      if (i > 0) caption.push_back(' ');
      const double u = random_.uniform();
      size_t rank = start_[static_cast<size_t>(u * static_cast<double>(start_.size()))];
      while (rank + 1 < cumulative_.size() && cumulative_[rank] < u * cumulative_.back()) ++rank;
      caption += words_[rank];
    }
  }

 private:
  Random random_;
  std::vector<std::string> words_;
  std::vector<double> cumulative_;
  std::vector<uint32_t> start_ = std::vector<uint32_t>(1 << 16);
};

/// 200 motions, from a word that one caption in 30 holds to words that hardly any does.
std::vector<std::string> motions(size_t count) {
  std::vector<std::string> result;
  for (size_t i = 0; i < count; ++i) {
    const double rank = 30 * std::pow(300'000.0 / 30, static_cast<double>(i) / static_cast<double>(count - 1));
    result.push_back(word_at(static_cast<size_t>(rank)));
  }
  return result;
}

double peak_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Processor time of this thread: what a query costs, however busy the machine is.
double thread_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

fs::path segment_file(const fs::path& folder, size_t number) { return folder / fmt::format("bench-index-{}", number); }

/// Captions are made in batches outside the timed parts.
Json build(const fs::path& folder, uint64_t rows, const char* captions_file) {
  Captions captions;
  std::FILE* file = captions_file != nullptr ? std::fopen(captions_file, "wb") : nullptr;
  const double before_mib = peak_mib();
  double build_s = 0;
  double build_cpu_s = 0;
  uint64_t bytes = 0;
  std::unique_ptr<Bm25Builder> builder;
  std::vector<std::string> batch(10'000);
  for (uint64_t row = 0; row < rows;) {
    const size_t size = std::min<uint64_t>({batch.size(), rows - row, kRowsPerSegment - row % kRowsPerSegment});
    for (size_t i = 0; i < size; ++i) {
      captions.next(batch[i]);
      if (file != nullptr) std::fwrite((batch[i] + "\n").data(), 1, batch[i].size() + 1, file);
    }
    const auto begin = Steady::now();
    const double cpu_begin = cpu_seconds();
    if (row % kRowsPerSegment == 0) builder = std::make_unique<Bm25Builder>(segment_file(folder, row / kRowsPerSegment), AnalyzerKind::plain);
    for (size_t i = 0; i < size; ++i) builder->add(batch[i]);
    row += size;
    if (row % kRowsPerSegment == 0 || row == rows) {
      builder->finish();
      bytes += fs::file_size(segment_file(folder, (row - 1) / kRowsPerSegment));
    }
    build_s += seconds_since(begin);
    build_cpu_s += cpu_seconds() - cpu_begin;
  }
  if (file != nullptr) std::fclose(file);
  return {{"rows", rows}, {"build_s", build_s}, {"build_cpu_s", build_cpu_s}, {"captions_a_second", static_cast<double>(rows) / build_s},
          {"captions_a_cpu_second", static_cast<double>(rows) / build_cpu_s}, {"index_bytes", bytes}, {"build_peak_mib", peak_mib() - before_mib}};
}

/// What the kernel counts as this process's own, without mapped files.
Json memory_now() {
  Json result;
  std::FILE* file = std::fopen("/proc/self/status", "r");
  char line[256];
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    long kib = 0;
    if (std::sscanf(line, "RssAnon: %ld", &kib) == 1) result["own_mib"] = static_cast<double>(kib) / 1024;
    if (std::sscanf(line, "RssFile: %ld", &kib) == 1) result["mapped_mib"] = static_cast<double>(kib) / 1024;
  }
  if (file != nullptr) std::fclose(file);
  return result;
}

Json query(const fs::path& folder, uint64_t rows, size_t count, const char* answers_file) {
  std::vector<std::unique_ptr<Bm25Index>> indexes;
  std::vector<Bm25Segment> segments;
  const auto open_begin = Steady::now();
  for (uint64_t row = 0; row < rows; row += kRowsPerSegment) {
    indexes.push_back(std::make_unique<Bm25Index>(segment_file(folder, row / kRowsPerSegment)));
    segments.push_back({indexes.back().get(), nullptr});
  }
  const double open_s = seconds_since(open_begin);
  Json answers = Json::array();
  std::vector<double> times_ms, cold_ms, cpu_ms;
  for (int round = 0; round < 4; ++round) {
    for (const std::string& motion : motions(count)) {
      const auto begin = Steady::now();
      const double cpu_begin = thread_seconds();
      const auto hits = bm25_search(segments, {"person", "is", motion}, kTop);
      (round == 0 ? cold_ms : times_ms).push_back(seconds_since(begin) * 1e3);
      const double cpu = (thread_seconds() - cpu_begin) * 1e3;
      if (round > 0) cpu_ms.push_back(cpu);
      if (round == 0) {
        Json scores = Json::array();
        for (const Bm25Hit& hit : hits) scores.push_back({hit.row, hit.score});
        answers.push_back({{"query", "person is " + motion}, {"cpu_ms", cpu}, {"hits", scores}});
      }
    }
  }
  if (answers_file != nullptr) {
    std::FILE* file = std::fopen(answers_file, "wb");
    const std::string text = answers.dump();
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
  }
  const auto quantile = [](std::vector<double>& values, double q) {
    std::sort(values.begin(), values.end());
    return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
  };
  Json result = {{"open_ms", open_s * 1e3}, {"queries", count}, {"first_round_p50_ms", quantile(cold_ms, 0.5)}, {"first_round_p99_ms", quantile(cold_ms, 0.99)},
                 {"p50_ms", quantile(times_ms, 0.5)}, {"p99_ms", quantile(times_ms, 0.99)}, {"slowest_ms", times_ms.back()},
                 {"p50_cpu_ms", quantile(cpu_ms, 0.5)}, {"p99_cpu_ms", quantile(cpu_ms, 0.99)}};
  result.update(memory_now());
  return result;
}

/// Runs `work` in a process of its own, so that memory is counted for it alone; its JSON comes back through a pipe.
template <typename Work>
Json in_own_process(Work work) {
  int ends[2];
  if (::pipe(ends) != 0) throw Error(ErrorKind::storage, "no pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    const std::string text = work().dump();
    size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = ::write(ends[1], text.data() + done, text.size() - done);
      if (n <= 0) ::_exit(1);
      done += static_cast<size_t>(n);
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) throw Error(ErrorKind::bug, "a part of the benchmark failed");
  return parse_json(text, "benchmark");
}

}  // namespace
}  // namespace dreamrunner

int main(int argc, char** argv) {
  using namespace dreamrunner;
  if (argc < 3) {
    std::fprintf(stderr, "usage: bm25_bench FOLDER ROWS [--captions FILE] [--answers FILE] [--queries N]\n");
    return 2;
  }
  const fs::path folder = argv[1];
  const uint64_t rows = std::strtoull(argv[2], nullptr, 10);
  const char* captions = nullptr;
  const char* answers = nullptr;
  size_t queries = 200;
  for (int i = 3; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--captions") == 0) captions = argv[i + 1];
    else if (std::strcmp(argv[i], "--answers") == 0) answers = argv[i + 1];
    else if (std::strcmp(argv[i], "--queries") == 0) queries = std::max<size_t>(2, std::strtoull(argv[i + 1], nullptr, 10));
  }
  try {
    Json report = {{"name", "dreamrunner"}};
    report.update(in_own_process([&] { return build(folder, rows, captions); }));
    report.update(in_own_process([&] { return query(folder, rows, queries, answers); }));
    std::printf("%s\n", report.dump(2).c_str());
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.line().c_str());
    return exit_code(error.kind());
  }
  return 0;
}

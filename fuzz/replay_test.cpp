#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "targets.h"

namespace dreamrunner::fuzz {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> corpus_of(const Target& target) {
  std::vector<fs::path> files;
  const fs::path folder = fs::path(DREAMRUNNER_SOURCE_DIR) / "fuzz" / "corpus" / target.name;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class FuzzCorpus : public testing::TestWithParam<Target> {};

/// A broken promise aborts the program, an exception that leaves a target fails the test.
TEST_P(FuzzCorpus, IsReadAsPromised) {
  const auto files = corpus_of(GetParam());
  ASSERT_FALSE(files.empty());
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename().string());
    EXPECT_NO_THROW(GetParam().run(read_file(file, 1 << 20)));
  }
}

/// Every prefix of a file is what a download or a model's reply leaves that was cut off.
TEST_P(FuzzCorpus, IsReadAsPromisedWhenCutAnywhere) {
  for (const fs::path& file : corpus_of(GetParam())) {
    SCOPED_TRACE(file.filename().string());
    const std::string bytes = read_file(file, 1 << 20);
    const size_t step = std::max<size_t>(1, bytes.size() / 64);
    for (size_t size = 0; size < bytes.size(); size += step) EXPECT_NO_THROW(GetParam().run(bytes.substr(0, size)));
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpus, testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace dreamrunner::fuzz

// An index that was damaged anywhere is refused, or answers as before; it never crashes and never answers something else.

#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "catalogue/bm25_builder.h"
#include "catalogue/bm25_search.h"
#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

const std::vector<std::vector<std::string>> kQueries = {{"person", "is", "bowing"}, {"person"}, {"word77"}, {"place", "3"}, {"unheard"}};

std::vector<Bm25Hit> all_answers(const std::filesystem::path& path) {
  const Bm25Index index(path);
  const Bm25Segment segment{&index, nullptr};
  std::vector<Bm25Hit> all;
  for (const auto& query : kQueries) {
    for (const Bm25Hit& hit : bm25_search({&segment, 1}, query, 400)) all.push_back(hit);
  }
  return all;
}

TEST(Bm25Damage, AtAThousandPlacesIsRefusedOrChangesNothing) {
  test::TemporaryFolder folder;
  const auto whole = folder / "whole";
  Bm25Builder builder(whole, AnalyzerKind::plain);
  for (int i = 0; i < 30'000; ++i) builder.add(fmt::format("a person is {} in place {} word{}", i % 97 == 0 ? "bowing" : "walking", i % 13, i % 5000));
  builder.finish();
  const std::string bytes = read_file(whole, 1 << 24);
  const std::vector<Bm25Hit> expected = all_answers(whole);
  ASSERT_GT(expected.size(), 1000u);

  std::mt19937 random(5);
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string damaged = bytes;
    const size_t at = random() % bytes.size();
    if (i % 4 == 0) damaged.resize(at);
    else if (i % 4 == 1) damaged.replace(at, std::min<size_t>(512, damaged.size() - at), std::min<size_t>(512, damaged.size() - at), '\0');
    else damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    const auto path = folder / "damaged";
    std::filesystem::remove(path);
    write_file_atomic(path, damaged);
    std::vector<Bm25Hit> found;
    const auto error = test::error_of([&] { found = all_answers(path); });
    if (error) {
      EXPECT_EQ(error->kind(), ErrorKind::input_file);
      ++refused;
      continue;
    }
    ASSERT_EQ(found.size(), expected.size()) << "damaged at " << at;
    for (size_t k = 0; k < found.size(); ++k) {
      ASSERT_EQ(found[k].row, expected[k].row);
      ASSERT_EQ(found[k].score, expected[k].score);
    }
  }
  EXPECT_GT(refused, 250) << "every cut file, and more";
}

}  // namespace
}  // namespace dreamrunner

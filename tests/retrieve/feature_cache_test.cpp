#include "retrieve/feature_cache.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;

Json clip(int number) { return {{"video", number}}; }

/// About 1,000 bytes each.
Json seen(int number) { return {{"tracks", std::string(1000, static_cast<char>('a' + number))}}; }

/// The file of the entry that was kept last.
fs::path newest(const fs::path& folder) {
  fs::path file;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && (file.empty() || entry.last_write_time() > fs::last_write_time(file))) file = entry.path();
  }
  return file;
}

void make_older(const fs::path& file, std::chrono::hours by) { fs::last_write_time(file, fs::file_time_type::clock::now() - by); }

TEST(FeatureCache, WhatWasUsedLongestAgoGoesFirst) {
  const test::TemporaryFolder folder;
  const FeatureCache cache(folder.path());
  for (int number = 0; number < 4; ++number) {
    cache.keep(clip(number), seen(number));
    make_older(newest(folder.path()), std::chrono::hours(10 - number));
  }
  ASSERT_TRUE(cache.find(clip(0)));  // The oldest was just used.
  cache.tidy(3500);
  EXPECT_TRUE(cache.find(clip(0)));
  EXPECT_FALSE(cache.find(clip(1)));
  EXPECT_TRUE(cache.find(clip(2)));
  EXPECT_EQ(cache.find(clip(3)), seen(3));
}

TEST(FeatureCache, LeavesAFolderThatIsSmallEnoughAsItIs) {
  const test::TemporaryFolder folder;
  const FeatureCache cache(folder.path());
  for (int number = 0; number < 3; ++number) cache.keep(clip(number), seen(number));
  cache.tidy(1 << 20);
  for (int number = 0; number < 3; ++number) EXPECT_TRUE(cache.find(clip(number))) << number;
}

TEST(FeatureCache, KilledRunsLeaveNothingButNobodyElsesFilesAreTouched) {
  const test::TemporaryFolder folder;
  const FeatureCache cache(folder.path() / "features");
  cache.keep(clip(0), seen(0));
  const fs::path among = newest(folder.path()).parent_path();
  const auto write = [](const fs::path& file) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "something";
    make_older(file, std::chrono::hours(48));
    return file;
  };
  const fs::path killed = write(among / ".aa.json.17.0.tmp");
  const fs::path fresh = among / ".ab.json.18.0.tmp";
  std::ofstream(fresh) << "";
  const fs::path elsewhere = write(folder.path() / "features" / "notes" / "mine.json");
  const fs::path linked = write(folder.path() / "outside" / "other.json");
  fs::create_directory_symlink(folder.path() / "outside", folder.path() / "features" / "zz");
  cache.tidy(0);
  EXPECT_FALSE(fs::exists(killed));
  EXPECT_TRUE(fs::exists(fresh)) << "another run may be writing it";
  EXPECT_TRUE(fs::exists(elsewhere));
  EXPECT_TRUE(fs::exists(linked));
  EXPECT_FALSE(cache.find(clip(0)));
}

TEST(FeatureCache, AFolderThatIsNotThereIsTidyAlready) {
  const test::TemporaryFolder folder;
  FeatureCache(folder.path() / "none").tidy(0);
  EXPECT_FALSE(fs::exists(folder.path() / "none"));
}

}  // namespace
}  // namespace dreamrunner

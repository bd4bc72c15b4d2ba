#include "film/file_hashes.h"

#include <sys/stat.h>

#include <ctime>
#include <fstream>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/json.h"
#include "small_film.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;

class FileHashesTest : public ::testing::Test {
 protected:
  FileHashesTest() { write(big(), 'a'); }
  void write(const fs::path& path, char letter) const { test::write_text(path, std::string(FileHashes::kLarge, letter)); }
  fs::path big() const { return folder_ / "big.mp4"; }
  fs::path store() const { return folder_ / "hashes.json"; }
  /// Waits until the file has not been touched for long enough: its time of change cannot be set.
  void settle() const {
    struct stat status {};
    ASSERT_EQ(::stat(big().c_str(), &status), 0);
    while (std::time(nullptr) <= status.st_ctim.tv_sec + 2) ::usleep(50'000);
  }
  /// Puts a wrong hash into the store: who gives it back has not read the file.
  void plant() const {
    std::string text = test::read_bytes(store());
    const size_t at = text.find("\"sha256\": \"") + 11;
    text.replace(at, 64, std::string(64, '0'));
    test::write_text(store(), text);
  }
  test::TemporaryFolder folder_;
};

TEST_F(FileHashesTest, AFileThatWasJustTouchedIsNotRemembered) {
  FileHashes hashes(store());
  EXPECT_EQ(hashes.sha256(big()), sha256_of_file(big()));
  hashes.save();
  EXPECT_FALSE(fs::exists(store()));
}

TEST_F(FileHashesTest, ALargeFileIsReadOnceUntilItChangesInAnyWay) {
  settle();
  {
    FileHashes hashes(store());
    EXPECT_EQ(hashes.sha256(big()), sha256_of_file(big()));
    hashes.save();
  }
  ASSERT_TRUE(fs::exists(store()));
  plant();
  EXPECT_EQ(FileHashes(store()).sha256(big()), std::string(64, '0')) << "remembered";
  // Same size, and the time of modification put back: the time of change tells.
  const auto time = fs::last_write_time(big());
  write(big(), 'b');
  fs::last_write_time(big(), time);
  EXPECT_EQ(FileHashes(store()).sha256(big()), sha256_of_file(big()));
}

TEST_F(FileHashesTest, SmallFilesAreAlwaysReadAndADamagedStoreIsNone) {
  test::write_text(folder_ / "small", "x");
  for (const char* text : {"", "{", "[]", R"({"schema": 2})", R"({"schema": 1, "files": {"a": 3}})", R"({"schema": 1})"}) {
    test::write_text(store(), text);
    FileHashes hashes(store());
    EXPECT_EQ(hashes.sha256(folder_ / "small"), sha256_hex("x"));
    EXPECT_EQ(hashes.sha256(big()), sha256_of_file(big())) << text;
  }
}

}  // namespace
}  // namespace dreamrunner

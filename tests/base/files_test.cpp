#include "base/files.h"

#include <sys/stat.h>

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/path_kind.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using testing::HasSubstr;

size_t files_in(const fs::path& folder) { return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator())); }

TEST(FilesTest, AFileIsWrittenWholeAndReplaced) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "a", "one");
  write_file_atomic(folder / "a", std::string(100'000, 'x'));
  EXPECT_EQ(read_file(folder / "a", 1 << 20), std::string(100'000, 'x'));
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(FilesTest, AFailedWriteKeepsTheOldFileAndLeavesNoTemporary) {
  const test::TemporaryFolder folder;
  fs::create_directory(folder / "taken");
  std::ofstream(folder / "taken" / "inside") << "x";
  EXPECT_THAT(expect_error(ErrorKind::storage, [&] { write_file_atomic(folder / "taken", "text"); }), HasSubstr("taken: cannot be replaced"));
  EXPECT_TRUE(fs::exists(folder / "taken" / "inside"));
  EXPECT_EQ(files_in(folder.path()), 1u);
  expect_error(ErrorKind::storage, [&] { write_file_atomic(folder / "no" / "folder", "text"); });
}

TEST(FilesTest, ATemporaryFileOfAnotherProcessIsNeitherAnErrorNorTouched) {
  const test::TemporaryFolder folder;
  // In another container a process may have the same id, and its files the names that come next here.
  const fs::path next = temporary_beside(folder / "a");
  const std::string name = next.filename().string();  // .a.PID.N.tmp
  const size_t end = name.rfind('.'), begin = name.rfind('.', end - 1) + 1;
  const uint64_t number = std::stoull(name.substr(begin, end - begin));
  std::vector<fs::path> foreign;
  for (uint64_t i = 1; i <= 3; ++i) {
    foreign.push_back(folder / (name.substr(0, begin) + std::to_string(number + i) + ".tmp"));
    std::ofstream(foreign.back()) << "theirs";
  }
  write_file_atomic(folder / "a", "ours");
  EXPECT_EQ(read_file(folder / "a", 100), "ours");
  for (const fs::path& file : foreign) EXPECT_EQ(read_file(file, 100), "theirs");
  EXPECT_EQ(files_in(folder.path()), 4u);
}

TEST(FilesTest, OnlyRegularFilesWithinTheLimitAreRead) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "a", "12345");
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { read_file(folder / "a", 4); }), HasSubstr("5 bytes, at most 4 expected"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { read_file(folder / "b", 4); }), HasSubstr("no such file"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { read_file(folder.path(), 4); }), HasSubstr("not a regular file"));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { read_file(folder / "pipe", 4); }), HasSubstr("not a regular file"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { MappedFile(folder / "pipe"); }), HasSubstr("not a regular file"));
}

TEST(FilesTest, APipeIsNotReplaced) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(expect_error(ErrorKind::storage, [&] { write_file_atomic(folder / "pipe", "text"); }), HasSubstr("pipe: cannot be replaced: not a regular file"));
  EXPECT_TRUE(fs::is_fifo(folder / "pipe"));
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(PathKindTest, WhatCannotBeLookedAtIsNotAbsent) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "file", "text");
  fs::create_symlink("round", folder / "round");
  fs::create_symlink("nowhere", folder / "dangling");
  EXPECT_TRUE(is_there(folder / "file"));
  EXPECT_TRUE(is_there(folder.path()));
  for (const fs::path& absent : {folder / "none", folder / "file" / "below", folder / "dangling", folder / std::string(300, 'x')}) EXPECT_FALSE(is_there(absent)) << absent;
  EXPECT_THAT(expect_error(ErrorKind::storage, [&] { is_there(folder / "round"); }), HasSubstr("round: cannot be looked at"));
}

TEST(FilesTest, AnEmptyFileCanBeMapped) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "empty", "");
  EXPECT_EQ(MappedFile(folder / "empty").bytes().size(), 0u);
}

TEST(HashTest, OnlyRegularFilesAreRead) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { sha256_of_file(folder / "pipe"); }), HasSubstr("pipe: not a regular file"));
  expect_error(ErrorKind::input_file, [&] { sha256_of_file(folder.path()); });
  expect_error(ErrorKind::storage, [&] { sha256_of_file(folder / "none"); });
}

TEST(HashTest, KnownDigests) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "a", std::string(3 << 20, 'a'));
  EXPECT_EQ(sha256_of_file(folder / "a"), sha256_hex(std::string(3 << 20, 'a')));
  expect_error(ErrorKind::storage, [&] { sha256_of_file(folder / "missing"); });
}

}  // namespace
}  // namespace dreamrunner

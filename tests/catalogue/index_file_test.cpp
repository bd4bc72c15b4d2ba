#include "catalogue/index_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalogue/index_bytes.h"
#include "catalogue/index_crc32c.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using testing::HasSubstr;

constexpr IndexFileKind kKind{"test", 3};

std::string as_text(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

TEST(Crc32c, IsTheOneOfTheStandardByEitherWay) {
  // RFC 3720, B.4: 32 zeros, 32 ones, the numbers 0 to 31.
  EXPECT_EQ(crc32c("123456789", 9), 0xE3069283u);
  std::string bytes(32, '\0');
  EXPECT_EQ(crc32c(bytes.data(), 32), 0x8A9136AAu);
  bytes.assign(32, '\xFF');
  EXPECT_EQ(crc32c(bytes.data(), 32), 0x62A8AB43u);
  for (int i = 0; i < 32; ++i) bytes[static_cast<size_t>(i)] = static_cast<char>(i);
  EXPECT_EQ(crc32c(bytes.data(), 32), 0x46DD794Eu);
  for (size_t size = 0; size <= 32; ++size) EXPECT_EQ(crc32c(bytes.data(), size), crc32c_by_table(bytes.data(), size));
  EXPECT_EQ(crc32c(bytes.data() + 5, 27, crc32c(bytes.data(), 5)), 0x46DD794Eu);
}

TEST(IndexFile, WhatWasWrittenIsRead) {
  test::TemporaryFolder folder;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{32768}, size_t{100'001}}) {
    IndexFileWriter writer(folder / "f", kKind);
    std::string content;
    while (content.size() < size) {
      const std::string piece(std::min<size_t>(size - content.size(), 1 + content.size() % 7919), static_cast<char>('a' + content.size() % 23));
      EXPECT_EQ(writer.position(), content.size());
      writer.write(piece);
      content += piece;
    }
    writer.finish();
    const IndexFile file(folder / "f", kKind);
    ASSERT_EQ(file.size(), size);
    EXPECT_EQ(as_text(file.bytes(0, size)), content);
    if (size > 40'000) {
      EXPECT_EQ(as_text(file.bytes(32'700, 100)), content.substr(32'700, 100));
    }
    EXPECT_THAT(test::expect_error(ErrorKind::input_file, [&] { file.bytes(size, 1); }), HasSubstr("outside"));
    test::expect_error(ErrorKind::input_file, [&] { file.bytes(1, UINT64_MAX); });
  }
}

TEST(IndexFile, OtherKindsVersionsAndFilesAreRefused) {
  test::TemporaryFolder folder;
  IndexFileWriter writer(folder / "f", kKind);
  writer.write("content");
  writer.finish();
  EXPECT_THAT(test::expect_error(ErrorKind::input_file, [&] { IndexFile(folder / "f", {"else", 3}); }), HasSubstr("something else than else"));
  EXPECT_THAT(test::expect_error(ErrorKind::input_file, [&] { IndexFile(folder / "f", {"test", 4}); }), HasSubstr("version 3 of its format, 4 expected"));
  write_file_atomic(folder / "g", "short");
  EXPECT_THAT(test::expect_error(ErrorKind::input_file, [&] { IndexFile(folder / "g", kKind); }), HasSubstr("5 bytes"));
  write_file_atomic(folder / "g", std::string(500, 'x'));
  EXPECT_THAT(test::expect_error(ErrorKind::input_file, [&] { IndexFile(folder / "g", kKind); }), HasSubstr("does not end as"));
}

TEST(IndexFile, AFlippedBitIsFoundWhereItIsRead) {
  test::TemporaryFolder folder;
  IndexFileWriter writer(folder / "f", kKind);
  writer.write(std::string(100'000, 'x'));
  writer.finish();
  std::string bytes = read_file(folder / "f", 1 << 20);
  bytes[70'000] ^= 4;
  write_file_atomic(folder / "g", bytes);
  const IndexFile file(folder / "g", kKind);
  EXPECT_EQ(file.bytes(0, 65'536).size(), 65'536u);
  EXPECT_THAT(test::expect_error(ErrorKind::input_file, [&] { file.bytes(65'536, 1); }), HasSubstr("bytes 65536 to 98304 are damaged"));
}

TEST(ByteReader, NeverReadsPastTheEnd) {
  std::string bytes;
  append_varint(bytes, 300);
  append_varint(bytes, UINT64_MAX);
  const auto span = [](const std::string& text) { return std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()); };
  ByteReader reader(span(bytes), "t");
  EXPECT_EQ(reader.varint(), 300u);
  EXPECT_EQ(reader.varint(), UINT64_MAX);
  EXPECT_THAT(test::expect_error(ErrorKind::input_file, [&] { reader.varint(); }), HasSubstr("t: damaged"));
  test::expect_error(ErrorKind::input_file, [&] { ByteReader(span(std::string(12, '\xFF')), "t").varint(); });
  test::expect_error(ErrorKind::input_file, [&] { ByteReader(span("\x05" "abc"), "t").text(); });
}

}  // namespace
}  // namespace dreamrunner

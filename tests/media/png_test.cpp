#include "media/png.h"

#include <gmock/gmock.h>

#include "media_support.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using test::error_of;
using test::TemporaryFolder;

Picture pattern(int width, int height) {
  Picture picture{width, height, std::vector<uint8_t>(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height))};
  for (size_t i = 0; i < picture.rgb.size(); ++i) picture.rgb[i] = static_cast<uint8_t>(i * 37 + i / 97);
  return picture;
}

/// A PNG from its hexadecimal digits.
std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

TEST(Png, KeepsEveryPixelAndWritesTheSameBytes) {
  const TemporaryFolder folder;
  for (const auto& [width, height] : {std::pair{1, 1}, {7, 3}, {144, 96}, {1000, 2}}) {
    const Picture picture = pattern(width, height);
    write_png(folder / "a.png", picture);
    write_png(folder / "b.png", picture);
    EXPECT_EQ(read_png(folder / "a.png"), picture);
    EXPECT_TRUE(test::file_bytes(folder / "a.png") == test::file_bytes(folder / "b.png"));
  }
  EXPECT_EQ(test::files_in(folder.path()), 2);
}

// One pixel each: grey 16 bits 0x8080, and red that is fully transparent.
TEST(Png, ReadsOtherKindsAsRgb) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "grey16.png", from_hex("89504e470d0a1a0a0000000d49484452000000010000000110000000006aee47160000000b4944415478da"
                                                    "6368680000018301018b9155f20000000049454e44ae426082"));
  EXPECT_EQ(read_png(folder / "grey16.png").rgb, (std::vector<uint8_t>{128, 128, 128}));
  test::write_bytes(folder / "clear.png", from_hex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da6"
                                                   "338c1c0c00000032500c97115902d0000000049454e44ae426082"));
  EXPECT_EQ(read_png(folder / "clear.png").rgb, (std::vector<uint8_t>{255, 255, 255}));
}

TEST(Png, RefusesDamagedFiles) {
  const TemporaryFolder folder;
  write_png(folder / "good.png", pattern(64, 64));
  const std::string good = test::file_bytes(folder / "good.png");
  for (const size_t length : {size_t{0}, size_t{7}, size_t{20}, size_t{40}, good.size() / 2, good.size() - 30}) {
    test::write_bytes(folder / "bad.png", good.substr(0, length));
    EXPECT_EQ(error_of([&] { read_png(folder / "bad.png"); }).kind(), ErrorKind::input_file) << length;
  }
  test::write_bytes(folder / "bad.png", "version https://git-lfs.github.com/spec/v1");
  EXPECT_EQ(error_of([&] { read_png(folder / "bad.png"); }).kind(), ErrorKind::input_file);
  EXPECT_EQ(error_of([&] { read_png(folder / "none.png"); }).kind(), ErrorKind::input_file);
  // A header that promises 100,000 x 100,000 pixels is refused before anything is allocated.
  test::write_bytes(folder / "huge.png", from_hex("89504e470d0a1a0a0000000d49484452000186a0000186a0080200000027309c9f0000000b4944415478da63"
                                                  "60800100000a0001ec2403b90000000049454e44ae426082"));
  const Error error = error_of([&] { read_png(folder / "huge.png"); });
  EXPECT_EQ(error.kind(), ErrorKind::input_file);
  EXPECT_THAT(error.what(), testing::HasSubstr("100000 x 100000"));
}

TEST(Png, UnwritableFolderIsAStorageError) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { write_png(folder / "no/a.png", pattern(2, 2)); }).kind(), ErrorKind::storage);
}

}  // namespace
}  // namespace dreamrunner

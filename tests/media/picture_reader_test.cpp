// Pictures as people have them. The files in pictures/ were made and checked with Pillow (make_pictures.py there): red, green, blue
// and yellow quarters, 32 x 16, green transparent and blue half transparent where the format can.
#include "media/picture_reader.h"

#include <gmock/gmock.h>

#include "media/png.h"
#include "media_support.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

using test::error_of;
using test::Rgb;
using test::TemporaryFolder;
using testing::HasSubstr;

const std::filesystem::path kPictures = std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "tests/media/pictures";
constexpr Rgb kRed{200, 30, 40}, kGreen{30, 180, 60}, kBlue{40, 60, 200}, kYellow{230, 200, 40}, kWhite{255, 255, 255};
// Lossy formats round colours to Y, Cb, Cr, each by half, and quantise: quarters of whole blocks stay within this.
constexpr int kLossy = 3;

ShownPicture read(const std::string& name, const PictureReadOptions& options = {}) { return read_picture(kPictures / name, options); }

Rgb at(const ShownPicture& shown, int x, int y) { return test::pixel(view_of(shown.picture), 0, y, x); }

/// Asks for the four quarters, at their middles and at their corners. Where chroma has half the size it is mixed across the edges
/// of the quarters, so that only their middles count.
enum class Chroma { whole, halved };
void expect_quarters(const ShownPicture& shown, const std::array<Rgb, 4>& colours, int tolerance, Chroma chroma = Chroma::whole) {
  ASSERT_EQ(shown.picture.width, 32);
  ASSERT_EQ(shown.picture.height, 16);
  for (int quarter = 0; quarter < 4; ++quarter) {
    const int left = quarter % 2 * 16, top = quarter / 2 * 8;
    for (const auto& [x, y] : {std::pair{left + 8, top + 4}, {left, top}, {left + 15, top + 7}}) {
      if (chroma == Chroma::halved && x != left + 8) continue;
      EXPECT_LE(test::largest_difference(at(shown, x, y), colours[static_cast<size_t>(quarter)]), tolerance)
          << x << ", " << y << ": " << testing::PrintToString(at(shown, x, y));
    }
  }
}

const std::array<Rgb, 4> kColours{kRed, kGreen, kBlue, kYellow};

TEST(PictureReader, EveryOrientationIsShownUpright) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    SCOPED_TRACE(orientation);
    const ShownPicture shown = read("orientation-" + std::to_string(orientation) + ".jpg");
    EXPECT_EQ(shown.orientation, orientation);
    expect_quarters(shown, kColours, kLossy);
  }
  for (const char* name : {"exif.png", "exif.webp"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(read(name).orientation, 6);
    expect_quarters(read(name), kColours, 0);
  }
}

TEST(PictureReader, JpegsOfManyKinds) {
  expect_quarters(read("progressive.jpg"), kColours, kLossy);
  const Rgb light{200, 200, 200}, dark{30, 30, 30}, darker{40, 40, 40}, bright{230, 230, 230};
  expect_quarters(read("grey.jpg"), {light, dark, darker, bright}, 1);
  EXPECT_TRUE(read("grey.jpg").alpha.empty());
  expect_quarters(read("420.jpg"), kColours, kLossy, Chroma::halved);
}

TEST(PictureReader, InksOfAPrinterAreMixed) {
  for (const char* name : {"inks-cmyk.jpg", "inks-ycck.jpg"}) {
    SCOPED_TRACE(name);
    expect_quarters(read(name), kColours, kLossy);
    EXPECT_TRUE(read(name).alpha.empty());
  }
  expect_quarters(read("inks-ycck-420.jpg"), kColours, kLossy, Chroma::halved);
}

TEST(PictureReader, PalettesGreyAndSixteenBits) {
  expect_quarters(read("16-bit.png"), kColours, 0);
  expect_quarters(read("palette.bmp"), kColours, 0);
  expect_quarters(read("plain.bmp"), kColours, 0);
  expect_quarters(read("plain.gif"), kColours, 0);
  expect_quarters(read("lossy.webp"), kColours, kLossy, Chroma::halved);
  expect_quarters(read("grey.png"), {Rgb{200, 200, 200}, Rgb{30, 30, 30}, Rgb{40, 40, 40}, Rgb{230, 230, 230}}, 0);
  expect_quarters(read("one-bit.png"), {Rgb{0, 0, 0}, kWhite, Rgb{0, 0, 0}, kWhite}, 0);
}

TEST(PictureReader, OfAnAnimationTheFirstPicture) { expect_quarters(read("two.gif"), kColours, 0); }

TEST(PictureReader, TransparentPartsLieOverTheBackground) {
  // Blue at 128 / 255 over white, and over black.
  const Rgb over_white{147, 157, 227}, over_black{20, 30, 100};
  for (const auto& [name, tolerance] :
       {std::pair{"rgba.png", 0}, {"palette.png", 0}, {"lossless-alpha.webp", 0}, {"lossy-alpha.webp", kLossy}}) {
    SCOPED_TRACE(name);
    const Chroma chroma = tolerance == kLossy ? Chroma::halved : Chroma::whole;
    expect_quarters(read(name), {kRed, kWhite, over_white, kYellow}, tolerance, chroma);
    expect_quarters(read(name, {.background = {0, 0, 0}}), {kRed, Rgb{0, 0, 0}, over_black, kYellow}, tolerance, chroma);
    const ShownPicture shown = read(name);
    ASSERT_EQ(shown.alpha.size(), 32u * 16u);
    EXPECT_EQ(shown.alpha[0], 255);
    EXPECT_EQ(shown.alpha[31], 0);
    EXPECT_EQ(shown.alpha[15 * 32], 128);
    EXPECT_EQ(shown.alpha[15 * 32 + 31], 255);
  }
  expect_quarters(read("transparent.gif"), {kRed, kWhite, kBlue, kYellow}, 0);
  EXPECT_EQ(read("transparent.gif").alpha.at(31), 0);
  expect_quarters(read("grey-alpha.png"), {Rgb{200, 200, 200}, kWhite, Rgb{147, 147, 147}, Rgb{230, 230, 230}}, 0);
}

TEST(PictureReader, OpaquePicturesHaveNoMask) {
  for (const char* name : {"16-bit.png", "plain.gif", "plain.bmp", "exif.webp", "orientation-6.jpg"})
    EXPECT_TRUE(read(name).alpha.empty()) << name;
}

TEST(PictureReader, TheContentCountsNotTheName) {
  const TemporaryFolder folder;
  std::filesystem::copy(kPictures / "exif.webp", folder / "holiday.JPG");
  EXPECT_EQ(read_picture(folder / "holiday.JPG").format, PictureFormat::webp);
}

TEST(PictureReader, TurningTwiceTheOtherWayGivesThePictureBack) {
  const std::vector<uint8_t> pixels{1, 2, 3, 4, 5, 6};
  const std::vector<std::vector<uint8_t>> expected{{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1}, {4, 5, 6, 1, 2, 3},
                                                   {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3}, {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    int width = 3, height = 2;
    const std::vector<uint8_t> turned = turn_upright(pixels, width, height, 1, orientation);
    EXPECT_EQ(turned, expected[static_cast<size_t>(orientation - 1)]) << orientation;
    EXPECT_EQ(width, orientation >= 5 ? 2 : 3);
    const int back = orientation == 6 ? 8 : orientation == 8 ? 6 : orientation;
    EXPECT_EQ(turn_upright(turned, width, height, 1, back), pixels) << orientation;
  }
}

std::string message_of(const std::filesystem::path& path, const PictureReadOptions& options = {}) {
  const Error error = error_of([&] { read_picture(path, options); });
  EXPECT_EQ(error.kind(), ErrorKind::input_file) << error.line();
  return error.line();
}

TEST(PictureRefusals, FilesThatEndTooEarlyWhereverTheyAreCut) {
  const TemporaryFolder folder;
  for (const auto& entry : std::filesystem::directory_iterator(kPictures)) {
    const std::string extension = entry.path().extension();
    if (extension == ".py" || extension == ".tiff") continue;
    const std::string whole = test::file_bytes(entry.path());
    // A GIF's first picture may end before the file does.
    const size_t end = extension == ".gif" ? whole.size() * 2 / 5 : whole.size();
    for (size_t length = 0; length < end; length += length < 16 || length + 16 > end ? 1 : 23) {
      test::write_bytes(folder / "cut", whole.substr(0, length));
      const Error error = error_of([&] { read_picture(folder / "cut"); });
      ASSERT_EQ(error.kind(), ErrorKind::input_file) << entry.path() << " cut to " << length << ": " << error.line();
    }
  }
}

TEST(PictureRefusals, DamagedFilesNeverDoWorseThanAnError) {
  const TemporaryFolder folder;
  int refused = 0;
  for (const char* name : {"orientation-6.jpg", "inks-ycck.jpg", "exif.webp", "lossy-alpha.webp", "two.gif", "palette.bmp", "palette.png",
                           "progressive.jpg"}) {
    const std::string whole = test::file_bytes(kPictures / name);
    for (size_t place = 0; place < whole.size(); place += place < 40 ? 1 : 3) {
      std::string damaged = whole;
      damaged[place] = static_cast<char>(damaged[place] ^ (place % 2 == 0 ? 0xFF : 0x10));
      test::write_bytes(folder / "damaged", damaged);
      try {
        const ShownPicture shown = read_picture(folder / "damaged", {.most_pixels = 1'000'000});
        ASSERT_EQ(shown.picture.rgb.size(),
                  size_t{3} * static_cast<size_t>(shown.picture.width) * static_cast<size_t>(shown.picture.height));
      } catch (const Error& error) {
        ASSERT_EQ(error.kind(), ErrorKind::input_file) << name << " damaged at " << place << ": " << error.line();
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 200);
}

TEST(PictureRefusals, AVideoBehindAPictureIsPassedOver) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "motion.jpg", test::file_bytes(kPictures / "orientation-1.jpg") +
                                               "\0\0\0\x18"
                                               "ftypmp42 and so on");
  expect_quarters(read_picture(folder / "motion.jpg"), kColours, kLossy);
}

TEST(PictureRefusals, AbsurdSizesBeforeMemoryIsTaken) {
  const TemporaryFolder folder;
  const auto patched = [&](const char* name, size_t place, const std::string& bytes) {
    std::string file = test::file_bytes(kPictures / name);
    file.replace(place, bytes.size(), bytes);
    test::write_bytes(folder / "huge", file);
    return message_of(folder / "huge");
  };
  EXPECT_THAT(patched("rgba.png", 16, std::string("\0\1\x86\xA0\0\1\x86\xA0", 8)), HasSubstr("PNG of 100000 x 100000"));
  EXPECT_THAT(patched("plain.gif", 6, "\xFF\xFF\xFF\xFF"), HasSubstr("GIF of 65535 x 65535"));
  EXPECT_THAT(patched("plain.bmp", 18, std::string("\0\0\0\x7F\0\0\0\x7F", 8)), HasSubstr("BMP of 2130706432 x 2130706432"));
  const size_t frame = test::file_bytes(kPictures / "grey.jpg").find("\xFF\xC0");
  EXPECT_THAT(patched("grey.jpg", frame + 5, "\xFF\xFF\xFF\xFF"), HasSubstr("JPEG of 65535 x 65535"));
  EXPECT_THAT(patched("plain.bmp", 18, std::string(8, '\0')), HasSubstr("BMP of 0 x 0"));
  EXPECT_THAT(message_of(kPictures / "rgba.png", {.most_pixels = 511}), HasSubstr("32 x 16, at least 1 and at most 511 pixels expected"));
  EXPECT_NO_THROW(read("rgba.png", {.most_pixels = 512}));
}

TEST(PictureRefusals, OtherFormatsByName) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of(kPictures / "other.tiff"), AllOf(HasSubstr("TIFF"), HasSubstr("save it as PNG or JPEG")));
  EXPECT_THAT(message_of(kPictures / "inks-unmarked.jpg"), HasSubstr("without Adobe's marker"));
  EXPECT_THAT(message_of(kPictures / "animated.webp"), HasSubstr("an animated WebP"));
  const std::pair<std::string, const char*> others[] = {{std::string("\0\0\0\x1C"
                                                                     "ftypheic\0\0\0\0",
                                                                     16),
                                                         "HEIC"},
                                                        {std::string("\0\0\0\x1C"
                                                                     "ftypavif\0\0\0\0",
                                                                     16),
                                                         "AVIF"},
                                                        {"<svg xmlns=\"...\"/>", "SVG"},
                                                        {"", "an empty file"},
                                                        {"hello", "no picture found"},
                                                        {"version https://git-lfs.github.com/spec/v1", "Git-LFS"}};
  for (const auto& [bytes, name] : others) {
    test::write_bytes(folder / "other", bytes);
    EXPECT_THAT(message_of(folder / "other"), HasSubstr(name));
  }
  EXPECT_THAT(message_of(folder / "none.png"), HasSubstr("none.png"));
  EXPECT_THAT(message_of(kPictures / "rgba.png", {.most_file_bytes = 10}), HasSubstr("rgba.png"));
}

}  // namespace
}  // namespace dreamrunner

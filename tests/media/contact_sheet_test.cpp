#include "media/contact_sheet.h"

#include <gmock/gmock.h>

#include <clocale>
#include <limits>

#include "media_support.h"

namespace dreamrunner {
namespace {

using test::error_of;
using test::Rgb;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

ContactSheet small_sheet(int cells, int width = 144, int height = 96) {
  ContactSheet sheet;
  sheet.title = "A day of the witch";
  sheet.subtitle = "16 frames";
  for (int i = 0; i < cells; ++i) {
    const test::Film film = test::flat_film(1, height, width, {40, 120, 40});
    sheet.cells.push_back({copy_frame(film.view(), 0), {{0.25, 0.25, 0.75, 0.75, 0, "witch"}}, "frame"});
  }
  sheet.legend = {{0, "witch · walking", "a witch is walking"}};
  sheet.background = "a beach";
  return sheet;
}

Rgb bytes_of(const Colour& colour) {
  return {static_cast<uint8_t>(std::lround(colour.red * 255)), static_cast<uint8_t>(std::lround(colour.green * 255)),
          static_cast<uint8_t>(std::lround(colour.blue * 255))};
}

int count(const Picture& picture, const Rgb& colour) {
  int found = 0;
  for (size_t i = 0; i < picture.rgb.size(); i += 3) found += Rgb{picture.rgb[i], picture.rgb[i + 1], picture.rgb[i + 2]} == colour;
  return found;
}

TEST(ContactSheet, ShowsEveryPictureEnlargedByAWholeFactor) {
  ContactSheet sheet = small_sheet(8);
  for (SheetCell& cell : sheet.cells) cell.boxes.clear();
  // 8 pictures of 288 x 192, less their rounded corners.
  EXPECT_NEAR(count(draw_contact_sheet(sheet), {40, 120, 40}), 8 * 288 * 192, 8 * 120);
  ContactSheet large = small_sheet(2, 720, 480);
  for (SheetCell& cell : large.cells) cell.boxes.clear();
  EXPECT_NEAR(count(draw_contact_sheet(large), {40, 120, 40}), 2 * 360 * 240, 2 * 120);
}

TEST(ContactSheet, DrawsBoxesInTheirColour) {
  const Picture sheet = draw_contact_sheet(small_sheet(1));
  const int red = count(sheet, bytes_of(sheet_colour(0)));
  // The outline of a box of 144 x 96, two to three pixels wide, its tag and the legend's swatch.
  EXPECT_GT(red, 2 * 2 * (144 + 96 - 40));
  EXPECT_LT(red, 4 * (2 * (144 + 96)) + 60 * 17 + 12 * 12);
  EXPECT_EQ(count(sheet, bytes_of(sheet_colour(1))), 0);
}

TEST(ContactSheet, LeavesOutBoxesThatCannotBeDrawn) {
  ContactSheet sheet = small_sheet(1);
  sheet.legend.clear();
  sheet.cells[0].boxes.clear();
  const Picture without = draw_contact_sheet(sheet);
  sheet.cells[0].boxes = {{kNan, 0, 1, 1, 0, "nan"},
                          {0.8, 0.2, 0.2, 0.8, 1, "inverted"},
                          {0.5, 0.5, 0.5, 0.9, 2, "empty"},
                          {1.5, 0, 2, 1, 3, "outside"},
                          {0, 0, std::numeric_limits<double>::infinity(), 1, 4, "endless"}};
  EXPECT_TRUE(draw_contact_sheet(sheet) == without);
  sheet.cells[0].boxes = {{-3, -3, 9, 9, 5, "reaches over every edge"}};
  EXPECT_GT(count(draw_contact_sheet(sheet), bytes_of(sheet_colour(5))), 2 * (288 + 192));
}

TEST(ContactSheet, LongAndFaultyTextsStayInside) {
  ContactSheet sheet = small_sheet(3);
  const Picture plain = draw_contact_sheet(sheet);
  sheet.title = std::string(5000, 'W');
  sheet.subtitle = "\xFF\xFE \x01 broken";
  sheet.cells[0].caption = std::string(500, 'x');
  sheet.cells[0].boxes[0].label = std::string(500, 'y');
  sheet.legend[0].name = std::string("a\0b", 3);
  for (int i = 0; i < 60; ++i) sheet.legend[0].text += "a very long caption ";
  const Picture full = draw_contact_sheet(sheet);
  EXPECT_EQ(full.width, plain.width);
  EXPECT_GT(full.height, plain.height);
  EXPECT_LT(full.height, plain.height + 250);
  // Nothing reaches into the right margin.
  for (int y = 0; y < full.height; ++y) {
    EXPECT_EQ(test::pixel(view_of(full), 0, y, full.width - 10), (Rgb{0xFA, 0xFA, 0xF8})) << y;
  }
}

TEST(ContactSheet, WorksForAnySizeAndNumberOfPictures) {
  for (const auto& [width, height] : {std::pair{1, 1}, {2, 2}, {96, 144}, {1360, 768}, {2000, 3}, {3, 2000}}) {
    for (const int cells : {1, 2, 5, 13}) {
      const Picture picture = draw_contact_sheet(small_sheet(cells, width, height));
      EXPECT_EQ(picture.rgb.size(), size_t{3} * static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height));
      EXPECT_LT(picture.width, 1400);
    }
  }
  ContactSheet bare = small_sheet(1);
  bare.title = bare.subtitle = bare.background = "";
  bare.legend.clear();
  EXPECT_LT(draw_contact_sheet(bare).height, draw_contact_sheet(small_sheet(1)).height);
}

TEST(ContactSheet, DrawsTheSameBytesInAnyLocale) {
  const Picture once = draw_contact_sheet(small_sheet(5));
  EXPECT_TRUE(draw_contact_sheet(small_sheet(5)) == once);
  ASSERT_NE(std::setlocale(LC_ALL, "C.UTF-8"), nullptr);
  EXPECT_TRUE(draw_contact_sheet(small_sheet(5)) == once);
  std::setlocale(LC_ALL, "C");
}

TEST(ContactSheet, RefusesNoPicturesAndMixedSizes) {
  ContactSheet none = small_sheet(1);
  none.cells.clear();
  EXPECT_EQ(error_of([&] { draw_contact_sheet(none); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([&] { draw_contact_sheet(small_sheet(241)); }).kind(), ErrorKind::usage);
  ContactSheet mixed = small_sheet(2);
  mixed.cells[1].picture = small_sheet(1, 20, 20).cells[0].picture;
  EXPECT_EQ(error_of([&] { draw_contact_sheet(mixed); }).kind(), ErrorKind::usage);
}

TEST(ContactSheet, ColoursStartAgainAndNeverFail) {
  EXPECT_EQ(bytes_of(sheet_colour(0)), bytes_of(sheet_colour(8)));
  EXPECT_NE(bytes_of(sheet_colour(0)), bytes_of(sheet_colour(1)));
  sheet_colour(-1);
  sheet_colour(std::numeric_limits<int>::min());
}

}  // namespace
}  // namespace dreamrunner

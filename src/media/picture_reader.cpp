#include "media/picture_reader.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "media/png_image.h"
#include "media/video_library.h"

namespace dreamrunner {
namespace {

/// Takes RGBA apart.
StoredPicture split_alpha(const std::vector<uint8_t>& rgba, int width, int height) {
  StoredPicture stored{{width, height, {}}, {}};
  const size_t pixels = rgba.size() / 4;
  stored.picture.rgb.resize(pixels * 3);
  stored.alpha.resize(pixels);
  for (size_t i = 0; i < pixels; ++i) {
    std::memcpy(&stored.picture.rgb[3 * i], &rgba[4 * i], 3);
    stored.alpha[i] = rgba[4 * i + 3];
  }
  return stored;
}

StoredPicture decode_png(std::string_view bytes, const std::filesystem::path& origin) {
  PngImage png;
  const auto refuse = [&] { throw Error(ErrorKind::input_file, fmt::format("{}: damaged PNG ({})", origin.string(), png->message)); };
  if (png_image_begin_read_from_memory(png.get(), bytes.data(), bytes.size()) == 0) refuse();
  const bool transparent = (png->format & PNG_FORMAT_FLAG_ALPHA) != 0;
  png->format = transparent ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  png->flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // 16-bit files without a gamma are sRGB too, not linear light.
  const int width = static_cast<int>(png->width), height = static_cast<int>(png->height);
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(*png.get()));
  if (png_image_finish_read(png.get(), nullptr, pixels.data(), 0, nullptr) == 0) refuse();
  if (transparent) return split_alpha(pixels, width, height);
  return {{width, height, std::move(pixels)}, {}};
}

/// Lays the picture over a background: each channel is a weighted mean of the two, as every viewer mixes them.
void lay_over(std::vector<uint8_t>& rgb, const std::vector<uint8_t>& alpha, const std::array<uint8_t, 3>& background) {
  for (size_t i = 0; i < alpha.size(); ++i) {
    const unsigned a = alpha[i];
    for (size_t c = 0; c < 3; ++c) rgb[3 * i + c] = static_cast<uint8_t>((rgb[3 * i + c] * a + background[c] * (255 - a) + 127) / 255);
  }
}

}  // namespace

std::vector<uint8_t> turn_upright(const std::vector<uint8_t>& pixels, int& width, int& height, int channels, int orientation) {
  if (orientation <= 1 || orientation > 8) return pixels;
  const bool on_its_side = orientation >= 5;
  // Whether the stored picture is read backwards along its rows, and along its columns.
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const int shown_width = on_its_side ? height : width, shown_height = on_its_side ? width : height;
  std::vector<uint8_t> shown(pixels.size());
  uint8_t* to = shown.data();
  for (int y = 0; y < shown_height; ++y) {
    for (int x = 0; x < shown_width; ++x, to += channels) {
      int column = on_its_side ? y : x, row = on_its_side ? x : y;
      if (from_right) column = width - 1 - column;
      if (from_below) row = height - 1 - row;
      const size_t at =
          (static_cast<size_t>(row) * static_cast<size_t>(width) + static_cast<size_t>(column)) * static_cast<size_t>(channels);
      std::memcpy(to, &pixels[at], static_cast<size_t>(channels));
    }
  }
  width = shown_width;
  height = shown_height;
  return shown;
}

ShownPicture read_picture(const std::filesystem::path& path, const PictureReadOptions& options) {
  const std::string bytes = read_file(path, options.most_file_bytes);
  const PictureHeader header = read_picture_header(bytes, path);
  if (header.width < 1 || header.height < 1 || header.width > options.most_pixels / header.height) {
    throw Error(ErrorKind::input_file, fmt::format("{}: {} of {} x {}, at least 1 and at most {} pixels expected", path.string(),
                                                   picture_format_name(header.format), header.width, header.height, options.most_pixels));
  }
  const std::string_view picture_bytes = std::string_view(bytes).substr(0, header.size);
  StoredPicture stored =
      header.format == PictureFormat::png ? decode_png(picture_bytes, path) : video_library().decode_picture(picture_bytes, header, path);
  if (std::all_of(stored.alpha.begin(), stored.alpha.end(), [](uint8_t a) { return a == 255; })) stored.alpha.clear();

  ShownPicture shown{.format = header.format, .orientation = header.orientation};
  lay_over(stored.picture.rgb, stored.alpha, options.background);
  int width = stored.picture.width, height = stored.picture.height;
  if (!stored.alpha.empty()) shown.alpha = turn_upright(stored.alpha, width, height, 1, header.orientation);
  shown.picture = std::move(stored.picture);
  shown.picture.rgb = turn_upright(shown.picture.rgb, shown.picture.width, shown.picture.height, 3, header.orientation);
  return shown;
}

}  // namespace dreamrunner

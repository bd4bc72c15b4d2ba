#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "media/frames.h"
#include "media/picture_header.h"

namespace dreamrunner {

/// What reading may cost, and what lies behind a transparent picture.
struct PictureReadOptions {
  std::array<uint8_t, 3> background{255, 255, 255};
  int64_t most_pixels = 100'000'000;
  uint64_t most_file_bytes = 512u << 20;
};

/// A picture as a viewer shows it.
struct ShownPicture {
  Picture picture;             ///< Upright, transparent parts laid over the background.
  std::vector<uint8_t> alpha;  ///< `height` x `width`, 0 transparent to 255 opaque, upright too; empty: opaque everywhere.
  PictureFormat format = PictureFormat::png;
  int orientation = 1;  ///< How it was stored (`PictureHeader`).
};

/// Reads a picture as people have them: PNG, JPEG, WebP, BMP, or the first picture of a GIF, told by content. Turned by its
/// EXIF orientation; palettes, grey, 16 bits (PNG) and the inks of a printer (JPEG) become 8-bit RGB. Colour profiles are not
/// applied: numbers are taken for sRGB, inks are mixed by the plain formula.
/// Throws Error(input_file) for other formats (by name), damaged files, files that end too early, and sizes beyond `options`,
/// which are refused before memory is taken.
ShownPicture read_picture(const std::filesystem::path& path, const PictureReadOptions& options = {});

/// The same picture upright: `orientation` is EXIF's number, 1 to 8, and `channels` the bytes of a pixel. `width` and `height`
/// change places for 5 to 8.
std::vector<uint8_t> turn_upright(const std::vector<uint8_t>& pixels, int& width, int& height, int channels, int orientation);

}  // namespace dreamrunner

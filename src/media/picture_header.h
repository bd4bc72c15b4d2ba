#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace dreamrunner {

enum class PictureFormat { png, jpeg, webp, bmp, gif };

/// "PNG", "JPEG", "WebP", "BMP" or "GIF".
const char* picture_format_name(PictureFormat format);

/// What a picture's file says of itself before anything is decoded.
struct PictureHeader {
  PictureFormat format = PictureFormat::png;
  int64_t width = 0;  ///< As stored, before it is turned.
  int64_t height = 0;
  int orientation = 1;    ///< EXIF's number: 1 upright, 2 mirrored, 3 half a turn, 4 upside down, 5 to 8 on their sides.
  bool has_alpha = true;  ///< False where the file promises that there is none.
  int components = 0;     ///< Of a JPEG: 1 grey, 3 colours, 4 inks.
  bool adobe = false;     ///< Of a JPEG: Adobe's marker is there, so that inks are stored inverted.
  size_t size = 0;        ///< Bytes of the picture: a telephone may add a video behind it.
};

/// Reads sizes, orientation and structure of a picture by its content, whatever its name. Every read is within `bytes`, and
/// nothing is allocated. Throws Error(input_file) naming `origin` for what is none of the formats (naming those it knows but
/// does not read), for an animated WebP, and for a file that ends before the first picture does.
PictureHeader read_picture_header(std::string_view bytes, const std::filesystem::path& origin);

}  // namespace dreamrunner

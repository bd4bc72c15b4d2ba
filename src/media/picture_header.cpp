#include "media/picture_header.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

/// Bytes with a place. Reading beyond the end is the error "cut short".
class Bytes {
 public:
  Bytes(std::string_view bytes, const std::filesystem::path& origin) : bytes_(bytes), origin_(origin) {}

  [[noreturn]] void refuse(const std::string& why, const char* hint = "") const {
    throw Error(ErrorKind::input_file, fmt::format("{}: {}", origin_.string(), why), hint);
  }

  size_t size() const { return bytes_.size(); }
  std::string_view at(size_t offset, size_t count) const {
    if (offset > bytes_.size() || count > bytes_.size() - offset)
      refuse(fmt::format("cut short: ends after {} bytes, in the middle of the picture", bytes_.size()));
    return bytes_.substr(offset, count);
  }
  uint64_t number(size_t offset, size_t count, bool little) const { return number_of(at(offset, count), little); }
  static uint64_t number_of(std::string_view text, bool little) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.size(); ++i) value = value << 8 | static_cast<unsigned char>(text[little ? text.size() - 1 - i : i]);
    return value;
  }

 private:
  std::string_view bytes_;
  const std::filesystem::path& origin_;
};

/// The orientation in a block of EXIF: a TIFF header, then the entries of its first directory. 1 where there is none or the
/// block is damaged, as viewers have it.
int exif_orientation(std::string_view exif) {
  constexpr std::string_view kMark("Exif\0\0", 6);
  constexpr uint64_t kOrientation = 0x0112, kShort = 3;
  if (exif.starts_with(kMark)) exif.remove_prefix(kMark.size());
  if (exif.size() < 8) return 1;
  const bool little = exif.starts_with("II");
  if (!little && !exif.starts_with("MM")) return 1;
  const auto number = [&](uint64_t offset, size_t count) -> std::optional<uint64_t> {
    if (offset > exif.size() || count > exif.size() - offset) return std::nullopt;
    return Bytes::number_of(exif.substr(offset, count), little);
  };
  if (number(2, 2) != 42u) return 1;
  const uint64_t directory = *number(4, 4);
  const uint64_t entries = number(directory, 2).value_or(0);
  for (uint64_t i = 0; i < entries; ++i) {
    const uint64_t entry = directory + 2 + 12 * i;
    const auto tag = number(entry, 2), type = number(entry + 2, 2), value = number(entry + 8, 2);
    if (!tag || !type || !value) return 1;
    if (*tag == kOrientation) return *type == kShort && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
  }
  return 1;
}

PictureHeader read_png_header(const Bytes& file) {
  PictureHeader header{.format = PictureFormat::png};
  header.width = static_cast<int64_t>(file.number(16, 4, false));
  header.height = static_cast<int64_t>(file.number(20, 4, false));
  for (size_t at = 8;;) {
    const uint64_t length = file.number(at, 4, false);
    const std::string_view name = file.at(at + 4, 4);
    const std::string_view data = file.at(at + 8, length);
    if (name == "eXIf") header.orientation = exif_orientation(data);
    file.at(at + 8 + length, 4);  // The check sum.
    at += 12 + length;
    if (name == "IEND") {
      header.size = at;
      return header;
    }
  }
}

/// Where the picture data of a JPEG's scan ends: at the next marker that is no restart and no stuffed byte.
size_t scan_end(const Bytes& file, size_t at) {
  for (;; ++at) {
    if (static_cast<unsigned char>(file.at(at, 1)[0]) != 0xFF) continue;
    const auto next = static_cast<unsigned char>(file.at(at + 1, 1)[0]);
    if (next != 0 && next != 0xFF && (next < 0xD0 || next > 0xD7)) return at;
  }
}

PictureHeader read_jpeg_header(const Bytes& file) {
  constexpr unsigned kEnd = 0xD9, kScan = 0xDA, kApp1 = 0xE1, kApp14 = 0xEE;
  PictureHeader header{.format = PictureFormat::jpeg, .has_alpha = false};
  bool upright_is_known = false;
  for (size_t at = 2;;) {
    if (file.number(at, 1, false) != 0xFF) file.refuse(fmt::format("damaged: no marker at byte {}", at));
    const auto marker = static_cast<unsigned>(file.number(at + 1, 1, false));
    if (marker == 0xFF) {  // Filling.
      ++at;
      continue;
    }
    if (marker == kEnd) {
      if (header.width == 0) file.refuse("damaged: it ends before the picture's size is said");
      header.size = at + 2;
      return header;
    }
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {  // Alone, without a length.
      at += 2;
      continue;
    }
    const uint64_t length = file.number(at + 2, 2, false);
    if (length < 2) file.refuse(fmt::format("damaged: a segment of {} bytes at byte {}", length, at));
    const std::string_view data = file.at(at + 4, length - 2);
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame && data.size() >= 6) {
      header.height = static_cast<int64_t>(Bytes::number_of(data.substr(1, 2), false));
      header.width = static_cast<int64_t>(Bytes::number_of(data.substr(3, 2), false));
      header.components = static_cast<unsigned char>(data[5]);
    } else if (marker == kApp1 && data.starts_with("Exif") && !upright_is_known) {
      header.orientation = exif_orientation(data);
      upright_is_known = true;
    } else if (marker == kApp14 && data.starts_with("Adobe")) {
      header.adobe = true;
    }
    at += 2 + length;
    if (marker == kScan) at = scan_end(file, at);
  }
}

/// Behind the blocks of a GIF's data, each with its length in front, the last of none.
size_t gif_blocks_end(const Bytes& file, size_t at) {
  for (;;) {
    const uint64_t length = file.number(at, 1, true);
    file.at(at + 1, length);
    at += 1 + length;
    if (length == 0) return at;
  }
}

size_t gif_table_bytes(uint64_t flags) { return (flags & 0x80) != 0 ? size_t{3} << ((flags & 7) + 1) : 0; }

PictureHeader read_gif_header(const Bytes& file) {
  PictureHeader header{.format = PictureFormat::gif};
  header.width = static_cast<int64_t>(file.number(6, 2, true));
  header.height = static_cast<int64_t>(file.number(8, 2, true));
  for (size_t at = 13 + gif_table_bytes(file.number(10, 1, true));;) {
    const uint64_t kind = file.number(at, 1, true);
    if (kind == 0x21) {  // An extension.
      at = gif_blocks_end(file, at + 2);
    } else if (kind == 0x2C) {
      at += 10 + gif_table_bytes(file.number(at + 9, 1, true));
      header.size = gif_blocks_end(file, at + 1);  // The first picture; whether there are more is of no account.
      return header;
    } else {
      file.refuse(kind == 0x3B ? "no picture in it" : fmt::format("damaged: a block of kind {} at byte {}", kind, at));
    }
  }
}

PictureHeader read_bmp_header(const Bytes& file) {
  PictureHeader header{.format = PictureFormat::bmp};
  const bool old = file.number(14, 4, true) == 12;
  const auto side = [&](size_t offset) {
    return old ? static_cast<int64_t>(file.number(offset, 2, true))
               : static_cast<int64_t>(static_cast<int32_t>(file.number(offset, 4, true)));
  };
  header.width = side(18);
  header.height = std::abs(side(old ? 20 : 22));  // Negative: the first row is the top one.
  header.size = file.size();
  return header;
}

PictureHeader read_webp_header(const Bytes& file) {
  PictureHeader header{.format = PictureFormat::webp};
  header.size = 8 + static_cast<size_t>(file.number(4, 4, true));
  file.at(0, header.size);
  bool extended = false, found = false;
  for (size_t at = 12; at < header.size;) {
    const std::string_view name = file.at(at, 4);
    const uint64_t length = file.number(at + 4, 4, true);
    const std::string_view data = file.at(at + 8, length);
    const auto number = [&](size_t offset, size_t count) {
      if (data.size() < offset + count) file.refuse(fmt::format("damaged: {} bytes of {}", data.size(), name));
      return static_cast<int64_t>(Bytes::number_of(data.substr(offset, count), true));
    };
    if (name == "VP8X") {
      extended = true;
      if ((number(0, 1) & 0x02) != 0)
        file.refuse("an animated WebP, a single picture expected", "save the frame that is meant as PNG or JPEG");
      header.has_alpha = (number(0, 1) & 0x10) != 0;
      header.width = number(4, 3) + 1;
      header.height = number(7, 3) + 1;
    } else if (name == "VP8 " && !found) {
      found = true;
      if (!extended) header.has_alpha = false;
      header.width = number(6, 2) & 0x3FFF;
      header.height = number(8, 2) & 0x3FFF;
    } else if (name == "VP8L" && !found) {
      found = true;
      const int64_t sides = number(1, 4);
      header.width = (sides & 0x3FFF) + 1;
      header.height = (sides >> 14 & 0x3FFF) + 1;
      if (!extended) header.has_alpha = (sides >> 28 & 1) != 0;
    } else if (name == "EXIF") {
      header.orientation = exif_orientation(data);
    }
    at += 8 + length + (length & 1);
  }
  if (!found) file.refuse("damaged: no picture in it");
  return header;
}

/// Pictures that people have and this program does not read, for a message that helps.
const char* name_of_other(std::string_view bytes) {
  const std::string_view brand = bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp" ? bytes.substr(8, 4) : std::string_view();
  if (brand == "avif" || brand == "avis") return "AVIF";
  if (brand == "heic" || brand == "heix" || brand == "hevc" || brand == "mif1" || brand == "msf1") return "HEIC";
  if (!brand.empty()) return "a video";
  if (bytes.starts_with(std::string_view("II*\0", 4)) || bytes.starts_with(std::string_view("MM\0*", 4)))
    return "TIFF, or a camera's raw picture";
  if (bytes.starts_with("\xFF\x0A") || bytes.starts_with(std::string_view("\0\0\0\x0CJXL ", 8))) return "JPEG XL";
  if (bytes.starts_with("8BPS")) return "Photoshop";
  if (bytes.starts_with("<svg") || bytes.starts_with("<?xml")) return "SVG";
  if (bytes.starts_with("version https://git-lfs")) return "a Git-LFS pointer";
  return nullptr;
}

}  // namespace

const char* picture_format_name(PictureFormat format) {
  switch (format) {
    case PictureFormat::png: return "PNG";
    case PictureFormat::jpeg: return "JPEG";
    case PictureFormat::webp: return "WebP";
    case PictureFormat::bmp: return "BMP";
    case PictureFormat::gif: return "GIF";
  }
  throw Error(ErrorKind::bug, "unknown picture format");
}

PictureHeader read_picture_header(std::string_view bytes, const std::filesystem::path& origin) {
  const Bytes file(bytes, origin);
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return read_png_header(file);
  if (bytes.starts_with("\xFF\xD8\xFF")) return read_jpeg_header(file);
  if (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")) return read_gif_header(file);
  if (bytes.starts_with("BM")) return read_bmp_header(file);
  if (bytes.starts_with("RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP") return read_webp_header(file);
  const char* other = name_of_other(bytes);
  file.refuse(fmt::format("{} found, PNG, JPEG, WebP, BMP or GIF expected", other != nullptr ? other
                                                                            : bytes.empty()  ? "an empty file"
                                                                                             : "no picture"),
              other != nullptr ? "save it as PNG or JPEG" : "");
}

}  // namespace dreamrunner

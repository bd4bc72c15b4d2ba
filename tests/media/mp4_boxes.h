#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace dreamrunner::test {

inline std::string big_endian(uint64_t value, size_t bytes = 4) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
  return text;
}

inline uint32_t read_big_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes.at(i));
  return value;
}

inline std::string mp4_box(std::string_view name, std::string_view body) { return big_endian(8 + body.size()).append(name).append(body); }

/// `mp4` with the body of every box of that name, however deep, replaced by what `edit` makes of it; the sizes around it follow.
/// Places in the file do not: what comes behind must not be referred to, as in files that end with their index.
inline std::string edit_boxes(std::string_view mp4, std::string_view name, const std::function<std::string(std::string)>& edit) {
  std::string edited;
  while (!mp4.empty()) {
    const uint32_t size = read_big_endian(mp4);
    const std::string_view kind = mp4.substr(4, 4);
    std::string body(mp4.substr(8, size - 8));
    if (kind == name) {
      body = edit(body);
    } else if (kind == "moov" || kind == "trak" || kind == "mdia" || kind == "minf" || kind == "dinf" || kind == "stbl") {
      body = edit_boxes(body, name, edit);
    }
    edited += mp4_box(kind, body);
    mp4.remove_prefix(size);
  }
  return edited;
}

/// A reference of QuickTime's to the file of that name in the film's folder: the alias record of its kind 'alis'.
inline std::string alias_reference(const std::string& file) {
  const std::string path = "folder:" + file + std::string(file.size() % 2 == 0 ? 1 : 0, '\0');  // Names end at even places.
  const std::string alias = std::string(10 + 1 + 27 + 12, '\0') +                               // No volume.
                            std::string(1, static_cast<char>(file.size())) + file + std::string(63 - file.size(), '\0') +
                            std::string(16, '\0') + big_endian(1, 2) + big_endian(1, 2) + std::string(16, '\0') +  // One level up, one down.
                            big_endian(2, 2) + big_endian(path.size(), 2) + path +                                 // The absolute path.
                            big_endian(0xFFFF, 2) + big_endian(0, 2);
  return mp4_box("alis", big_endian(0) + alias);
}

}  // namespace dreamrunner::test

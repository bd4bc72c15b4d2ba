#pragma once

#include <filesystem>

#include "media/frames.h"

namespace dreamrunner {

/// Writes a picture as PNG (8-bit RGB), atomically; the same picture gives the same bytes. Throws Error(storage).
void write_png(const std::filesystem::path& path, const Picture& picture);

/// Reads a PNG of any kind: palettes and grey become RGB, 16 bits become 8, transparent parts are shown on white.
/// Throws Error(input_file) for what is no PNG, is damaged, or has more than 100 million pixels.
Picture read_png(const std::filesystem::path& path);

}  // namespace dreamrunner

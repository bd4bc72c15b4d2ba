#include "media/png.h"

#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "media/png_image.h"

namespace dreamrunner {
namespace {

constexpr uint64_t kMostFileBytes = 512u << 20;
constexpr uint64_t kMostPixels = 100'000'000;

}  // namespace

void write_png(const std::filesystem::path& path, const Picture& picture) {
  PngImage image;
  image->width = static_cast<png_uint_32>(picture.width);
  image->height = static_cast<png_uint_32>(picture.height);
  image->format = PNG_FORMAT_RGB;
  std::string bytes;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(*image.get());
  bytes.resize(size);
  if (png_image_write_to_memory(image.get(), bytes.data(), &size, 0, picture.rgb.data(), 0, nullptr) == 0) {
    throw Error(ErrorKind::bug,
                fmt::format("{}: libpng refuses a picture of {} x {} ({})", path.string(), picture.width, picture.height, image->message));
  }
  write_file_atomic(path, std::string_view(bytes).substr(0, size));
}

Picture read_png(const std::filesystem::path& path) {
  const std::string bytes = read_file(path, kMostFileBytes);
  const auto refuse = [&](const std::string& why) { throw Error(ErrorKind::input_file, fmt::format("{}: {}", path.string(), why)); };
  PngImage image;
  if (png_image_begin_read_from_memory(image.get(), bytes.data(), bytes.size()) == 0)
    refuse(fmt::format("not a PNG picture ({})", image->message));
  if (uint64_t{image->width} * image->height > kMostPixels) {
    refuse(fmt::format("picture of {} x {}, at most {} pixels expected", image->width, image->height, kMostPixels));
  }
  image->format = PNG_FORMAT_RGB;
  image->flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // 16-bit files without a gamma are sRGB too, not linear light.
  Picture picture{static_cast<int>(image->width), static_cast<int>(image->height), {}};
  picture.rgb.resize(PNG_IMAGE_SIZE(*image.get()));
  const png_color white{255, 255, 255};
  if (png_image_finish_read(image.get(), &white, picture.rgb.data(), 0, nullptr) == 0) refuse(fmt::format("damaged ({})", image->message));
  return picture;
}

}  // namespace dreamrunner

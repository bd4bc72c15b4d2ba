#include <fmt/format.h>

#include "base/files.h"
#include "cli/inspect.h"
#include "media/isolated_video.h"
#include "media/picture_reader.h"
#include "media/png.h"
#include "text/plain_text.h"

namespace dreamrunner {

Json inspect_video(const std::filesystem::path& file) {
  const VideoInfo info = probe_isolated_video(file);
  Json report = {{"kind", "video"},
                 {"path", file.string()},
                 {"size_bytes", uint64_t{std::filesystem::file_size(file)}},
                 {"container", info.container},
                 {"codec", info.codec},
                 {"pixel_format", info.pixel_format},
                 {"width", info.width},
                 {"height", info.height},
                 {"frames", info.frames},
                 {"fps", info.rate.num == 0 ? Json() : Json(to_string(info.rate))}};
  if (info.rate.num != 0) report["duration_s"] = static_cast<double>(info.frames) / info.rate.per_second();
  report["colour"] = {{"range", info.range}, {"matrix", info.matrix}, {"primaries", info.primaries}, {"transfer", info.transfer}};
  if (info.rotation != 0 || info.mirrored)
    report["shown"] = fmt::format("turned by {} degrees{}", info.rotation, info.mirrored ? ", mirrored" : "");
  if (!info.metadata.empty()) report["metadata"] = info.metadata;
  return report;
}

Json inspect_png(const std::filesystem::path& file) {
  const Picture picture = read_png(file);
  return {{"kind", "png"},
          {"path", file.string()},
          {"size_bytes", uint64_t{std::filesystem::file_size(file)}},
          {"width", picture.width},
          {"height", picture.height}};
}

Json inspect_picture(const std::filesystem::path& file) {
  const std::string bytes = read_file(file, PictureReadOptions{}.most_file_bytes);
  const PictureHeader header = read_picture_header(bytes, file);
  const bool on_its_side = header.orientation >= 5;
  Json report = {{"kind", small_letters(picture_format_name(header.format))},
                 {"path", file.string()},
                 {"size_bytes", bytes.size()},
                 {"width", on_its_side ? header.height : header.width},
                 {"height", on_its_side ? header.width : header.height}};
  if (header.orientation > 1) report["stored"] = fmt::format("turned or mirrored, EXIF orientation {}", header.orientation);
  return report;
}

}  // namespace dreamrunner

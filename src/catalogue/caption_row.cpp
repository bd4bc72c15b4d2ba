#include "catalogue/caption_row.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <openssl/sha.h>

#include "base/error.h"
#include "catalogue/index_bytes.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace {

enum class Field { other, id, caption, path, source, start, end, start_frame, end_frame, fps, duration, page_dir, width, height };

struct FieldName {
  std::string_view name;
  Field field;
};

constexpr std::array<FieldName, 27> kNames = {{
    {"id", Field::id},
    {"caption", Field::caption}, {"name", Field::caption}, {"text", Field::caption},
    {"path", Field::path}, {"video", Field::path}, {"file", Field::path},
    {"youtubeid", Field::source}, {"youtube_id", Field::source}, {"videoid", Field::source}, {"video_id", Field::source},
    {"start", Field::start}, {"start_s", Field::start}, {"start_timestamp", Field::start}, {"start_time", Field::start},
    {"end", Field::end}, {"end_s", Field::end}, {"end_timestamp", Field::end}, {"end_time", Field::end},
    {"start_frame", Field::start_frame}, {"end_frame", Field::end_frame}, {"fps", Field::fps},
    {"duration", Field::duration}, {"page_dir", Field::page_dir},
    {"width", Field::width}, {"height", Field::height}, {"filename", Field::path},
}};

Field field_of(std::string_view name) {
  const auto same = [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b); };
  for (const FieldName& known : kNames) {
    if (known.name.size() == name.size() && std::equal(known.name.begin(), known.name.end(), name.begin(), same)) return known.field;
  }
  return Field::other;
}

[[noreturn]] void refuse(std::string_view name, const std::string& reason) { throw Error(ErrorKind::input_file, fmt::format("{}: {}", name, reason)); }

/// A value as it may stand in a message: short.
std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() <= 60) return text;
  size_t size = 57;
  while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size) + "...";
}

/// A value that names something: a text, or a number as it is written.
std::string name_text(std::string_view name, const Json& value, size_t most) {
  if (value.is_number_integer()) return value.dump();
  if (!value.is_string()) refuse(name, fmt::format("found {}, a text expected", shown(value)));
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty()) refuse(name, "empty");
  if (text.size() > most) refuse(name, fmt::format("{} bytes, at most {} expected", text.size(), most));
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; })) refuse(name, fmt::format("{}: control characters", shown(value)));
  return text;
}

/// A name that becomes part of a file's path: one component.
std::string component(std::string_view name, const Json& value) {
  std::string text = name_text(name, value, 200);
  if (text.find('/') != std::string::npos || text == "." || text == "..") refuse(name, fmt::format("found {}, no path expected", shown(value)));
  return text;
}

Microseconds time_value(std::string_view name, const Json& value, bool duration = false) {
  std::optional<Microseconds> time;
  if (value.is_number()) time = clip_time_of(value.get<double>());
  else if (value.is_string()) time = duration ? parse_duration(value.get_ref<const std::string&>()) : parse_clip_time(value.get_ref<const std::string&>());
  if (!time) refuse(name, fmt::format("found {}, seconds or \"01:02:03.5\" expected", shown(value)));
  return *time;
}

double number_value(std::string_view name, const Json& value, double least, double most) {
  double number = std::nan("");
  if (value.is_number()) number = value.get<double>();
  else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    char* end = nullptr;
    if (!text.empty()) number = std::strtod(text.c_str(), &end);
    if (end != text.c_str() + text.size()) number = std::nan("");
  }
  if (!(number >= least && number <= most)) refuse(name, fmt::format("found {}, a number from {} to {} expected", shown(value), least, most));
  return number;
}

/// CSV has no other way to leave a value out; JSON has null as well.
bool is_left_out(const Json& value) { return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()); }

/// The values of one row, sorted out.
class RowMaker {
 public:
  CaptionRow make(const Json& values) {
    if (!values.is_object()) throw Error(ErrorKind::input_file, fmt::format("found {}, an object expected", shown(values)));
    for (const auto& [name, value] : values.items()) take(name, value);
    if (!has_caption_) refuse("caption", "missing");
    set_span();
    set_video();
    if (row_.id.empty()) row_.id = made_id();
    if (!extra_.empty()) row_.extra = extra_.dump();
    return std::move(row_);
  }

 private:
  void take(const std::string& name, const Json& value) {
    const Field field = field_of(name);
    if (field == Field::caption) {
      if (!value.is_string()) refuse(name, fmt::format("found {}, a text expected", shown(value)));
      if (std::exchange(has_caption_, true)) refuse(name, "a second caption");
      row_.caption = value.get<std::string>();
      if (!is_utf8(row_.caption)) refuse(name, "not UTF-8");
      return;
    }
    if (field == Field::other || is_left_out(value)) {
      if (field == Field::other && !is_left_out(value)) extra_[name] = value;
      return;
    }
    switch (field) {
      case Field::id: row_.id = name_text(name, value, 500); break;
      case Field::path: row_.path = name_text(name, value, 4000); break;
      case Field::source: row_.source = component(name, value); break;
      case Field::page_dir: page_dir_ = component(name, value); break;
      case Field::start: start_ = time_value(name, value); break;
      case Field::end: end_ = time_value(name, value); break;
      case Field::start_frame: start_frame_ = number_value(name, value, 0, 1e9); break;
      case Field::end_frame: end_frame_ = number_value(name, value, 0, 1e9); break;
      case Field::fps: fps_ = number_value(name, value, 0.001, 1000); extra_[name] = value; break;
      case Field::duration: duration_ = time_value(name, value, true); extra_[name] = value; break;
      case Field::width: row_.width = static_cast<uint32_t>(number_value(name, value, 1, 65536)); break;
      case Field::height: row_.height = static_cast<uint32_t>(number_value(name, value, 1, 65536)); break;
      case Field::caption:
      case Field::other: break;
    }
  }

  void set_span() {
    if ((start_frame_ || end_frame_) && !fps_) refuse("fps", "missing: frames were counted at some rate");
    const auto time_of_frame = [&](double frame) { return clip_time_of(frame / *fps_); };
    if (start_frame_ && !start_) start_ = time_of_frame(*start_frame_);
    if (end_frame_ && !end_) end_ = time_of_frame(*end_frame_);
    has_span_ = start_ || end_;
    row_.span = {start_.value_or(0), end_};
    if (end_ && *end_ <= row_.span.start) {
      refuse("end", fmt::format("the clip ends at {} s and starts at {} s", format_clip_time(*end_), format_clip_time(row_.span.start)));
    }
    if (duration_) row_.span = fit_to_video(row_.span, *duration_);
  }

  void set_video() {
    if (row_.path.empty() && row_.source.empty()) refuse("video", "neither a path nor an id of the video is given");
    if (row_.path.empty() && !page_dir_.empty()) row_.path = page_dir_ + "/" + row_.source + ".mp4";
    if (row_.source.empty()) row_.source = row_.path;
  }

  std::string made_id() const {
    const std::string video = row_.source == row_.path ? std::filesystem::path(row_.path).replace_extension().string() : row_.source;
    if (!has_span_) return video;
    return fmt::format("{}@{}-{}", video, format_clip_time(row_.span.start), row_.span.end ? format_clip_time(*row_.span.end) : "");
  }

  CaptionRow row_;
  Json extra_ = Json::object();
  bool has_caption_ = false;
  bool has_span_ = false;
  std::string page_dir_;
  std::optional<Microseconds> start_, end_, duration_;
  std::optional<double> start_frame_, end_frame_, fps_;
};

uint64_t first_bytes_of_sha256(std::string_view text) {
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), digest.data());
  return load_raw<uint64_t>(digest.data());
}

}  // namespace

uint64_t content_key(const CaptionRow& row) {
  std::string text;
  text.reserve(row.source.size() + row.caption.size() + 24);
  append_raw(text, static_cast<uint64_t>(row.source.size()));
  text += row.source;
  append_raw(text, row.span.start);
  append_raw(text, row.span.end.value_or(-1));
  text += row.caption;
  return first_bytes_of_sha256(text);
}

uint64_t id_key(std::string_view id) { return first_bytes_of_sha256(id); }

CaptionRow row_of_values(const Json& values) { return RowMaker().make(values); }

bool names_a_video(std::string_view name) {
  const Field field = field_of(name);
  return field == Field::path || field == Field::source;
}

bool names_a_caption(std::string_view name) { return field_of(name) == Field::caption; }

}  // namespace dreamrunner

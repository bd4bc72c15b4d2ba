#include "film/motion_clips.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "story/priors.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr int kClipsSchema = 1;
constexpr size_t kMostClips = 1000;
constexpr size_t kMostCaptionBytes = 16'384;
constexpr size_t kMostPathBytes = 4096;
constexpr double kLongestVideo_s = 1e6;

bool has_control(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// As ids are written: small letters, dashes for blanks and underscores.
std::string id_form(const std::string& motion) {
  std::string form = normal_phrase(motion);
  std::replace(form.begin(), form.end(), ' ', '-');
  std::replace(form.begin(), form.end(), '_', '-');
  return form;
}

/// One clip of the list, read with its place in messages.
class ClipReader {
 public:
  ClipReader(const Json& clip, std::string where) : clip_(clip), where_(std::move(where)) {
    if (!clip.is_object()) refuse("", fmt::format("found {}, an object expected", clip.type_name()));
  }

  PriorExample read(const fs::path& folder, const fs::path& film) const {
    PriorExample example;
    example.file = find(text("path"), folder, film);
    example.caption = text("caption");
    if (!is_caption(example.caption)) refuse("caption", "found a caption that is blank, too long, no UTF-8 or holds control characters");
    example.start_s = time("start");
    example.end_s = time("end");
    if (example.end_s && *example.end_s <= example.start_s.value_or(0)) {
      refuse("end", fmt::format("found {}, more than the start, which is {}, expected", *example.end_s, example.start_s.value_or(0)));
    }
    example.crop = crop();
    return example;
  }

 private:
  [[noreturn]] void refuse(const char* key, const std::string& what, const std::string& hint = {}) const {
    throw Error(ErrorKind::input_file, fmt::format("{}{}{}: {}", where_, *key ? "." : "", key, what), hint);
  }

  std::string text(const char* key) const {
    if (!clip_.contains(key)) refuse(key, "missing, every clip needs one");
    if (!clip_[key].is_string()) refuse(key, fmt::format("found {}, a text expected", clip_[key].dump()));
    return clip_[key];
  }

  std::optional<double> time(const char* key) const {
    if (!clip_.contains(key) || clip_[key].is_null()) return std::nullopt;
    if (!clip_[key].is_number()) refuse(key, fmt::format("found {}, seconds expected", clip_[key].dump()));
    const double seconds = clip_[key];
    if (!(seconds >= 0 && seconds <= kLongestVideo_s)) refuse(key, fmt::format("found {}, seconds from the video's beginning expected", seconds));
    return seconds;
  }

  std::optional<Box> crop() const {
    if (!clip_.contains("crop") || clip_["crop"].is_null()) return std::nullopt;
    const Json& list = clip_["crop"];
    const bool numbers = list.is_array() && list.size() == 4 && std::all_of(list.begin(), list.end(), [](const Json& one) { return one.is_number(); });
    if (!numbers) refuse("crop", fmt::format("found {}, [left, top, right, bottom] expected", list.dump().substr(0, 80)));
    const Box box{list[0], list[1], list[2], list[3]};
    const bool inside = box.left >= 0 && box.top >= 0 && box.right <= 1 && box.bottom <= 1;
    if (!inside || box.left >= box.right || box.top >= box.bottom) {
      refuse("crop", fmt::format("found {}, left < right and top < bottom within 0 to 1 expected", list.dump()), "a crop is in fractions of the frame, not in pixels");
    }
    return box;
  }

  fs::path find(const std::string& path, const fs::path& folder, const fs::path& film) const {
    if (path.empty() || path.size() > kMostPathBytes || has_control(path)) refuse("path", "found a path that is empty, too long or holds control characters");
    for (const fs::path& base : {folder, film}) {
      const fs::path file = (base / path).lexically_normal();
      std::error_code code;
      const fs::file_status status = fs::status(file, code);
      if (!fs::exists(status)) continue;
      if (!fs::is_regular_file(status)) refuse("path", fmt::format("{}: not a regular file", file.string()));
      return file;
    }
    refuse("path", fmt::format("{}: no such file", path), fmt::format("it is looked for in {} and {}", folder.string(), film.string()));
  }

  const Json& clip_;
  std::string where_;
};

}  // namespace

bool is_caption(const std::string& text) {
  return text.size() <= kMostCaptionBytes && is_utf8(text) && !has_control(text) && text.find_first_not_of(' ') != std::string::npos;
}

std::string motion_in_words(const std::string& id) {
  std::string words = id;
  std::replace(words.begin(), words.end(), '-', ' ');
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

MotionClips load_motion_clips(const fs::path& file, const std::string& id, const fs::path& film) {
  const std::string name = file.string();
  const Json json = read_json_file(file);
  const auto refuse = [&](const std::string& what, const std::string& hint = {}) { throw Error(ErrorKind::input_file, fmt::format("{}: {}", name, what), hint); };
  if (!json.is_object()) refuse(fmt::format("found {}, an object expected", json.type_name()));
  if (!json.contains("schema")) refuse(fmt::format("schema: missing, {} expected", kClipsSchema));
  if (json["schema"] != kClipsSchema) refuse(fmt::format("schema: found {}, {} expected", json["schema"].dump().substr(0, 40), kClipsSchema));
  MotionClips result;
  result.motion = motion_in_words(id);
  if (json.contains("motion")) {
    if (!json["motion"].is_string()) refuse(fmt::format("motion: found {}, a text expected", json["motion"].dump().substr(0, 80)));
    const std::string motion = json["motion"];
    if (!is_caption(motion) || id_form(motion) != id_form(id)) {
      refuse(fmt::format("motion: found {}, \"{}\" expected, as the folder is called", json["motion"].dump().substr(0, 80), result.motion));
    }
    result.motion = normal_phrase(motion);
    std::replace(result.motion.begin(), result.motion.end(), '-', ' ');
  }
  if (!json.contains("clips")) refuse("clips: missing, a list expected");
  if (!json["clips"].is_array()) refuse(fmt::format("clips: found {}, a list expected", json["clips"].type_name()));
  if (json["clips"].size() > kMostClips) refuse(fmt::format("clips: found {}, at most {} expected", json["clips"].size(), kMostClips));
  for (size_t i = 0; i < json["clips"].size(); ++i) {
    result.clips.push_back(ClipReader(json["clips"][i], fmt::format("{}: clips[{}]", name, i)).read(file.parent_path(), film));
  }
  return result;
}

}  // namespace dreamrunner

#include "film/character_pictures.h"

#include <fnmatch.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "film/motion_clips.h"
#include "story/named_character.h"
#include "story/priors.h"
#include "text/plain_text.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMostCaptionFileBytes = 64 << 10;

bool is_pattern(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

/// What lies beside pictures and is none: captions, and the prior that was learnt from them.
bool is_no_picture(const fs::path& file) { return among(file.extension().string(), {".txt", ".json", ".safetensors", ".bad"}); }

std::string caption_in(std::string_view text) { return std::string(trimmed(without_byte_order_mark(text), " \t\r\n")); }

std::vector<fs::path> picture_files(const FilmCharacter& entry, const fs::path& film) {
  std::vector<fs::path> files;
  for (const std::string& pattern : entry.pictures) {
    for (const fs::path& file : matching_files(film, pattern)) {
      std::error_code code;
      if (!fs::is_regular_file(file, code)) {
        throw Error(ErrorKind::input_file, fmt::format("{}: no such file, a picture of character \"{}\" expected", file.string(), entry.character.id));
      }
      files.push_back(file);
    }
  }
  return files;
}

}  // namespace

std::vector<fs::path> matching_files(const fs::path& folder, const std::string& pattern) {
  const fs::path whole = (folder / pattern).lexically_normal();
  const std::string last = whole.filename().string();
  // A folder may really be called [v1]; only the last part is a pattern, and only if no file has that very name.
  std::error_code code;
  if (!is_pattern(last) || fs::exists(whole, code)) return {whole};
  std::vector<fs::path> files;
  for (const auto& item : fs::directory_iterator(whole.parent_path(), code)) {
    const std::string name = item.path().filename().string();
    const bool matches = ::fnmatch(last.c_str(), name.c_str(), FNM_PERIOD) == 0;
    if (matches && !is_no_picture(item.path()) && item.is_regular_file(code)) files.push_back(item.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<PriorExample> character_pictures(const FilmCharacter& entry, const fs::path& film) {
  const Character& character = entry.character;
  const std::vector<fs::path> files = picture_files(entry, film);
  if (files.empty()) return {};
  if (character.token.empty()) {
    throw Error(ErrorKind::usage, fmt::format("character \"{}\": has pictures and no token", character.id), "write `token = \"[v1]\"` into its [[character]], and into its captions");
  }
  if (!entry.captions.empty() && entry.captions.size() != files.size()) {
    throw Error(ErrorKind::usage, fmt::format("character \"{}\": found {} captions, {} expected, one for each picture", character.id, entry.captions.size(), files.size()),
                "they belong to the pictures in the order of their names");
  }
  std::vector<PriorExample> examples;
  for (size_t i = 0; i < files.size(); ++i) {
    PriorExample example;
    example.file = files[i];
    std::string source = "film.toml";
    const fs::path beside = fs::path(files[i]).replace_extension(".txt");
    std::error_code code;
    if (!entry.captions.empty()) {
      example.caption = caption_in(entry.captions[i]);
    } else if (fs::exists(beside, code)) {
      example.caption = caption_in(read_file(beside, kMostCaptionFileBytes));
      source = beside.string();
    } else {
      example.caption = caption_in(fmt::format("a {} {}", character.token, named_character(character).name));
    }
    if (!is_caption(example.caption)) {
      throw Error(ErrorKind::usage, fmt::format("{}: its caption (in {}) is blank, too long, no UTF-8 or holds control characters", files[i].string(), source));
    }
    if (!holds_token(example.caption, character.token)) {
      throw Error(ErrorKind::usage, fmt::format("{}: its caption \"{}\" lacks {}, the token of character \"{}\"", files[i].string(), example.caption, character.token, character.id),
                  fmt::format("what is learnt is called up by the token; say it in {}", source));
    }
    examples.push_back(std::move(example));
  }
  return examples;
}

}  // namespace dreamrunner

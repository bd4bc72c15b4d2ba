#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "cli/inspect.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// The first bytes of a file; fewer for a short one.
std::string head_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error(ErrorKind::storage, fmt::format("{}: cannot be read", file.string()));
  std::string head(512, '\0');
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(stream.gcount()));
  return head;
}

/// Formats of weights that can run code when they are read.
bool is_pickle(const fs::path& file, std::string_view head) {
  constexpr std::array<std::string_view, 5> kEndings = {".pt", ".pth", ".ckpt", ".pkl", ".bin"};
  const std::string ending = file.extension().string();
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end() &&
         (head.starts_with("PK\x03\x04") || head.starts_with("\x80"));
}

/// 8 bytes of length, then a JSON object.
bool is_safetensors(const fs::path& file, std::string_view head) {
  return file.extension() == ".safetensors" || (head.size() > 8 && head[8] == '{' && head[7] == '\0' && head[6] == '\0');
}

/// An ISO media file, Matroska, AVI, Ogg or MPEG, or what is called one.
bool is_video(const fs::path& file, std::string_view head) {
  constexpr std::array<std::string_view, 7> kEndings = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg"};
  return std::find(kEndings.begin(), kEndings.end(), file.extension().string()) != kEndings.end() || (head.size() > 12 && head.substr(4, 4) == "ftyp") || head.starts_with("\x1a\x45\xdf\xa3") ||
         (head.starts_with("RIFF") && head.size() > 12 && head.substr(8, 4) == "AVI ") || head.starts_with("OggS") ||
         head.starts_with(std::string_view("\0\0\1\xba", 4));
}

/// JPEG, GIF, WebP, BMP; what else is a picture nobody here can read.
bool is_picture(std::string_view head) {
  const bool webp = head.starts_with("RIFF") && head.size() > 12 && head.substr(8, 4) == "WEBP";
  return head.starts_with("\xff\xd8\xff") || head.starts_with("GIF8") || webp || head.starts_with("BM");
}

/// Whether a file that begins so is text, as a plan is. The last character may be cut.
bool is_text(std::string_view head) {
  if (head.find('\0') != std::string_view::npos) return false;
  for (size_t cut = 0; cut < 4 && cut <= head.size(); ++cut) {
    if (is_utf8(head.substr(0, head.size() - cut))) return true;
  }
  return false;
}

/// What is neither text nor known by its head: FFmpeg reads more kinds of video than anybody can list.
Json inspect_unknown(const fs::path& file) {
  try {
    return inspect_video(file);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::input_file) throw;
    throw Error(ErrorKind::input_file, error.what(), "if it is a plan: write it as text in UTF-8");
  }
}

Json inspect_folder(const fs::path& folder, const InspectOptions& options) {
  if (fs::exists(folder / "film.toml")) return inspect_film(folder, options);
  if (fs::exists(folder / "model_index.json")) return inspect_model(folder, options);
  if (fs::exists(folder / "config.json")) return inspect_model_part(folder, options);
  for (const char* lora : {"adapter_model.safetensors", "pytorch_lora_weights.safetensors"}) {
    if (fs::exists(folder / lora)) return inspect_safetensors(folder / lora, options);
  }
  throw Error(ErrorKind::input_file,
              fmt::format("{}: neither a film (film.toml) nor a model (model_index.json, config.json)", folder.string()),
              "name a file in it");
}

}  // namespace

Json inspect_path(const fs::path& path, const InspectOptions& options) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) throw Error(ErrorKind::input_file, fmt::format("{}: no such file or folder", path.string()));
  if (fs::is_directory(status)) return inspect_folder(path, options);
  if (!fs::is_regular_file(status)) throw Error(ErrorKind::input_file, fmt::format("{}: neither a file nor a folder", path.string()));

  if (path.filename() == "film.toml") return inspect_film(path, options);
  if (path.filename() == "model_index.json" || path.filename() == "config.json") {
    return inspect_folder(path.has_parent_path() ? path.parent_path() : fs::path("."), options);
  }
  const std::string head = head_of(path);
  if (head.starts_with("\x89PNG\r\n\x1a\n")) return inspect_png(path);
  if (is_pickle(path, head)) {
    throw Error(ErrorKind::input_file, fmt::format("{}: a pickle, which can run code when it is read; safetensors expected", path.string()),
                "convert it with the library that wrote it (in diffusers: save_pretrained(..., safe_serialization=True))");
  }
  if (is_safetensors(path, head)) return inspect_safetensors(path, options);
  if (is_video(path, head)) return inspect_video(path);
  if (path.string().ends_with(".safetensors.index.json"))
    return inspect_model_part(path.has_parent_path() ? path.parent_path() : fs::path("."), options);
  if (path.filename() == "clips.json" || path.filename() == "report.json") {
    throw Error(ErrorKind::input_file, fmt::format("{}: what was retrieved for a motion, which `inspect` does not describe", path.string()),
                "sheet.png beside it shows the clips, `inspect` of the film says how they stand, docs/retrieval.md what each key means");
  }
  if (is_text(head)) return inspect_plan(path, options);
  return is_picture(head) ? inspect_picture(path) : inspect_unknown(path);
}

}  // namespace dreamrunner

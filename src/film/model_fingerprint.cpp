#include "film/model_fingerprint.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kWholeBytes = 64u << 20;
constexpr uint64_t kHeadBytes = 1u << 20;
constexpr uint64_t kPieceBytes = 64u << 10;
constexpr uint64_t kPieces = 64;

bool decides_the_film(const fs::path& file) {
  if (file.filename() == "priors.json") return false;  // What it decides, the priors, is looked at by itself.
  return file.extension() == ".json" || file.extension() == ".safetensors" || file.filename() == "spiece.model" ||
         file.filename() == "merges.txt";
}

/// The parts that model_index.json names; none where there is no such file, or it names none.
std::set<std::string> parts_of(const fs::path& folder) {
  std::set<std::string> parts;
  std::error_code code;
  if (!fs::exists(folder / "model_index.json", code)) return parts;
  const Json index = read_json_file(folder / "model_index.json");
  for (const auto& [name, value] : index.items()) {
    if (value.is_array()) parts.insert(name);
  }
  return parts;
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  const std::set<std::string> parts = parts_of(folder);
  std::error_code code;
  // One level down at most, so that folders that link to each other have an end.
  fs::recursive_directory_iterator entries(folder, fs::directory_options::follow_directory_symlink, code);
  if (code) throw Error(ErrorKind::storage, fmt::format("{}: cannot be listed: {}", folder.string(), code.message()));
  while (entries != fs::recursive_directory_iterator()) {
    const bool is_part = parts.empty() || parts.contains(entries->path().filename().string());
    if (entries.depth() >= 1 || !is_part) entries.disable_recursion_pending();
    if (entries->is_regular_file(code) && decides_the_film(entries->path())) files.push_back(entries->path());
    entries.increment(code);
    if (code) throw Error(ErrorKind::storage, fmt::format("{}: cannot be listed: {}", folder.string(), code.message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

void add_file(Sha256& hash, const fs::path& file) {
  const MappedFile mapped(file);
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(mapped.bytes().data()), mapped.bytes().size());
  if (bytes.size() <= kWholeBytes) return hash.update(bytes);
  hash.update(bytes.first(kHeadBytes));
  const uint64_t last = bytes.size() - kPieceBytes;
  for (uint64_t i = 0; i <= kPieces; ++i) hash.update(bytes.subspan(last / kPieces * i, kPieceBytes));
  hash.update(bytes.last(kPieceBytes));
}

}  // namespace

std::string model_fingerprint(const fs::path& folder) {
  const std::vector<fs::path> files = files_of(folder);
  if (files.empty()) throw Error(ErrorKind::input_file, fmt::format("{}: no model, it holds neither JSON nor safetensors", folder.string()));
  Sha256 hash;
  for (const fs::path& file : files) {
    std::error_code code;
    const uint64_t size = fs::file_size(file, code);
    if (code) throw Error(ErrorKind::storage, fmt::format("{}: {}", file.string(), code.message()));
    hash.update(fmt::format("{}\n{}\n", file.lexically_relative(folder).generic_string(), size));
    add_file(hash, file);
  }
  return hash.hex_digest();
}

}  // namespace dreamrunner

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace dreamrunner {

/// JSON with its keys in the order of the text, so that files read and written again stay as a person ordered them.
using Json = nlohmann::ordered_json;

/// What untrusted JSON may cost.
struct JsonLimits {
  int max_depth = 64;
  uint64_t max_bytes = 8u << 20;
};

/// Parses strict JSON (UTF-8, no comments). `origin` names the text in messages (usually the file).
/// Throws Error(input_file) with line and column for bad syntax, for a name that comes twice in one object, and for text
/// beyond `limits`.
Json parse_json(std::string_view text, const std::string& origin, const JsonLimits& limits = {});

/// Reads and parses a file.
Json read_json_file(const std::filesystem::path& path, const JsonLimits& limits = {});

}  // namespace dreamrunner

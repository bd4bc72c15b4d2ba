#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace dreamrunner {

/// SHA-256 (FIPS 180-4), fed piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::string_view bytes);
  void update(std::span<const uint8_t> bytes);
  /// 64 lower-case hexadecimal digits. Call once.
  std::string hex_digest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// SHA-256 of `bytes` in hexadecimal.
std::string sha256_hex(std::string_view bytes);

/// SHA-256 of a file's bytes in hexadecimal, read in pieces. Throws Error(storage); Error(input_file) for what is no
/// regular file.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace dreamrunner

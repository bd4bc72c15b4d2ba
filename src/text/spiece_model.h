#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dreamrunner {

/// One entry of the vocabulary. Its id is its place in the list.
struct SpiecePiece {
  /// As numbered in the file.
  enum class Kind { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

  std::string text;  ///< UTF-8; U+2581 stands for a blank
  float score = 0;   ///< logarithm of its probability
  Kind kind = Kind::normal;
};

/// How a text is rewritten before it is cut into pieces.
struct NormalizerSpec {
  std::string charsmap;                  ///< undecoded rules, see Charsmap; may be empty
  bool add_dummy_prefix = true;          ///< a blank is put before the text
  bool remove_extra_whitespaces = true;  ///< blanks at both ends go, inner runs become one
  bool escape_whitespaces = true;        ///< a blank becomes U+2581
  bool blank_is_suffix = false;          ///< the blank of add_dummy_prefix goes behind the text
};

/// A sentencepiece model of the unigram kind, checked: pieces are distinct, not empty, UTF-8, and at most 2048 bytes; scores
/// are finite; exactly one piece is the unknown one; with byte fallback all 256 byte pieces are there, without it none.
struct SpieceModel {
  std::string origin;  ///< the file, for messages
  std::vector<SpiecePiece> pieces;
  int32_t unknown_id = -1;
  bool byte_fallback = false;
  std::array<int32_t, 256> byte_ids{};  ///< meaningful with byte_fallback only
  NormalizerSpec normalizer;
};

/// Reads `spiece.model` (sentencepiece's ModelProto). The file is not trusted. Throws Error(input_file) naming file and
/// place when it is damaged, not a unigram model, above 16 MiB, or a Git-LFS pointer.
SpieceModel read_spiece_model(const std::filesystem::path& path);

/// The same from memory; `origin` names the bytes in messages.
SpieceModel parse_spiece_model(std::string_view bytes, const std::string& origin);

}  // namespace dreamrunner

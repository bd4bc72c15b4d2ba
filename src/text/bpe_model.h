#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dreamrunner {

/// A byte-pair vocabulary as CLIP has it: words are cut into bytes, the last of which carries `</w>`, and neighbours are
/// joined by a ranked list of merges. Read from Hugging Face's `vocab.json` and `merges.txt`.
class BpeModel {
 public:
  /// Reads both files of `folder`. They are not trusted: at most 32 MB each, a million tokens, tokens of 1024 bytes; no id
  /// or token twice; ids from 0 without a hole; every merge once, of tokens of the vocabulary, into one of them.
  /// `unknown` names the token that stands for a byte that the vocabulary does not hold. Throws Error(input_file) naming
  /// file, place, what was found and what was expected.
  static BpeModel from_folder(const std::filesystem::path& folder, const std::string& unknown);

  /// The same from the two files' contents; `origin` stands before their names in messages.
  static BpeModel from_texts(std::string_view vocabulary, std::string_view merges, const std::string& unknown, const std::string& origin);

  /// The ids of one word, any bytes, in O(n log n). Nothing for an empty word.
  std::vector<int64_t> word_ids(std::string_view word) const;

  std::optional<int64_t> id_of(const std::string& token) const;
  /// Tokens in the vocabulary; ids are below it.
  int64_t size() const { return static_cast<int64_t>(ids_.size()); }

 private:
  struct Merge {
    int32_t rank;
    int32_t id;  ///< of the joined token
  };

  BpeModel() = default;
  void read_vocabulary(std::string_view text, const std::string& origin);
  void read_merges(std::string_view text, const std::string& origin);
  void look_up_bytes(const std::string& origin, const std::string& unknown);
  const Merge* merge_of(int32_t left, int32_t right) const;

  std::unordered_map<std::string, int32_t> ids_;
  std::unordered_map<uint64_t, Merge> merges_;  ///< by left id * 2^32 + right id
  std::array<int32_t, 256> byte_ids_{};         ///< of a byte inside a word
  std::array<int32_t, 256> last_byte_ids_{};    ///< of a word's last byte
};

}  // namespace dreamrunner

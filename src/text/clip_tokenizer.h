#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "text/bpe_model.h"
#include "text/tokenized_text.h"

namespace dreamrunner {

/// CLIP's tokenizer, from a folder with `vocab.json` and `merges.txt`. Gives the ids of transformers' CLIPTokenizerFast
/// (4.57.1) for every text without the literal names of special tokens: where the reference finds "<|startoftext|>" or
/// "<|endoftext|>" inside a text it takes the special token, this class takes plain characters. OpenAI's own tokenizer
/// first mends mojibake and HTML entities (ftfy); neither the reference nor this class does.
///
/// A text is put into normal form C, runs of white space become one blank, letters lower case; it is cut into
/// contractions ('s 't 're 've 'm 'll 'd), runs of letters, single digits, and runs of anything else but white space; each
/// such word goes through the byte-pair merges.
class ClipTokenizer {
 public:
  /// Throws Error(input_file) for files refused by BpeModel and for a vocabulary without the two special tokens.
  static ClipTokenizer from_folder(const std::filesystem::path& folder);

  /// `<|startoftext|>`, the text, `<|endoftext|>`: at most `max_length` ids, 2 or more. A longer text loses its end and
  /// keeps the end token at the last place. Any bytes: what is not UTF-8 counts as U+FFFD.
  TokenizedText encode(std::string_view text, int64_t max_length) const;

  int64_t start_id() const { return start_id_; }
  int64_t end_id() const { return end_id_; }
  /// Tokens in the vocabulary; ids are below it.
  int64_t size() const { return bpe_.size(); }

 private:
  explicit ClipTokenizer(BpeModel bpe) : bpe_(std::move(bpe)) {}
  BpeModel bpe_;
  int64_t start_id_ = 0;
  int64_t end_id_ = 0;
};

}  // namespace dreamrunner

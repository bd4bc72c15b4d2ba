#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenized_text.h"
#include "text/unigram_tokenizer.h"

namespace dreamrunner {

/// T5's tokenizer: a folder with `spiece.model` and, usually, `tokenizer_config.json`. Gives the ids of transformers' slow
/// T5Tokenizer (4.57.1), legacy or not, for every text without the literal names of special tokens: where the reference
/// finds "</s>", "<pad>", "<unk>" or "<extra_id_0>" inside a text it takes the special token, this class takes plain
/// characters. docs/tokenizer.md tells what happens to blanks and odd characters.
class T5Tokenizer {
 public:
  /// Reads the folder. Throws Error(input_file) when spiece.model is missing (`tokenizer.json` alone will not do) or
  /// refused by read_spiece_model, and when the config asks for what would change the ids: another tokenizer class,
  /// sampling, added tokens that are not special, special tokens that the vocabulary does not hold.
  static T5Tokenizer from_folder(const std::filesystem::path& tokenizer_folder);

  /// At most `max_length` ids, 1 or more; a longer text loses its end and keeps `</s>` at the last place. Any bytes.
  TokenizedText encode(std::string_view text, int64_t max_length) const;

  /// `ids` filled up on the right with the padding's id to exactly `max_length`, which must not be below their number.
  std::vector<int64_t> padded(std::vector<int64_t> ids, int64_t max_length) const;

  /// How many pieces of the text are unknown to the vocabulary; neighbouring unknown characters count once.
  int64_t unknown_pieces(std::string_view text) const;

  /// The words (between blanks, without the punctuation around them where that is known) that hold an unknown piece:
  /// each once, in the order of the text. A word that the model splits into known pieces is known.
  std::vector<std::string> unknown_words(std::string_view text) const;

  int64_t pad_id() const { return pad_id_; }
  int64_t eos_id() const { return eos_id_; }
  int64_t unknown_id() const { return unigram_.unknown_id(); }
  /// Pieces in spiece.model; ids are below it.
  int64_t size() const { return unigram_.size(); }

 private:
  struct Config;
  T5Tokenizer(SpieceModel model, const Config& config);

  std::vector<int64_t> piece_ids(std::string_view text) const;
  std::vector<UnigramTokenizer::Piece> modern_pieces(std::string_view text) const;

  UnigramTokenizer unigram_;
  int64_t pad_id_ = 0;
  int64_t eos_id_ = 1;
  std::string unknown_text_;    // "<unk>"
  size_t unknown_text_pieces_;  // that text's number of pieces
  bool legacy_;
  bool add_prefix_space_;
};

}  // namespace dreamrunner

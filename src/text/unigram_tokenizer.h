#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/normalizer.h"
#include "text/piece_trie.h"
#include "text/spiece_model.h"

namespace dreamrunner {

/// Cuts text into the pieces of a sentencepiece unigram model: of all ways to write the normalised text as pieces, the
/// one with the highest sum of scores. Const after construction, safe to share between threads.
/// Source: sentencepiece 0.2.1, unigram::Model::EncodeOptimized and SentencePieceProcessor::PopulateSentencePieceText.
class UnigramTokenizer {
 public:
  struct Piece {
    std::string text;  ///< as it stands in the normalised text; a run of unknown characters is one piece
    int64_t id;
  };

  /// Reads `spiece.model`. Throws as read_spiece_model, and for damaged normalisation rules.
  static UnigramTokenizer from_file(const std::filesystem::path& spiece_model);
  explicit UnigramTokenizer(SpieceModel model);

  /// The pieces of any bytes, none for a text without content. No control piece (such as "</s>") comes out of a text,
  /// whatever stands in it. Time grows with length times longest piece.
  std::vector<Piece> pieces(std::string_view text) const;

  /// Their ids, equal to sentencepiece's.
  std::vector<int64_t> encode(std::string_view text) const;

  /// The id of exactly this piece, control pieces included.
  std::optional<int64_t> id_of(std::string_view piece) const;
  /// The id of exactly this piece if it is one that text is made of (unused ones count).
  std::optional<int64_t> id_of_text(std::string_view piece) const;

  int64_t unknown_id() const { return model_.unknown_id; }
  /// How many pieces there are; ids are below it.
  int64_t size() const { return static_cast<int64_t>(model_.pieces.size()); }
  const SpieceModel& model() const { return model_; }

 private:
  struct Cut {
    size_t start, end;  // bytes of the normalised text
    int32_t id;
  };
  std::vector<Cut> best_cuts(std::string_view normalized) const;

  SpieceModel model_;
  PieceTrie trie_;
  Normalizer normalizer_;
  float highest_score_;
  float unknown_score_;
};

}  // namespace dreamrunner

#include "text/unigram_tokenizer.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace {

using Kind = SpiecePiece::Kind;

/// The pieces that text is made of, or only the user-defined ones among them.
PieceTrie make_trie(const std::vector<SpiecePiece>& pieces, bool only_user_defined) {
  std::vector<PieceTrie::Entry> entries;
  for (size_t id = 0; id < pieces.size(); ++id) {
    const Kind kind = pieces[id].kind;
    if (kind == Kind::user_defined || (!only_user_defined && (kind == Kind::normal || kind == Kind::unused))) {
      entries.emplace_back(pieces[id].text, static_cast<int32_t>(id));
    }
  }
  return PieceTrie(std::move(entries));
}

}  // namespace

UnigramTokenizer UnigramTokenizer::from_file(const std::filesystem::path& spiece_model) {
  return UnigramTokenizer(read_spiece_model(spiece_model));
}

UnigramTokenizer::UnigramTokenizer(SpieceModel model)
    : model_(std::move(model)),
      trie_(make_trie(model_.pieces, false)),
      normalizer_(model_.normalizer, make_trie(model_.pieces, true), model_.origin) {
  // sentencepiece starts the highest score at the smallest positive float, so it is never below zero; a user-defined
  // piece's worth depends on it.
  float lowest = std::numeric_limits<float>::max();
  highest_score_ = std::numeric_limits<float>::min();
  for (const SpiecePiece& piece : model_.pieces) {
    if (piece.kind != Kind::normal) continue;
    lowest = std::min(lowest, piece.score);
    highest_score_ = std::max(highest_score_, piece.score);
  }
  unknown_score_ = lowest - 10.0f;
}

std::vector<UnigramTokenizer::Cut> UnigramTokenizer::best_cuts(std::string_view text) const {
  // For every place, the best piece that ends there. Scores are rounded to float where sentencepiece rounds them, so
  // that ties and near ties fall the same way.
  constexpr size_t kNowhere = std::numeric_limits<size_t>::max();
  struct End {
    size_t start = kNowhere;
    float score = 0;
    int32_t id = 0;
  };
  std::vector<End> ends(text.size() + 1);
  const auto offer = [&ends](size_t end, size_t start, int32_t id, double score) {
    End& known = ends[end];
    if (known.start == kNowhere || score > known.score) known = {start, static_cast<float>(score), id};
  };

  for (size_t start = 0; start < text.size();) {
    const float score_here = ends[start].score;
    const size_t character = announced_length(text.substr(start));
    bool character_known = false;
    PieceTrie::Node node = PieceTrie::kRoot;
    for (size_t end = start; end < text.size();) {
      node = trie_.child(node, static_cast<uint8_t>(text[end++]));
      if (node == PieceTrie::kNone) break;
      const int32_t id = trie_.value(node);
      if (id == PieceTrie::kNoValue || model_.pieces[id].kind == Kind::unused) continue;
      const size_t length = end - start;
      const double score = model_.pieces[id].kind == Kind::user_defined ? static_cast<float>(length) * highest_score_ - 0.1
                                                                        : static_cast<double>(model_.pieces[id].score);
      offer(end, start, id, score + score_here);
      character_known = character_known || length == character;
    }
    if (!character_known) offer(start + character, start, model_.unknown_id, unknown_score_ + score_here);
    start += character;
  }

  std::vector<Cut> cuts;
  for (size_t end = text.size(); end > 0; end = ends[end].start) cuts.push_back({ends[end].start, end, ends[end].id});
  std::reverse(cuts.begin(), cuts.end());
  return cuts;
}

std::vector<UnigramTokenizer::Piece> UnigramTokenizer::pieces(std::string_view text) const {
  const std::string normalized = normalizer_.normalize(text);
  std::vector<Piece> result;
  bool after_unknown = false;
  for (const Cut& cut : best_cuts(normalized)) {
    const std::string_view piece = std::string_view(normalized).substr(cut.start, cut.end - cut.start);
    const bool unknown = cut.id == model_.unknown_id;
    if (unknown && model_.byte_fallback) {
      for (const char c : piece) {
        const int32_t id = model_.byte_ids[static_cast<uint8_t>(c)];
        result.push_back({model_.pieces[id].text, id});
      }
    } else if (unknown && after_unknown) {
      result.back().text += piece;
    } else {
      result.push_back({std::string(piece), cut.id});
    }
    after_unknown = unknown;
  }
  return result;
}

std::vector<int64_t> UnigramTokenizer::encode(std::string_view text) const {
  std::vector<int64_t> ids;
  for (const Piece& piece : pieces(text)) ids.push_back(piece.id);
  return ids;
}

std::optional<int64_t> UnigramTokenizer::id_of_text(std::string_view piece) const {
  const int32_t id = trie_.find(piece);
  return id == PieceTrie::kNoValue ? std::nullopt : std::optional<int64_t>(id);
}

std::optional<int64_t> UnigramTokenizer::id_of(std::string_view piece) const {
  for (size_t id = 0; id < model_.pieces.size(); ++id) {
    if (model_.pieces[id].text == piece) return static_cast<int64_t>(id);
  }
  return std::nullopt;
}

}  // namespace dreamrunner

#include "text/spiece_model.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "text/protobuf_reader.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace {

// The largest published vocabularies (250,000 pieces) take 5 MB.
constexpr uint64_t kLargestFile = 16u << 20;
// sentencepiece trains pieces of at most 512 characters. The time to cut a text grows with the longest piece.
constexpr size_t kLongestPiece = 2048;

[[noreturn]] void refuse(const std::string& origin, const std::string& what,
                         const std::string& hint = "the tokenizer is damaged; fetch it again") {
  throw Error(ErrorKind::input_file, fmt::format("{}: {}", origin, what), hint);
}

SpiecePiece::Kind piece_kind(const ProtobufField& field, size_t id, const std::string& origin) {
  const int32_t kind = field.as_int32();
  if (kind < 1 || kind > 6) refuse(origin, fmt::format("piece {}: type {}, 1 to 6 expected", id, kind));
  return static_cast<SpiecePiece::Kind>(kind);
}

SpiecePiece read_piece(const ProtobufField& message, size_t id, const std::string& origin) {
  SpiecePiece piece;
  ProtobufReader reader(message, origin);
  while (const auto field = reader.next()) {
    switch (field->number()) {
      case 1: {
        const std::string_view text = field->as_bytes();
        if (text.size() > kLongestPiece) {
          refuse(origin, fmt::format("piece {}: {} bytes long, at most {} expected", id, text.size(), kLongestPiece));
        }
        piece.text = text;
        break;
      }
      case 2: piece.score = field->as_float(); break;
      case 3: piece.kind = piece_kind(*field, id, origin); break;
      default: break;
    }
  }
  if (piece.text.empty()) refuse(origin, fmt::format("piece {}: empty", id));
  if (!is_utf8(piece.text) || piece.text.find('\0') != std::string::npos) {
    refuse(origin, fmt::format("piece {}: not UTF-8 text", id));
  }
  if (!std::isfinite(piece.score)) refuse(origin, fmt::format("piece {}: score {}, a finite number expected", id, piece.score));
  return piece;
}

void read_trainer_spec(const ProtobufField& message, SpieceModel& model, int32_t& model_type) {
  ProtobufReader reader(message, model.origin);
  while (const auto field = reader.next()) {
    switch (field->number()) {
      case 3: model_type = field->as_int32(); break;
      case 24: model.normalizer.blank_is_suffix = field->as_bool(); break;
      case 35: model.byte_fallback = field->as_bool(); break;
      default: break;  // What the training was like.
    }
  }
}

void read_normalizer_spec(const ProtobufField& message, SpieceModel& model) {
  NormalizerSpec& spec = model.normalizer;
  ProtobufReader reader(message, model.origin);
  while (const auto field = reader.next()) {
    switch (field->number()) {
      case 2: spec.charsmap = field->as_bytes(); break;
      case 3: spec.add_dummy_prefix = field->as_bool(); break;
      case 4: spec.remove_extra_whitespaces = field->as_bool(); break;
      case 5: spec.escape_whitespaces = field->as_bool(); break;
      default: break;
    }
  }
}

/// The byte of a piece such as "<0x0A>".
std::optional<uint8_t> byte_of(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  const size_t high = kDigits.find(text[3]), low = kDigits.find(text[4]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  return static_cast<uint8_t>(high * 16 + low);
}

/// What only shows when all pieces are there; fills unknown_id and byte_ids.
void check_vocabulary(SpieceModel& model) {
  using Kind = SpiecePiece::Kind;
  if (model.pieces.empty()) refuse(model.origin, "no pieces");
  // A text may be there twice when only one of the two can come out of a text.
  std::unordered_set<std::string_view> from_text, reserved;
  model.byte_ids.fill(-1);
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const SpiecePiece& piece = model.pieces[i];
    const auto id = static_cast<int32_t>(i);
    const bool is_reserved = piece.kind == Kind::unknown || piece.kind == Kind::control || piece.kind == Kind::byte;
    if (!(is_reserved ? reserved : from_text).insert(piece.text).second) {
      refuse(model.origin, fmt::format("piece {}: the same text as an earlier piece", i));
    }
    if (piece.kind == Kind::unknown) {
      if (model.unknown_id >= 0) refuse(model.origin, fmt::format("piece {}: a second unknown piece after {}", i, model.unknown_id));
      model.unknown_id = id;
    }
    if (piece.kind == Kind::byte) {
      const auto byte = byte_of(piece.text);
      if (!model.byte_fallback || !byte) {
        refuse(model.origin, fmt::format("piece {}: a byte piece {}", i, byte ? "without byte fallback" : "that names no byte"));
      }
      model.byte_ids[*byte] = id;
    }
  }
  if (model.unknown_id < 0) refuse(model.origin, "no unknown piece");
  if (model.byte_fallback && std::count(model.byte_ids.begin(), model.byte_ids.end(), -1) != 0) {
    refuse(model.origin, "byte fallback without a piece for every byte");
  }
}

}  // namespace

SpieceModel read_spiece_model(const std::filesystem::path& path) {
  return parse_spiece_model(read_file(path, kLargestFile), path.string());
}

SpieceModel parse_spiece_model(std::string_view bytes, const std::string& origin) {
  if (bytes.starts_with("version https://git-lfs")) {
    refuse(origin, "this is a Git-LFS pointer, not the tokenizer", "fetch the real file (git lfs pull)");
  }
  SpieceModel model;
  model.origin = origin;
  int32_t model_type = 1;
  ProtobufReader reader(bytes, model.origin);
  while (const auto field = reader.next()) {
    switch (field->number()) {
      case 1: model.pieces.push_back(read_piece(*field, model.pieces.size(), origin)); break;
      case 2: read_trainer_spec(*field, model, model_type); break;
      case 3: read_normalizer_spec(*field, model); break;
      default: break;  // Self tests and the way back to text.
    }
  }
  if (model_type != 1) {
    constexpr std::array<const char*, 5> kTypes = {"0", "unigram", "byte pair (BPE)", "word", "character"};
    refuse(origin, fmt::format("a {} model, unigram expected", model_type >= 0 && model_type < 5 ? kTypes[model_type] : "strange"),
           "T5 has a unigram model; this file belongs to another architecture");
  }
  check_vocabulary(model);
  return model;
}

}  // namespace dreamrunner

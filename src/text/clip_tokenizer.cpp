#include "text/clip_tokenizer.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

constexpr const char* kStart = "<|startoftext|>";
constexpr const char* kEnd = "<|endoftext|>";
constexpr size_t kMostTextBytes = size_t{64} << 20;

enum class Kind { blank, letter, number, other };

Kind kind_of(UChar32 c) {
  if (u_isUWhiteSpace(c)) return Kind::blank;
  const uint32_t category = U_GET_GC_MASK(c);
  if ((category & U_GC_L_MASK) != 0) return Kind::letter;
  if ((category & U_GC_N_MASK) != 0) return Kind::number;
  return Kind::other;
}

/// Normal form C, then each character in lower case by itself: the reference knows no final sigma and no locale.
std::u32string prepared(std::string_view text) {
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* form_c = icu::Normalizer2::getNFCInstance(code);
  icu::UnicodeString normal;
  if (U_SUCCESS(code)) {
    normal = form_c->normalize(icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size()))), code);
  }
  if (U_FAILURE(code)) throw Error(ErrorKind::bug, fmt::format("ICU cannot normalise a text: {}", u_errorName(code)));
  std::u32string characters;
  for (int32_t i = 0; i < normal.length(); i = normal.moveIndex32(i, 1)) {
    const UChar32 c = normal.char32At(i);
    if (c == 0x130) {
      characters += U"i\u0307";  // İ, the one character whose lower case is two
    } else {
      characters += static_cast<char32_t>(u_tolower(c));
    }
  }
  return characters;
}

/// How many characters the contraction has that `text` begins with; 0 if it begins with none.
size_t contraction_length(std::u32string_view text) {
  static constexpr std::array<std::u32string_view, 7> kContractions = {U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"};
  for (const std::u32string_view contraction : kContractions) {
    if (text.starts_with(contraction)) return contraction.size();
  }
  return 0;
}

/// The length of the word that `text` begins with, 0 for a blank.
size_t word_length(std::u32string_view text) {
  if (const size_t length = contraction_length(text); length > 0) return length;
  const Kind kind = kind_of(static_cast<UChar32>(text.front()));
  if (kind == Kind::blank) return 0;
  if (kind == Kind::number) return 1;
  size_t length = 1;
  while (length < text.size() && kind_of(static_cast<UChar32>(text[length])) == kind) ++length;
  return length;
}

std::string utf8_of(std::u32string_view text) {
  std::string bytes;
  icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()), static_cast<int32_t>(text.size())).toUTF8String(bytes);
  return bytes;
}

}  // namespace

ClipTokenizer ClipTokenizer::from_folder(const std::filesystem::path& folder) {
  ClipTokenizer tokenizer(BpeModel::from_folder(folder, kEnd));
  const auto start = tokenizer.bpe_.id_of(kStart);
  if (!start) {
    throw Error(ErrorKind::input_file, fmt::format("{}: token \"{}\" is missing", (folder / "vocab.json").string(), kStart),
                "this is no vocabulary of CLIP");
  }
  tokenizer.start_id_ = *start;
  tokenizer.end_id_ = *tokenizer.bpe_.id_of(kEnd);
  return tokenizer;
}

TokenizedText ClipTokenizer::encode(std::string_view text, int64_t max_length) const {
  if (max_length < 2) throw Error(ErrorKind::bug, fmt::format("a text of {} tokens was asked for", max_length));
  if (text.size() > kMostTextBytes) throw Error(ErrorKind::usage, fmt::format("a text of {} bytes, at most {} expected", text.size(), kMostTextBytes));
  TokenizedText result;
  result.ids.push_back(start_id_);
  const std::u32string characters = prepared(text);
  for (std::u32string_view rest = characters; !rest.empty();) {
    const size_t length = word_length(rest);
    if (length > 0) {
      const std::vector<int64_t> ids = bpe_.word_ids(utf8_of(rest.substr(0, length)));
      result.ids.insert(result.ids.end(), ids.begin(), ids.end());
    }
    rest.remove_prefix(std::max<size_t>(length, 1));
  }
  result.length = static_cast<int64_t>(result.ids.size()) + 1;
  result.cut = result.length > max_length;
  if (result.cut) result.ids.resize(static_cast<size_t>(max_length - 1));
  result.ids.push_back(end_id_);
  return result;
}

}  // namespace dreamrunner

#include "catalogue/analyzer.h"

#include <libstemmer.h>
#include <unicode/brkiter.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "text/utf8.h"

namespace dreamrunner {
namespace {

constexpr size_t kLongestWord = 128;

/// What ICU's form of UAX 29 makes of an ASCII character inside or beside words. (By UAX 29 itself ":" joins letters, and "@"
/// is nothing.)
enum class Role : uint8_t {
  none,
  letter,
  digit,
  joiner,     ///< "_": part of a word, though no word alone.
  mid_both,   ///< "." and "'": joins two letters, and two digits.
  mid_digit,  ///< "," and ";": joins two digits.
};

constexpr std::array<Role, 128> make_roles() {
  std::array<Role, 128> roles{};
  for (char c = 'a'; c <= 'z'; ++c) roles[static_cast<size_t>(c)] = Role::letter;
  for (char c = 'A'; c <= 'Z'; ++c) roles[static_cast<size_t>(c)] = Role::letter;
  for (char c = '0'; c <= '9'; ++c) roles[static_cast<size_t>(c)] = Role::digit;
  roles['@'] = Role::letter;  // So that addresses stay whole.
  roles['_'] = Role::joiner;
  roles['.'] = roles['\''] = Role::mid_both;
  roles[','] = roles[';'] = Role::mid_digit;
  return roles;
}

constexpr std::array<Role, 128> kRoles = make_roles();

Role role_of(char c) { return kRoles[static_cast<uint8_t>(c) & 0x7F]; }

bool in_word(Role role) { return role == Role::letter || role == Role::digit || role == Role::joiner; }

/// Whether a character of `role` holds a word together between characters of role `before` and `after`.
bool joins(Role role, Role before, Role after) {
  if (before == Role::letter && after == Role::letter) return role == Role::mid_both;
  if (before == Role::digit && after == Role::digit) return role == Role::mid_both || role == Role::mid_digit;
  return false;
}

char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// Whether a stretch between two boundaries is a word: whether it has a letter or a digit. (ICU's own rule status does not
/// say it: it calls "@" before a line break a word.)
bool is_spoken(const icu::UnicodeString& word) {
  for (int32_t i = 0; i < word.length(); i = word.moveIndex32(i, 1)) {
    if (u_isalnum(word.char32At(i))) return true;
  }
  return false;
}

/// `word` cut to the longest a word may be, at a character's boundary.
size_t cut_length(std::string_view word) {
  if (word.size() <= kLongestWord) return word.size();
  size_t size = kLongestWord;
  while (size > 0 && (static_cast<uint8_t>(word[size]) & 0xC0) == 0x80) --size;
  return size;
}

}  // namespace

const char* analyzer_name(AnalyzerKind kind) { return kind == AnalyzerKind::english ? "english" : "plain"; }

AnalyzerKind analyzer_named(std::string_view name) {
  if (name == "plain") return AnalyzerKind::plain;
  if (name == "english") return AnalyzerKind::english;
  throw Error(ErrorKind::usage, fmt::format("analyzer: found \"{}\", plain or english expected", name));
}

struct Analyzer::Icu {
  std::unique_ptr<icu::BreakIterator> breaks;
  const icu::Normalizer2* composed = nullptr;

  Icu() {
    UErrorCode code = U_ZERO_ERROR;
    breaks.reset(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), code));
    composed = icu::Normalizer2::getNFCInstance(code);
    if (U_FAILURE(code)) {
      throw Error(ErrorKind::input_file, fmt::format("ICU's word rules cannot be loaded: {}", u_errorName(code)), "install Debian's libicu again");
    }
  }
};

struct Analyzer::Stemmer {
  sb_stemmer* handle = sb_stemmer_new("english", "UTF_8");
  Stemmer() {
    if (handle == nullptr) throw Error(ErrorKind::memory, "the English stemmer cannot be made");
  }
  ~Stemmer() { sb_stemmer_delete(handle); }
  Stemmer(const Stemmer&) = delete;
  Stemmer& operator=(const Stemmer&) = delete;
};

Analyzer::Analyzer(AnalyzerKind kind) : kind_(kind) {
  if (kind == AnalyzerKind::english) stemmer_ = std::make_unique<Stemmer>();
}

Analyzer::~Analyzer() = default;

void Analyzer::split(std::string_view text) {
  words_.clear();
  pieces_.clear();
  const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
  if (ascii) split_ascii(text);
  else split_by_icu(text);
  if (stemmer_) stem_words();
}

void Analyzer::split_ascii(std::string_view text) {
  words_.resize(text.size());
  char* const out = words_.data();
  const size_t size = text.size();
  size_t at = 0;
  size_t written = 0;
  while (at < size) {
    if (!in_word(role_of(text[at]))) {
      ++at;
      continue;
    }
    const size_t begin = at;
    bool spoken = false;  // Holds a letter or a digit: joiners and "@" alone are no word.
    while (at < size) {
      const Role role = role_of(text[at]);
      if (in_word(role)) {
        spoken |= role != Role::joiner && text[at] != '@';
        out[written + (at - begin)] = folded(text[at]);
        ++at;
      } else if (role != Role::none && at + 1 < size && joins(role, role_of(text[at - 1]), role_of(text[at + 1]))) {
        out[written + (at - begin)] = text[at];
        ++at;
      } else {
        break;
      }
    }
    if (!spoken) continue;
    const size_t length = std::min(at - begin, kLongestWord);
    pieces_.push_back({written, length});
    written += length;
  }
  words_.resize(written);
}

void Analyzer::split_by_icu(std::string_view text) {
  if (!icu_) icu_ = std::make_unique<Icu>();
  const icu::UnicodeString unicode = icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
  icu_->breaks->setText(unicode);
  std::string utf8;
  int32_t begin = icu_->breaks->first();
  for (int32_t end = icu_->breaks->next(); end != icu::BreakIterator::DONE; begin = end, end = icu_->breaks->next()) {
    icu::UnicodeString word(unicode, begin, end - begin);
    if (!is_spoken(word)) continue;
    word.foldCase();
    UErrorCode code = U_ZERO_ERROR;
    const icu::UnicodeString composed = icu_->composed->normalize(word, code);
    utf8.clear();
    (U_SUCCESS(code) ? composed : word).toUTF8String(utf8);
    const size_t length = cut_length(utf8);
    pieces_.push_back({words_.size(), length});
    words_.append(utf8, 0, length);
  }
}

void Analyzer::stem_words() {
  const std::string plain = std::exchange(words_, {});
  for (Piece& piece : pieces_) {
    const auto* word = reinterpret_cast<const sb_symbol*>(plain.data() + piece.begin);
    const sb_symbol* stem = sb_stemmer_stem(stemmer_->handle, word, static_cast<int>(piece.size));
    const std::string_view text = stem == nullptr ? std::string_view(plain).substr(piece.begin, piece.size)
                                                  : std::string_view(reinterpret_cast<const char*>(stem), static_cast<size_t>(sb_stemmer_length(stemmer_->handle)));
    piece = {words_.size(), text.size()};
    words_ += text;
  }
  std::erase_if(pieces_, [](const Piece& piece) { return piece.size == 0; });
}

std::vector<std::string> Analyzer::copy() const {
  std::vector<std::string> result;
  for (const Piece& piece : pieces_) result.push_back(words_.substr(piece.begin, piece.size));
  return result;
}

std::vector<std::string> Analyzer::words(std::string_view text) {
  split(text);
  return copy();
}

std::vector<std::string> Analyzer::words_by_icu(std::string_view text) {
  words_.clear();
  pieces_.clear();
  split_by_icu(text);
  if (stemmer_) stem_words();
  return copy();
}

}  // namespace dreamrunner

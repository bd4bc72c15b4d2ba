#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dreamrunner {

/// How captions and queries become words. An index states which one it was made with, and queries are read by the same.
enum class AnalyzerKind : uint8_t {
  plain = 0,    ///< Unicode's word boundaries (UAX 29) and full case folding; words of letters and digits only.
  english = 1,  ///< The same, then the stem by Snowball's English stemmer: "bowing" and "bows" are "bow".
};

/// "plain" or "english".
const char* analyzer_name(AnalyzerKind kind);
/// The kind of that name. Throws Error(usage).
AnalyzerKind analyzer_named(std::string_view name);

/// Splits text into words. Words longer than 128 bytes are cut there. Bytes that are not UTF-8 count as U+FFFD, which
/// is no word. An object serves one thread.
class Analyzer {
 public:
  explicit Analyzer(AnalyzerKind kind);
  ~Analyzer();
  Analyzer(const Analyzer&) = delete;
  Analyzer& operator=(const Analyzer&) = delete;

  AnalyzerKind kind() const { return kind_; }

  /// Hands each word of `text` to `take` (anything callable with a std::string_view, which
  /// lives until the next text is split).
  template <typename Take>
  void each_word(std::string_view text, Take&& take) {
    split(text);
    for (const Piece& piece : pieces_) take(std::string_view(words_).substr(piece.begin, piece.size));
  }

  /// The words of `text`, in order.
  std::vector<std::string> words(std::string_view text);
  /// The same by ICU alone, whatever the text: what the quick way for ASCII is tested against.
  std::vector<std::string> words_by_icu(std::string_view text);

 private:
  struct Piece {
    size_t begin, size;
  };
  struct Icu;
  struct Stemmer;

  void split(std::string_view text);
  void split_ascii(std::string_view text);
  void split_by_icu(std::string_view text);
  void stem_words();
  std::vector<std::string> copy() const;

  AnalyzerKind kind_;
  std::string words_;  ///< Of the text at hand, folded, one behind the other.
  std::vector<Piece> pieces_;
  std::unique_ptr<Icu> icu_;  ///< Made when text first needs it: loading its data takes longer than a query.
  std::unique_ptr<Stemmer> stemmer_;
};

}  // namespace dreamrunner

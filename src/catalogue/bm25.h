#pragma once

#include <cmath>
#include <cstdint>

namespace dreamrunner {

/// Okapi BM25 as Lucene computes it since version 8, with exact lengths and in double precision. For a word that n of N rows
/// hold, in a row of dl words where it stands tf times, avgdl being the mean of dl:
///
///   score = ln(1 + (N - n + 0.5) / (n + 0.5)) * tf / (tf + k1 (1 - b + b dl / avgdl))
///
/// A row's score is the sum over the query's distinct words, in the order in which the query names them; a word that the
/// query repeats counts as often. N, n and avgdl are those of all segments together.
struct Bm25Settings {
  double k1 = 1.2;  ///< How slowly repeats of a word saturate; at least 0.
  double b = 0.75;  ///< How much long captions are held back; 0 to 1.
};

/// ln(1 + (N - n + 0.5) / (n + 0.5)): always above 0.
inline double bm25_idf(uint64_t rows, uint64_t rows_with_word) {
  const auto n = static_cast<double>(rows_with_word);
  return std::log(1.0 + (static_cast<double>(rows) - n + 0.5) / (n + 0.5));
}

/// k1 (1 - b + b dl / avgdl).
inline double bm25_norm(const Bm25Settings& settings, double words_in_row, double mean_words) {
  return settings.k1 * (1.0 - settings.b + settings.b * words_in_row / mean_words);
}

/// weight * tf / (tf + norm), written so that rounding keeps it monotone: it never falls when tf grows or norm shrinks. A
/// bound that is computed by it from the largest tf and the smallest norm is therefore never below a score.
inline double bm25_part(double weight, double tf, double norm) { return weight / (1.0 + norm / tf); }

}  // namespace dreamrunner

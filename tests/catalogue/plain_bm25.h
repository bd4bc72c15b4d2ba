#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "catalogue/bm25_search.h"

namespace dreamrunner::test {

/// BM25 by the plainest means: every row is scored. Rows are given as their words.
inline std::vector<Bm25Hit> score_every_row(const std::vector<std::vector<std::string>>& rows, const std::set<uint64_t>& removed,
                                            const std::vector<std::string>& query, size_t top, double k1 = 1.2, double b = 0.75) {
  double all = 0;
  for (const auto& row : rows) all += static_cast<double>(row.size());
  const double mean = all / static_cast<double>(rows.size());
  std::vector<std::string> distinct;
  for (const std::string& word : query) {
    if (std::find(distinct.begin(), distinct.end(), word) == distinct.end()) distinct.push_back(word);
  }
  std::map<std::string, double> idf;
  for (const std::string& word : distinct) {
    double n = 0;
    for (const auto& row : rows) n += std::find(row.begin(), row.end(), word) != row.end() ? 1 : 0;
    idf[word] = std::log(1.0 + (static_cast<double>(rows.size()) - n + 0.5) / (n + 0.5)) * static_cast<double>(std::count(query.begin(), query.end(), word));
  }
  std::vector<Bm25Hit> hits;
  for (size_t i = 0; i < rows.size(); ++i) {
    double score = 0;
    bool holds = false;
    for (const std::string& word : distinct) {
      const auto tf = static_cast<double>(std::count(rows[i].begin(), rows[i].end(), word));
      if (tf == 0) continue;
      holds = true;
      const double norm = k1 * (1.0 - b + b * static_cast<double>(rows[i].size()) / mean);
      score += idf[word] / (1.0 + norm / tf);
    }
    if (holds && removed.count(i) == 0) hits.push_back({i, score});
  }
  std::sort(hits.begin(), hits.end(), [](const Bm25Hit& x, const Bm25Hit& y) { return x.score > y.score || (x.score == y.score && x.row < y.row); });
  if (hits.size() > top) hits.resize(top);
  return hits;
}

}  // namespace dreamrunner::test

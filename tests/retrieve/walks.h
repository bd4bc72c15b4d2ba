#pragma once

#include <vector>

#include "stages/scorers.h"

namespace dreamrunner::test {

/// A box of width x height px about a middle.
struct Body {
  double width = 40;
  double height = 100;
};

inline Detection seen_at(int look, double x, double y, const Body& body = {}, float score = 0.9f) {
  return {look, static_cast<float>(x - body.width / 2), static_cast<float>(y - body.height / 2), static_cast<float>(x + body.width / 2),
          static_cast<float>(y + body.height / 2), score, 0};
}

/// `count` looks, `rate` a second.
inline std::vector<double> even_looks(int count, double rate) {
  std::vector<double> looks_s(count);
  for (int look = 0; look < count; ++look) looks_s[look] = look / rate;
  return looks_s;
}

}  // namespace dreamrunner::test

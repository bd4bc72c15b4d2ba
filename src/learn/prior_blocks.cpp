#include "learn/prior_blocks.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {

std::vector<int64_t> prior_blocks(const std::string& name, PriorKind kind, int64_t layers) {
  const std::string set = name == "auto" ? (kind == PriorKind::motion ? "even" : "odd") : name;
  std::vector<int64_t> blocks;
  for (int64_t i = 0; i < layers; ++i) {
    const bool in_first_half = 2 * i < layers;
    if (set == "all" || (set == "even" && i % 2 == 0) || (set == "odd" && i % 2 == 1) || (set == "first-half" && in_first_half) ||
        (set == "second-half" && !in_first_half)) {
      blocks.push_back(i);
    }
  }
  if (set != "all" && set != "even" && set != "odd" && set != "first-half" && set != "second-half") {
    throw Error(ErrorKind::usage, fmt::format("blocks: found \"{}\", auto, all, even, odd, first-half or second-half expected", name));
  }
  if (blocks.empty()) throw Error(ErrorKind::usage, fmt::format("blocks: \"{}\" is no block of a model of {}", set, layers));
  return blocks;
}

std::vector<int64_t> other_blocks(const std::vector<int64_t>& blocks, int64_t layers) {
  std::vector<int64_t> others;
  for (int64_t i = 0; i < layers; ++i) {
    if (!std::binary_search(blocks.begin(), blocks.end(), i)) others.push_back(i);
  }
  return others;
}

std::vector<AdaptableLinear> prior_linears(const std::vector<AdaptableLinear>& linears, const std::vector<int64_t>& blocks, const std::string& set) {
  std::vector<std::string> wanted{"attn1.to_q", "attn1.to_k", "attn1.to_v"};
  if (set == "all") {
    wanted.insert(wanted.end(), {"attn1.to_out.0", "ff.net.0.proj"});
  } else if (set != "paper") {
    throw Error(ErrorKind::usage, fmt::format("linears: found \"{}\", all or paper expected", set));
  }
  wanted.push_back("ff.net.2");
  std::map<std::string, const AdaptableLinear*> by_name;
  for (const AdaptableLinear& linear : linears) by_name[linear.name] = &linear;
  std::vector<AdaptableLinear> found;
  for (const int64_t block : blocks) {
    for (const std::string& name : wanted) found.push_back(*by_name.at(fmt::format("transformer_blocks.{}.{}", block, name)));
  }
  return found;
}

}  // namespace dreamrunner

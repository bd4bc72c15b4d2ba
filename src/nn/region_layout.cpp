#include <algorithm>
#include <map>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "nn/region_attention.h"

namespace dreamrunner {
namespace {

at::Tensor indices(const std::vector<int64_t>& values, at::Device device) { return at::tensor(values, at::kLong).to(device); }

/// Tokens under the same texts see the same rows, so they are one group of queries. A scene has few such groups: every
/// region and every overlap is one.
std::vector<RegionLayout::Group> group_by_cover(const at::Tensor& inside, int64_t text_length, at::Device device) {
  const int64_t texts = inside.size(0), visual = inside.size(1);
  const auto covers = inside.accessor<bool, 2>();
  std::map<std::vector<int64_t>, std::vector<int64_t>> tokens_under;
  for (int64_t token = 0; token < visual; ++token) {
    std::vector<int64_t> cover;
    for (int64_t text = 0; text < texts; ++text) {
      if (covers[text][token]) cover.push_back(text);
    }
    tokens_under[cover].push_back(token);
  }

  std::vector<RegionLayout::Group> groups;
  for (const auto& [cover, tokens] : tokens_under) {
    if (cover.empty()) {
      for (const int64_t token : tokens) groups.push_back({indices({token}, device), indices({texts * text_length + token}, device)});
      continue;
    }
    std::vector<int64_t> keys;
    for (const int64_t text : cover) {
      for (int64_t row = 0; row < text_length; ++row) keys.push_back(text * text_length + row);
    }
    for (int64_t token = 0; token < visual; ++token) {
      for (const int64_t text : cover) {
        if (covers[text][token]) {
          keys.push_back(texts * text_length + token);
          break;
        }
      }
    }
    groups.push_back({indices(tokens, device), indices(keys, device)});
  }
  return groups;
}

/// Batches of disjoint regions: each text goes into the first that has no token of its region and room for its rows.
std::vector<RegionLayout::Batch> batch_disjoint_regions(const RegionLayout& layout, const at::Tensor& inside) {
  // What is gathered at once is memory: a batch of several texts stays below what a large region alone takes at full size.
  constexpr int64_t kRowsAtOnce = 4096;
  struct Open {
    std::vector<int64_t> texts;
    at::Tensor taken;
    int64_t rows = 0;
  };
  std::vector<Open> open;
  for (int64_t text = 0; text < layout.texts(); ++text) {
    const int64_t rows = layout.text_length + layout.region_size(text);
    const auto fits = [&](const Open& batch) {
      return batch.rows + rows <= kRowsAtOnce && !batch.taken.logical_and(inside[text]).any().item<bool>();
    };
    const auto found = std::find_if(open.begin(), open.end(), fits);
    Open& batch = found != open.end() ? *found : open.emplace_back(Open{{}, at::zeros_like(inside[text]), 0});
    batch.texts.push_back(text);
    batch.taken.logical_or_(inside[text]);
    batch.rows += rows;
  }

  std::vector<RegionLayout::Batch> batches;
  for (const Open& from : open) {
    std::vector<at::Tensor> tokens, rows;
    for (const int64_t text : from.texts) {
      const at::Tensor& region = layout.visual_tokens[static_cast<size_t>(text)];
      tokens.push_back(region);
      rows.push_back(at::arange(text * layout.text_length, (text + 1) * layout.text_length, region.options()));
      rows.push_back(region + layout.text_rows());
    }
    batches.push_back({from.texts, at::cat(tokens), at::cat(rows)});
  }
  return batches;
}

}  // namespace

VisualAttention visual_attention_from_name(const std::string& name) {
  if (name == "full") return VisualAttention::full;
  if (name == "hard") return VisualAttention::hard;
  throw Error(ErrorKind::usage, fmt::format("--visual-attn: found \"{}\", full or hard expected", name));
}

RegionLayout make_region_layout(const at::Tensor& regions, int64_t text_length, at::Device device, VisualAttention visual_attention) {
  RegionLayout layout;
  layout.text_length = text_length;
  layout.visual_attention = visual_attention;
  const at::Tensor inside = regions.to(at::kCPU).ne(0).contiguous();
  for (int64_t i = 0; i < inside.size(0); ++i) {
    layout.visual_tokens.push_back(inside[i].nonzero().flatten().to(device));
  }
  if (visual_attention == VisualAttention::hard) {
    layout.groups = group_by_cover(inside, text_length, device);
  } else {
    layout.batches = batch_disjoint_regions(layout, inside);
  }
  return layout;
}

}  // namespace dreamrunner

#include "nn/region_attention.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <functional>
#include <random>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "nn/attention.h"

namespace dreamrunner {
namespace {

/// Attention under the mask that the paper states, written out in the plainest way: every pair of tokens, in double.
at::Tensor masked_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& regions, int64_t text_length, double scale,
                            bool hard = false) {
  const int64_t texts = regions.size(0), length = q.size(2), text_rows = texts * text_length;
  at::Tensor allowed = at::zeros({length, length}, at::kBool);
  auto may_see = allowed.accessor<bool, 2>();
  const auto inside = regions.accessor<uint8_t, 2>();
  for (int64_t query = 0; query < length; ++query) {
    for (int64_t key = 0; key < length; ++key) {
      const bool query_is_text = query < text_rows, key_is_text = key < text_rows;
      if (query_is_text && key_is_text) {
        may_see[query][key] = query / text_length == key / text_length;
      } else if (query_is_text) {
        may_see[query][key] = inside[query / text_length][key - text_rows] != 0;
      } else if (key_is_text) {
        may_see[query][key] = inside[key / text_length][query - text_rows] != 0;
      } else {
        bool together = query == key;  // a token that nothing covers sees itself
        for (int64_t text = 0; text < texts; ++text) together |= inside[text][query - text_rows] && inside[text][key - text_rows];
        may_see[query][key] = !hard || together;
      }
    }
  }
  const at::Tensor scores = at::matmul(q.to(at::kDouble), k.to(at::kDouble).transpose(2, 3)) * scale;
  return at::matmul(scores.masked_fill(allowed.logical_not(), -INFINITY).softmax(-1), v.to(at::kDouble));
}

double relative_difference(const at::Tensor& ours, const at::Tensor& reference) {
  return ((ours.to(at::kDouble) - reference).abs().max() / reference.abs().max()).item<double>();
}

struct RandomCase {
  at::Tensor q, k, v, regions;
  int64_t text_length;
  double scale;
};

/// Sizes, masks and memory layouts of every kind that a scene can give, and some that none will.
RandomCase random_case(unsigned seed) {
  std::mt19937 random(seed);
  const auto between = [&](int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); };
  at::manual_seed(seed);
  RandomCase c;
  const int64_t batch = between(1, 2), heads = between(1, 4), texts = 1 + seed % 19, visual = between(1, 90);
  const int64_t head_dim = std::array<int64_t, 4>{8, 16, 32, 64}[static_cast<size_t>(between(0, 3))];
  c.text_length = between(1, 12);
  c.scale = 1.0 / std::sqrt(static_cast<double>(head_dim));
  const int64_t length = texts * c.text_length + visual;
  const auto tensor = [&] {
    switch (between(0, 2)) {
      case 0: return at::randn({batch, heads, length, head_dim});
      case 1: return at::randn({batch, length, heads, head_dim}).transpose(1, 2);
      default: return at::randn({batch, heads, head_dim, length}).transpose(2, 3);  // last stride is not 1
    }
  };
  c.q = tensor() * static_cast<double>(between(1, 6));
  c.k = tensor();
  c.v = tensor();
  c.regions = at::zeros({texts, visual}, at::kByte);
  at::Tensor covered = at::zeros({visual}, at::kByte);
  for (int64_t i = 0; i < texts; ++i) {
    switch (between(0, 4)) {
      case 0: break;                                                                    // empty
      case 1: c.regions[i].fill_(1); break;                                             // everywhere
      case 2: c.regions[i][between(0, visual - 1)] = 1; break;                          // one token
      case 3: c.regions[i] = at::rand({visual}).lt(0.3).to(at::kByte); break;           // scattered, overlapping others
      default: c.regions[i] = covered.logical_not().to(at::kByte);                      // the rest, as a background
    }
    covered = covered.logical_or(c.regions[i]).to(at::kByte);
  }
  return c;
}

/// One test runs all cases: CTest starts a process a test, and LibTorch takes longer to load than a case to run.
template <typename Check>
void for_each_case(const Check& check) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(fmt::format("case {}", seed));
    check(random_case(seed));
  }
}

TEST(RegionAttentionTest, EqualsMaskedAttention) {
  for_each_case([](const RandomCase& c) {
    const at::Tensor ours = region_attention(c.q, c.k, c.v, make_region_layout(c.regions, c.text_length, at::kCPU), c.scale);
    const at::Tensor reference = masked_attention(c.q, c.k, c.v, c.regions, c.text_length, c.scale);
    // fp32 sums over at most 300 keys, compared with double.
    EXPECT_LE(relative_difference(ours, reference), 5e-6);
  });
}

TEST(RegionAttentionTest, EqualsMaskedAttentionInBfloat16) {
  for_each_case([](const RandomCase& c) {
    const auto half = [](const at::Tensor& x) { return x.to(at::kBFloat16); };
    const at::Tensor ours = region_attention(half(c.q), half(c.k), half(c.v), make_region_layout(c.regions, c.text_length, at::kCPU), c.scale);
    ASSERT_EQ(ours.scalar_type(), at::kBFloat16);
    // bf16 keeps 8 bits: parts are rounded once before they are merged and the result once more.
    EXPECT_LE(relative_difference(ours, masked_attention(half(c.q), half(c.k), half(c.v), c.regions, c.text_length, c.scale)), 0.02);
  });
}

TEST(RegionAttentionTest, HardEqualsMaskedAttention) {
  for_each_case([](const RandomCase& c) {
    const RegionLayout layout = make_region_layout(c.regions, c.text_length, at::kCPU, VisualAttention::hard);
    const at::Tensor reference = masked_attention(c.q, c.k, c.v, c.regions, c.text_length, c.scale, /*hard=*/true);
    EXPECT_LE(relative_difference(region_attention(c.q, c.k, c.v, layout, c.scale), reference), 5e-6);
  });
}

using Attention = std::function<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&)>;

/// d(sum of output * weights) / d(q, k, v).
std::array<at::Tensor, 3> gradients(const RandomCase& c, const at::Tensor& weights, at::ScalarType type, const Attention& attention) {
  std::array<at::Tensor, 3> inputs;
  const std::array<at::Tensor, 3> originals = {c.q, c.k, c.v};
  for (size_t i = 0; i < 3; ++i) inputs[i] = originals[i].to(type).detach().requires_grad_(true);
  (attention(inputs[0], inputs[1], inputs[2]) * weights).sum().backward();
  return {inputs[0].grad(), inputs[1].grad(), inputs[2].grad()};
}

TEST(RegionAttentionTest, GradientsEqualThoseOfMaskedAttention) {
  for_each_case([](const RandomCase& c) {
    const at::Tensor weights = at::randn(c.q.sizes(), at::kDouble);
    for (const bool hard : {false, true}) {
      const RegionLayout layout = make_region_layout(c.regions, c.text_length, at::kCPU, hard ? VisualAttention::hard : VisualAttention::full);
      const auto ours = gradients(c, weights.to(at::kFloat), at::kFloat, [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        return region_attention(q, k, v, layout, c.scale);
      });
      const auto reference = gradients(c, weights, at::kDouble, [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        return masked_attention(q, k, v, c.regions, c.text_length, c.scale, hard);
      });
      // One scale for the three: where every row sees one key, dq and dk are zero but for rounding.
      double scale = 0;
      for (const at::Tensor& gradient : reference) scale = std::max(scale, gradient.abs().max().item<double>());
      for (size_t i = 0; i < 3; ++i) {
        // fp32 against double; queries of up to six times unit size make sharp probabilities, whose gradients cancel.
        const double difference = (ours[i].to(at::kDouble) - reference[i]).abs().max().item<double>();
        EXPECT_LE(difference, 2e-5 * scale) << "d" << "qkv"[i] << (hard ? " hard" : " full");
      }
    }
  });
}

TEST(RegionAttentionTest, GradientsOutliveTheLayout) {
  at::manual_seed(5);
  const at::Tensor q = at::randn({1, 2, 30, 16}).requires_grad_(true);
  at::Tensor out;
  {
    const RegionLayout layout = make_region_layout(at::ones({1, 20}, at::kByte), 10, at::kCPU);
    out = region_attention(q, q, q, layout, 0.25);
  }
  out.sum().backward();
  EXPECT_TRUE(at::isfinite(q.grad()).all().item<bool>());
}

TEST(RegionLayoutTest, BatchesHoldEveryTextOnceAndNoTokenTwice) {
  for_each_case([](const RandomCase& c) {
    const RegionLayout layout = make_region_layout(c.regions, c.text_length, at::kCPU);
    std::vector<int64_t> texts;
    for (const RegionLayout::Batch& batch : layout.batches) {
      texts.insert(texts.end(), batch.texts.begin(), batch.texts.end());
      EXPECT_EQ(std::get<0>(at::_unique(batch.tokens)).numel(), batch.tokens.numel());
      at::Tensor covered = at::zeros({c.regions.size(1)}, at::kByte);
      for (const int64_t text : batch.texts) covered += c.regions[text];
      EXPECT_TRUE(at::equal(std::get<0>(batch.tokens.sort()), covered.nonzero().flatten()));
      EXPECT_EQ(batch.rows.numel(), batch.tokens.numel() + static_cast<int64_t>(batch.texts.size()) * c.text_length);
    }
    std::sort(texts.begin(), texts.end());
    for (int64_t i = 0; i < layout.texts(); ++i) EXPECT_EQ(texts.at(static_cast<size_t>(i)), i);
  });
}

TEST(RegionLayoutTest, LargeRegionsAreGatheredOneByOne) {
  // Four disjoint regions of 4,000 tokens, as at full size: gathered at once they would be a copy of all keys and values.
  at::Tensor regions = at::zeros({4, 16200}, at::kByte);
  for (int64_t i = 0; i < 4; ++i) regions[i].slice(0, i * 4000, (i + 1) * 4000).fill_(1);
  EXPECT_EQ(make_region_layout(regions, 226, at::kCPU).batches.size(), 4u);
  EXPECT_EQ(make_region_layout(regions.slice(1, 0, 4000), 226, at::kCPU).batches.size(), 2u);  // three empty ones share one
}

TEST(RegionAttentionTest, MemoryGrowsWithTheTokensAndNotWithTheirSquare) {
  // A mask over these 4 x 226 + 16,200 rows would have 292 million entries, scores of one head 1.2 GB.
  at::manual_seed(6);
  const int64_t text = 226, visual = 16200;
  const at::Tensor q = at::randn({1, 1, 4 * text + visual, 8});
  at::Tensor regions = at::zeros({4, visual}, at::kByte);
  for (int64_t i = 0; i < 4; ++i) regions[i].slice(0, i * 4000, i * 4000 + 5000).fill_(1);
  const auto peak_kb = [] {
    struct rusage usage {};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const int64_t before = peak_kb();
  for (const VisualAttention visual_attention : {VisualAttention::full, VisualAttention::hard}) {
    region_attention(q, q, q, make_region_layout(regions, text, at::kCPU, visual_attention), 0.35);
  }
  EXPECT_LT(peak_kb() - before, 64 << 10);
}

TEST(RegionAttentionTest, OneTextEverywhereIsPlainAttention) {
  at::manual_seed(1);
  const at::Tensor q = at::randn({2, 3, 60, 32}), k = at::randn({2, 3, 60, 32}), v = at::randn({2, 3, 60, 32});
  const RegionLayout layout = make_region_layout(at::ones({1, 50}, at::kByte), 10, at::kCPU);
  const at::Tensor plain = at::scaled_dot_product_attention(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), {}, 0.0, false, 0.2);
  EXPECT_LE(relative_difference(region_attention(q, k, v, layout, 0.2), plain), 2e-6);
}

TEST(RegionAttentionTest, AnEmptyRegionChangesNothingForVisualTokens) {
  at::manual_seed(2);
  const int64_t text = 7, visual = 40;
  const at::Tensor q = at::randn({1, 2, 2 * text + visual, 16}), k = at::randn({1, 2, 2 * text + visual, 16}), v = at::randn({1, 2, 2 * text + visual, 16});
  at::Tensor regions = at::zeros({2, visual}, at::kByte);
  regions[1].fill_(1);
  const at::Tensor with_empty = region_attention(q, k, v, make_region_layout(regions, text, at::kCPU), 0.25);
  const auto without_first = [&](const at::Tensor& x) { return x.slice(2, text); };
  const at::Tensor without = region_attention(without_first(q), without_first(k), without_first(v), make_region_layout(regions.slice(0, 1), text, at::kCPU), 0.25);
  EXPECT_TRUE(at::equal(with_empty.slice(2, text), without));
  EXPECT_TRUE(at::isfinite(with_empty).all().item<bool>());
}

TEST(RegionAttentionTest, NothingInsideAnyRegionIsAttentionAmongVisualTokens) {
  at::manual_seed(3);
  const at::Tensor q = at::randn({1, 2, 30, 16}), k = at::randn({1, 2, 30, 16}), v = at::randn({1, 2, 30, 16});
  const at::Tensor out = region_attention(q, k, v, make_region_layout(at::zeros({1, 20}, at::kByte), 10, at::kCPU), 0.25);
  const auto visual = [](const at::Tensor& x) { return x.slice(2, 10).to(at::kDouble); };
  EXPECT_LE(relative_difference(out.slice(2, 10), at::scaled_dot_product_attention(visual(q), visual(k), visual(v), {}, 0.0, false, 0.25)), 2e-6);
}

TEST(AttendTest, BlocksGiveWhatTheFlashKernelGives) {
  at::manual_seed(4);
  const at::Tensor q = at::randn({2, 3, 70, 32}), k = at::randn({2, 3, 55, 32}), v = at::randn({2, 3, 55, 32});
  const AttentionPart flash = attend(q, k, v, 0.2);
  for (const int64_t block : {1, 16, 64, 1024}) {
    const AttentionPart blocks = attend_in_blocks(q, k, v, 0.2, block);
    EXPECT_LE(relative_difference(blocks.output, flash.output.to(at::kDouble)), 2e-6) << block;
    ASSERT_EQ(blocks.logsumexp.sizes(), flash.logsumexp.sizes());
    EXPECT_LE(relative_difference(blocks.logsumexp, flash.logsumexp.to(at::kDouble)), 2e-6) << block;
  }
}

TEST(AttendTest, BackwardInBlocksGivesWhatTheFlashKernelGives) {
  at::manual_seed(7);
  const at::Tensor q = at::randn({2, 3, 70, 32}), k = at::randn({2, 3, 55, 32}), v = at::randn({2, 3, 55, 32}), grad = at::randn({2, 3, 70, 32});
  const AttentionPart whole = attend(q, k, v, 0.2);
  const auto [dq, dk, dv] = attend_backward(grad, q, k, v, whole, 0.2);
  for (const int64_t block : {1, 16, 1024}) {
    const auto [bq, bk, bv] = attend_backward_in_blocks(grad, q, k, v, whole, 0.2, block);
    EXPECT_LE(relative_difference(bq, dq.to(at::kDouble)), 5e-6) << block;
    EXPECT_LE(relative_difference(bk, dk.to(at::kDouble)), 5e-6) << block;
    EXPECT_LE(relative_difference(bv, dv.to(at::kDouble)), 5e-6) << block;
  }
}

TEST(AttendTest, NoKeysGiveZerosAndNoQueriesGiveNothing) {
  const at::Tensor some = at::randn({1, 2, 5, 16}), none = at::randn({1, 2, 0, 16});
  const AttentionPart no_keys = attend(some, none, none, 0.25);
  EXPECT_TRUE(no_keys.output.eq(0).all().item<bool>());
  EXPECT_TRUE(at::isneginf(no_keys.logsumexp).all().item<bool>());
  EXPECT_EQ(attend(none, some, some, 0.25).output.numel(), 0);
  for (const at::Tensor& gradient : {std::get<0>(attend_backward(some, some, none, none, no_keys, 0.25)), std::get<1>(attend_backward(none, none, some, some, {none, none}, 0.25))}) {
    EXPECT_TRUE(gradient.eq(0).all().item<bool>());
  }
  AttentionPart whole{no_keys.output.clone(), no_keys.logsumexp.clone()};
  add_part(whole, no_keys);
  EXPECT_TRUE(whole.output.eq(0).all().item<bool>());
  EXPECT_TRUE(at::isneginf(whole.logsumexp).all().item<bool>());
}

}  // namespace
}  // namespace dreamrunner

// Region attention beside torch's attention under the boolean mask that says the same, forward and with gradients.
// Peers take turns within a repetition; each time comes with the largest difference of the two results.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>
#include <ATen/core/grad_mode.h>

#include "nn/region_attention.h"

namespace dreamrunner {
namespace {

constexpr int64_t kTexts = 8;
constexpr int64_t kHeads = 6;
constexpr int64_t kHeadDim = 64;
constexpr double kScale = 0.125;

struct Inputs {
  at::Tensor q, k, v, regions, mask;
  int64_t text_length;
};

/// Seven boxes of a sixth to a third of the tokens, overlapping their neighbours, and the background.
Inputs make_inputs(int64_t text_length, int64_t visual) {
  at::manual_seed(1);
  const int64_t rows = kTexts * text_length + visual;
  Inputs in{.q = at::randn({1, kHeads, rows, kHeadDim}), .k = at::randn({1, kHeads, rows, kHeadDim}), .v = at::randn({1, kHeads, rows, kHeadDim}),
            .regions = at::zeros({kTexts, visual}, at::kByte), .mask = at::zeros({rows, rows}, at::kBool), .text_length = text_length};
  for (int64_t i = 0; i + 1 < kTexts; ++i) in.regions[i].slice(0, i * visual / 8, i * visual / 8 + visual / 6).fill_(1);
  in.regions[kTexts - 1] = in.regions.sum(0).eq(0).to(at::kByte);
  const int64_t text_rows = kTexts * text_length;
  for (int64_t i = 0; i < kTexts; ++i) {
    const auto text = at::indexing::Slice(i * text_length, (i + 1) * text_length);
    const auto video = at::indexing::Slice(text_rows, rows);
    in.mask.index_put_({text, text}, true);
    in.mask.index_put_({text, video}, in.regions[i].to(at::kBool).unsqueeze(0));
    in.mask.index_put_({video, text}, in.regions[i].to(at::kBool).unsqueeze(1));
  }
  in.mask.index_put_({at::indexing::Slice(text_rows, rows), at::indexing::Slice(text_rows, rows)}, true);
  return in;
}

at::Tensor ours(const Inputs& in, const RegionLayout& layout) { return region_attention(in.q, in.k, in.v, layout, kScale); }
at::Tensor masked(const Inputs& in) { return at::scaled_dot_product_attention(in.q, in.k, in.v, in.mask, 0.0, false, kScale); }

template <typename Attention>
void run(benchmark::State& state, bool gradients, const Attention& attention) {
  Inputs in = make_inputs(state.range(0), state.range(1));
  const RegionLayout layout = make_region_layout(in.regions, in.text_length, at::kCPU);
  {
    const at::NoGradGuard no_gradients;
    state.counters["difference"] = (ours(in, layout) - masked(in)).abs().max().item<double>();
  }
  if (gradients) {
    for (at::Tensor* tensor : {&in.q, &in.k, &in.v}) tensor->requires_grad_(true);
  }
  for (auto unused : state) {
    const at::Tensor out = attention(in, layout);
    if (gradients) out.sum().backward();
    benchmark::DoNotOptimize(out.const_data_ptr<float>());
  }
}

void region_forward(benchmark::State& state) { run(state, false, ours); }
void masked_forward(benchmark::State& state) {
  run(state, false, [](const Inputs& in, const RegionLayout&) { return masked(in); });
}
void region_forward_backward(benchmark::State& state) { run(state, true, ours); }
void masked_forward_backward(benchmark::State& state) {
  run(state, true, [](const Inputs& in, const RegionLayout&) { return masked(in); });
}

void sizes(benchmark::internal::Benchmark* bench) {
  for (const int64_t text_length : {32, 226}) {
    for (const int64_t visual : {768, 2048}) bench->Args({text_length, visual});
  }
  bench->ArgNames({"T", "V"})->Unit(benchmark::kMillisecond)->Repetitions(7)->ReportAggregatesOnly(true)->MinWarmUpTime(0.2);
}

BENCHMARK(region_forward)->Apply(sizes);
BENCHMARK(masked_forward)->Apply(sizes);
BENCHMARK(region_forward_backward)->Apply(sizes);
BENCHMARK(masked_forward_backward)->Apply(sizes);

}  // namespace
}  // namespace dreamrunner

BENCHMARK_MAIN();

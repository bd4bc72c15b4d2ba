#include "models/vae_tiling.h"

#include <algorithm>

#include <ATen/ATen.h>

namespace dreamrunner {
namespace {

constexpr int64_t kRows = 3, kColumns = 4;  // dimensions of [B, C, F, H, W]

/// Lets `tile` fade in over the last `extent` rows or columns of `before`, in place.
void blend(const at::Tensor& before, const at::Tensor& tile, int64_t dimension, int64_t extent) {
  std::vector<int64_t> shape(5, 1);
  shape[static_cast<size_t>(dimension)] = extent;
  const at::Tensor weight = (at::arange(extent, tile.options().dtype(at::kFloat)) / static_cast<double>(extent)).to(tile.scalar_type()).view(shape);
  const at::Tensor edge = tile.narrow(dimension, 0, extent);
  edge.copy_(before.narrow(dimension, before.size(dimension) - extent, extent) * (1 - weight) + edge * weight);
}

/// Rows or columns that tile `index` shares with the one before it.
int64_t overlap(const std::vector<Stretch>& cover, size_t index) { return cover[index - 1].end - cover[index].begin; }

/// Where the part of tile `index` ends that no later tile fades into.
int64_t kept_end(const std::vector<Stretch>& cover, size_t index) { return index + 1 < cover.size() ? cover[index + 1].begin : cover[index].end; }

}  // namespace

int64_t TileSide::tile() const { return std::max<int64_t>(picture_px / 2 / ratio, 2); }

std::vector<Stretch> cover_side(int64_t length, const TileSide& side) {
  const int64_t tile = side.tile();
  if (length <= tile) return {{0, length}};
  const bool as_reference = side.picture_px / 2 == tile * side.ratio && tile % side.overlap_divisor == 0;
  const int64_t shared = std::clamp<int64_t>((tile + side.overlap_divisor / 2) / side.overlap_divisor, 1, tile - 1);
  const int64_t step = tile - shared;
  std::vector<Stretch> cover;
  if (as_reference) {
    for (int64_t begin = 0; begin < length; begin += step) cover.push_back({begin, std::min(begin + tile, length)});
    return cover;
  }
  const int64_t count = (length - shared + step - 1) / step;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = (length - tile) * i / (count - 1);
    cover.push_back({begin, begin + tile});
  }
  return cover;
}

at::Tensor pass_in_tiles(const at::Tensor& input, const TileCover& cover, int64_t in, int64_t out,
                         const std::function<at::Tensor(const at::Tensor&)>& pass) {
  const auto& [rows, columns] = cover;
  if (cover.tiles() == 1) return pass(input);
  at::Tensor joined;
  std::vector<at::Tensor> above(columns.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    at::Tensor left;
    for (size_t j = 0; j < columns.size(); ++j) {
      const at::Tensor part = input.slice(kRows, rows[i].begin * in, rows[i].end * in).slice(kColumns, columns[j].begin * in, columns[j].end * in);
      const at::Tensor tile = pass(part);
      if (i > 0) blend(above[j], tile, kRows, overlap(rows, i) * out);
      if (j > 0) blend(left, tile, kColumns, overlap(columns, j) * out);
      if (!joined.defined()) joined = at::empty({tile.size(0), tile.size(1), tile.size(2), rows.back().end * out, columns.back().end * out}, tile.options());
      const int64_t row = rows[i].begin * out, column = columns[j].begin * out;
      const int64_t height = kept_end(rows, i) * out - row, width = kept_end(columns, j) * out - column;
      joined.narrow(kRows, row, height).narrow(kColumns, column, width).copy_(tile.narrow(kRows, 0, height).narrow(kColumns, 0, width));
      above[j] = left = tile;
    }
  }
  return joined;
}

}  // namespace dreamrunner

#include "models/vae_tiling.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <fmt/format.h>

#include "models/cogvideox_vae.h"
#include "models/model_folder.h"

namespace dreamrunner {
namespace {

using testing::ElementsAre;

constexpr TileSide kRowsOf2b{480, 8, 6}, kColumnsOf2b{720, 8, 5};

TEST(CoverSideTest, ThePublishedModelsTilesStandWhereTheReferencePutsThem) {
  EXPECT_THAT(cover_side(60, kRowsOf2b), ElementsAre(Stretch{0, 30}, Stretch{25, 55}, Stretch{50, 60}));
  EXPECT_THAT(cover_side(90, kColumnsOf2b), ElementsAre(Stretch{0, 45}, Stretch{36, 81}, Stretch{72, 90}));
  EXPECT_THAT(cover_side(30, kRowsOf2b), ElementsAre(Stretch{0, 30}));
  EXPECT_THAT(cover_side(31, kRowsOf2b), ElementsAre(Stretch{0, 30}, Stretch{25, 31}));
}

TEST(CoverSideTest, WhereTheOverlapDoesNotDivideTilesAreWholeAndSpreadEvenly) {
  constexpr TileSide columns_of_playset{144, 8, 5};  // tiles of 9, a fifth is 1.8
  EXPECT_THAT(cover_side(18, columns_of_playset), ElementsAre(Stretch{0, 9}, Stretch{4, 13}, Stretch{9, 18}));
  EXPECT_THAT(cover_side(10, columns_of_playset), ElementsAre(Stretch{0, 9}, Stretch{1, 10}));
}

TEST(CoverSideTest, CoversEverySizeWithOverlaps) {
  for (const int64_t divisor : {5, 6}) {
    for (int64_t picture_px = 8; picture_px <= 400; picture_px += 4) {
      const TileSide side{picture_px, 8, divisor};
      for (int64_t length = 1; length <= 70; ++length) {
        const std::vector<Stretch> cover = cover_side(length, side);
        ASSERT_EQ(cover.front().begin, 0);
        ASSERT_EQ(cover.back().end, length) << picture_px;
        for (size_t i = 0; i < cover.size(); ++i) {
          ASSERT_GT(cover[i].end, cover[i].begin);
          ASSERT_LE(cover[i].end - cover[i].begin, side.tile());
          if (i == 0) continue;
          ASSERT_GT(cover[i].begin, cover[i - 1].begin);
          ASSERT_LT(cover[i].begin, cover[i - 1].end) << "an overlap to fade in";
          ASSERT_GE(cover[i].end, cover[i - 1].end) << "fading takes no more than the tile";
        }
      }
    }
  }
}

TEST(PassInTilesTest, ATileThatKnowsNothingOfItsBordersIsJoinedWithoutASeam) {
  const at::Tensor latents = at::randn({2, 3, 2, 14, 23});
  const TileCover cover{cover_side(14, {96, 8, 6}), cover_side(23, {144, 8, 5})};
  ASSERT_GT(cover.tiles(), 6);
  const auto enlarge = [](const at::Tensor& x) { return at::upsample_nearest3d(x, {x.size(2), 8 * x.size(3), 8 * x.size(4)}); };
  EXPECT_LE((pass_in_tiles(latents, cover, 1, 8, enlarge) - enlarge(latents)).abs().max().item<double>(), 1e-6);
  const at::Tensor pixels = enlarge(latents);
  const auto shrink = [](const at::Tensor& x) { return x.slice(3, 0, x.size(3), 8).slice(4, 0, x.size(4), 8).clone(); };
  EXPECT_LE((pass_in_tiles(pixels, cover, 8, 1, shrink) - latents).abs().max().item<double>(), 1e-6);
}

double psnr(const at::Tensor& a, const at::Tensor& b) {
  const double mean_square = ((a - b).clamp(-1, 1) / 2).square().mean().item<double>();
  return -10 * std::log10(mean_square);
}

class TiledVaeTest : public testing::Test {
 protected:
  /// Something that the playset's decoder knows as a picture: the latents of smooth colours.
  at::Tensor smooth_latents(int64_t height, int64_t width) {
    at::manual_seed(5);
    const at::Tensor coarse = at::rand({1, 3, 2, 3, 4}) * 1.6 - 0.8;
    const at::Tensor pixels = at::upsample_trilinear3d(coarse, {4, 8 * height, 8 * width}, false);
    return vae_.encode(pixels, run_).mean;
  }
  CogVideoXVae vae_ = ModelFolder(std::filesystem::path(DREAMRUNNER_SOURCE_DIR) / "models" / "playset").open_vae({});
  RunContext run_;
};

TEST_F(TiledVaeTest, PicturesHaveTheSizePromisedAtEverySize) {
  // One latent more than a tile of 6 x 9 on either side, on both, and a size that neither overlap divides.
  for (const auto& [height, width] : {std::pair{7, 9}, {6, 10}, {8, 11}}) {
    const at::Tensor latents = at::zeros({1, 16, 1, height, width});
    EXPECT_THAT(vae_.decode(latents, run_, CogVideoXVae::Tiling::on).sizes(), ElementsAre(1, 3, 1, 8 * height, 8 * width));
    const auto posterior = vae_.encode(at::zeros({1, 3, 1, 8 * height, 8 * width}), run_, CogVideoXVae::Tiling::on);
    EXPECT_THAT(posterior.mean.sizes(), ElementsAre(1, 16, 1, height, width));
  }
}

TEST_F(TiledVaeTest, WhatFitsIntoATileIsUntouched) {
  const at::Tensor latents = at::randn({1, 16, 2, 6, 9});
  EXPECT_TRUE(at::equal(vae_.decode(latents, run_, CogVideoXVae::Tiling::on), vae_.decode(latents, run_)));
}

TEST_F(TiledVaeTest, SeamsStayFaint) {
  // The playset at its own size: 12 x 18 latents in 3 x 3 tiles, by its own covering in width and the reference's in height.
  const at::Tensor latents = smooth_latents(12, 18);
  const double decoded = psnr(vae_.decode(latents, run_, CogVideoXVae::Tiling::on), vae_.decode(latents, run_));
  RecordProperty("psnr_db", fmt::format("{:.1f}", decoded));
  EXPECT_GE(decoded, 30.0);
}

struct Ticks : Progress {
  void advance(int64_t done) override { last = done; }
  int64_t last = 0;
};

TEST_F(TiledVaeTest, ProgressCountsTilesAndChunks) {
  Ticks ticks;
  RunContext run{.stop = {}, .progress = &ticks};
  vae_.decode(at::zeros({1, 16, 4, 12, 18}), run, CogVideoXVae::Tiling::on);
  EXPECT_EQ(vae_.decode_steps(4, 12, 18, CogVideoXVae::Tiling::on), 18);
  EXPECT_EQ(ticks.last, 18);
  EXPECT_EQ(vae_.decode_steps(4, 12, 18), 2);
}

}  // namespace
}  // namespace dreamrunner

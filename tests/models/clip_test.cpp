// What the goldens do not say of CLIP, ViCLIP and YOLOv5: refusals, rounding, the choice of frames. The small models are
// those of tests/golden/scorers.
#include "models/clip.h"

#include <filesystem>
#include <fstream>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/viclip.h"
#include "models/yolov5.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const fs::path kScorers = fs::path(DREAMRUNNER_SOURCE_DIR) / "tests" / "golden" / "scorers";

/// A copy of a small scorer whose configs can be changed.
class ScorerFolderTest : public testing::Test {
 protected:
  void use(const std::string& name) { fs::copy(kScorers / name, folder_.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing); }
  void change(const Json& patch, const std::string& file = "config.json") {
    Json config = fs::exists(folder_ / file) ? read_json_file(folder_ / file) : Json::object();
    config.merge_patch(patch);
    std::ofstream(folder_ / file) << config.dump();
  }
  template <typename Model>
  std::string refused(const Json& patch, const std::string& file = "config.json") {
    change(patch, file);
    return test::expect_error(ErrorKind::input_file, [&] { Model::open(folder_.path(), {}); });
  }

  test::TemporaryFolder folder_;
};

TEST(CentreOffset, HalvesGoToTheEvenNumber) {
  EXPECT_EQ(centre_offset(231, 224), 4);  // 3.5, field case E1
  EXPECT_EQ(centre_offset(229, 224), 2);  // 2.5
  EXPECT_EQ(centre_offset(225, 224), 0);  // 0.5
  EXPECT_EQ(centre_offset(227, 224), 2);  // 1.5
  EXPECT_EQ(centre_offset(234, 224), 5);
  EXPECT_EQ(centre_offset(224, 224), 0);
}

TEST(ScaledLongerSide, IsRoundedDownAndBounded) {
  EXPECT_EQ(scaled_longer_side(333, 500, 224), 336);  // 336.3
  EXPECT_EQ(scaled_longer_side(576, 768, 224), 298);  // 298.7
  test::expect_error(ErrorKind::usage, [] { scaled_longer_side(1, 101, 224); });
}

TEST_F(ScorerFolderTest, TheEndTokenIsTheLargestIdWhereTheConfigSaysTwo) {
  use("clip");  // eos_token_id 2
  const Clip largest = Clip::open(folder_.path(), {});
  change({{"text_config", {{"eos_token_id", 1014}}}});
  const Clip exact = Clip::open(folder_.path(), {});
  change({{"text_config", {{"eos_token_id", 9}}}});
  const Clip other = Clip::open(folder_.path(), {});
  const at::Tensor ids = at::tensor({1013, 2, 9, 20, 1014, 7, 1014, 9}, at::kLong).unsqueeze(0);
  EXPECT_TRUE(largest.text_tower().forward(ids).equal(exact.text_tower().forward(ids)));
  const auto close = [](const at::Tensor& a, const at::Tensor& b) { return a.allclose(b, 1e-5, 1e-6); };
  EXPECT_TRUE(close(largest.text_tower().forward(ids), largest.text_tower().forward(ids.slice(1, 0, 5)))) << "nothing after the first end token counts";
  EXPECT_FALSE(close(other.text_tower().forward(ids), exact.text_tower().forward(ids)));
  EXPECT_TRUE(close(other.text_tower().forward(ids), other.text_tower().forward(ids.slice(1, 0, 3))));
}

TEST_F(ScorerFolderTest, ClipRefusesWhatItIsNot) {
  use("clip");
  EXPECT_THAT(refused<Clip>({{"model_type", "siglip"}}), HasSubstr("model_type: found \"siglip\", \"clip\" expected"));
  use("clip");
  EXPECT_THAT(refused<Clip>({{"text_config", {{"hidden_act", "relu"}}}}), HasSubstr("hidden_act: found \"relu\""));
  use("clip");
  EXPECT_THAT(refused<Clip>({{"vision_config", {{"num_attention_heads", 7}}}}), HasSubstr("hidden_size: 48 is no multiple of 7 heads"));
  use("clip");
  EXPECT_THAT(refused<Clip>({{"text_config", {{"vocab_size", 1000}}}}), HasSubstr("a vocabulary of 1015, and a model of 1000"));
  use("clip");
  EXPECT_THAT(refused<Clip>({{"text_config", {{"vocab_size", 1020}}}}), HasSubstr("[1020, 32]"));
  use("clip");
  EXPECT_THAT(refused<Clip>({{"vision_config", {{"num_hidden_layers", 2}}}}), HasSubstr("vision_model.encoder.layers.2"));
  use("clip");
  EXPECT_THAT(refused<Clip>({{"threshold", "high"}}), HasSubstr("threshold: found \"high\""));
  use("clip");
  fs::remove(folder_ / "merges.txt");
  EXPECT_THAT(test::expect_error(ErrorKind::input_file, [&] { Clip::open(folder_.path(), {}); }), HasSubstr("merges.txt"));
}

TEST_F(ScorerFolderTest, AnOldConfigsSecondObjectOverridesTheFirst) {
  use("clip");
  change({{"text_config", {{"num_hidden_layers", 12}}}, {"text_config_dict", {{"num_hidden_layers", 2}}}, {"vision_config_dict", nullptr}});
  EXPECT_EQ(Clip::open(folder_.path(), {}).config().text.transformer.layers, 2);
}

TEST_F(ScorerFolderTest, ThePreprocessorsFileIsReadAndChecked) {
  use("clip");
  change({{"size", {{"shortest_edge", 30}}}, {"crop_size", {{"height", 24}, {"width", 24}}}, {"resample", 2}, {"image_mean", {0.5, 0.5, 0.5}}, {"image_std", {0.5, 0.5, 0.5}}},
         "preprocessor_config.json");
  const ClipPreprocess preprocess = Clip::open(folder_.path(), {}).preprocess();
  EXPECT_EQ(preprocess.size_px, 30);
  EXPECT_EQ(preprocess.filter, PillowFilter::bilinear);
  const at::Tensor white = preprocess.forward(at::full({1, 40, 60, 3}, 255, at::kByte));
  EXPECT_EQ(white.sizes(), at::IntArrayRef({1, 3, 24, 24}));
  EXPECT_TRUE(white.eq(1).all().item<bool>());
  EXPECT_THAT(refused<Clip>({{"crop_size", 32}}, "preprocessor_config.json"), HasSubstr("the model's are of 24 px"));
  EXPECT_THAT(refused<Clip>({{"crop_size", 24}, {"do_center_crop", false}}, "preprocessor_config.json"), HasSubstr("do_center_crop"));
  EXPECT_THAT(refused<Clip>({{"do_center_crop", true}, {"resample", 0}}, "preprocessor_config.json"), HasSubstr("resample: found 0"));
  EXPECT_THAT(refused<Clip>({{"resample", 3}, {"image_std", {0, 1, 1}}}, "preprocessor_config.json"), HasSubstr("image_std"));
}

TEST_F(ScorerFolderTest, ShapesThatDoNotFitAreNamed) {
  use("clip");
  const Clip clip = Clip::open(folder_.path(), {});
  EXPECT_THAT(test::expect_error(ErrorKind::usage, [&] { clip.embed_pixels(at::zeros({1, 3, 20, 24})); }), HasSubstr("found [1, 3, 20, 24], [B, 3, 24, 24] expected"));
  EXPECT_THAT(test::expect_error(ErrorKind::usage, [&] { clip.text_tower().forward(at::full({1, 3}, 5000, at::kLong)); }), HasSubstr("0 to 1014 expected"));
  EXPECT_THAT(test::expect_error(ErrorKind::usage, [&] { clip.text_tower().forward(at::zeros({1, 78}, at::kLong)); }), HasSubstr("[B, 1 to 77] expected"));
}

TEST(ViClipFrames, AreChosenAsTheTwoReferencesChooseThem) {
  EXPECT_THAT(viclip_frames(ViClipPreparation::b, 48, 8), ElementsAre(2, 8, 14, 20, 26, 32, 38, 44));
  EXPECT_THAT(viclip_frames(ViClipPreparation::a, 48, 8), ElementsAre(0, 6, 12, 18, 24, 30, 36, 42));
  EXPECT_THAT(viclip_frames(ViClipPreparation::a, 15, 8), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(viclip_frames(ViClipPreparation::b, 8, 8), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(viclip_frames(ViClipPreparation::a, 3, 8), ElementsAre(0, 0, 0, 0, 0, 1, 1, 2));
  EXPECT_THAT(viclip_frames(ViClipPreparation::b, 1, 8), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
}

TEST_F(ScorerFolderTest, ViClipTakesFewerFramesThanItLooksAt) {
  use("viclip-b");
  const ViClip viclip = ViClip::open(folder_.path(), {});
  EXPECT_EQ(viclip.config().thresholds.average, 0.35);
  EXPECT_EQ(viclip.config().thresholds.alone, 0.3);
  EXPECT_EQ(viclip.embed_clip(at::randint(256, {3, 30, 20, 3}, at::TensorOptions(at::kByte))).sizes(), at::IntArrayRef({1, 20}));
}

TEST_F(ScorerFolderTest, TheOrderOfFramesMatters) {
  use("viclip-b");
  const ViClip viclip = ViClip::open(folder_.path(), {});
  const at::Tensor clip = at::randint(256, {8, 24, 24, 3}, at::TensorOptions(at::kByte));
  EXPECT_FALSE(viclip.embed_clip(clip).allclose(viclip.embed_clip(clip.flip({0})), 1e-3, 1e-4));
}

TEST_F(ScorerFolderTest, ViClipRefusesWhatItIsNot) {
  use("viclip-a");
  EXPECT_THAT(refused<ViClip>({{"_class_name", nullptr}}), HasSubstr("_class_name: missing"));
  use("viclip-a");
  EXPECT_THAT(refused<ViClip>({{"preprocess", "C"}}), HasSubstr("preprocess: found \"C\""));
  use("viclip-a");
  EXPECT_THAT(refused<ViClip>({{"vision", {{"frames", 8}}}}), HasSubstr("temporal_positional_embedding"));
  use("viclip-a");
  EXPECT_THAT(refused<ViClip>({{"vision", "large"}}), HasSubstr("no JSON object"));
}

TEST_F(ScorerFolderTest, YoloRefusesWhatItIsNot) {
  use("yolov5");
  EXPECT_THAT(refused<YoloV5>({{"_class_name", "YOLOv8"}}), HasSubstr("found \"YOLOv8\", \"YOLOv5\" expected"));
  use("yolov5");
  EXPECT_THAT(refused<YoloV5>({{"width_multiple", 0.25}}), HasSubstr("model.0.conv.weight"));
  use("yolov5");
  EXPECT_THAT(refused<YoloV5>({{"image_size", 100}}), HasSubstr("a multiple of 32 expected"));
  EXPECT_THAT(refused<YoloV5>({{"image_size", 8192}}), HasSubstr("image_size: found 8192"));  // 10 GB for eight frames
  use("yolov5");
  EXPECT_THAT(refused<YoloV5>({{"person_class", 3}}), HasSubstr("person_class: found 3"));
  use("yolov5");
  EXPECT_THAT(refused<YoloV5>({{"names", {"person"}}}), HasSubstr("names: 1 of them for 3 classes"));
  use("yolov5");
  EXPECT_THAT(refused<YoloV5>({{"anchors", {{1, 2, 3}, {1}, {2}}}}), HasSubstr("three lists of six sizes"));
  use("yolov5");
  EXPECT_THAT(refused<YoloV5>({{"anchors", {{10, 13, 16, 30, 33, 23}, {30, 61, 62, 45, 59, 119}, {116, 90, 156, 198, 373, 326}}}}),
              HasSubstr("an anchor of 6.0 px in the weights is 10.0 px in config.json"));
}

TEST_F(ScorerFolderTest, YoloReadsAnchorsInPairsToo) {
  use("yolov5");
  change({{"anchors", {{{6, 8}, {11, 19}, {20, 14}}, {{23, 41}, {42, 30}, {39, 79}}, {{78, 60}, {104, 132}, {249, 217}}}}});
  EXPECT_EQ(YoloV5::open(folder_.path(), {}).config().anchors[1][1], 41);
}

TEST_F(ScorerFolderTest, YoloWorksOnMoreFramesThanItTakesAtOnce) {
  use("yolov5");
  const YoloV5 yolo = YoloV5::open(folder_.path(), {});
  const at::Tensor frames = at::randint(256, {19, 50, 70, 3}, at::TensorOptions(at::kByte));
  const auto all = yolo.detect(frames, {.confidence = 0.6});
  ASSERT_FALSE(all.empty());
  std::vector<FrameBox> single;
  for (int64_t i = 0; i < 19; ++i) {
    for (FrameBox box : yolo.detect(frames.slice(0, i, i + 1), {.confidence = 0.6})) single.push_back((box.frame = i, box));
  }
  ASSERT_EQ(all.size(), single.size());
  for (size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i].frame, single[i].frame);
    ASSERT_NEAR(all[i].x0, single[i].x0, 1e-2);
    ASSERT_NEAR(all[i].score, single[i].score, 1e-4);
    ASSERT_TRUE(all[i].x0 >= 0 && all[i].x1 <= 70 && all[i].y0 >= 0 && all[i].y1 <= 50);
  }
}

}  // namespace
}  // namespace dreamrunner

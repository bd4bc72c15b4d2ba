// The scoring models behind the door, and their parts of `forward`, on the small models of tests/golden/scorers.
#include <cmath>

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "engine_fixture.h"
#include "media/video_writer.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using testing::HasSubstr;

const fs::path kScorers = fs::path(DREAMRUNNER_SOURCE_DIR) / "tests" / "golden" / "scorers";

SceneFrames noise(int frames, int height, int width) {
  const at::Tensor pixels = at::randint(256, {frames, height, width, 3}, at::TensorOptions(at::kByte));
  const auto* first = pixels.const_data_ptr<uint8_t>();
  return {.frames = frames, .height = height, .width = width, .fps = 8, .pixels = {first, first + pixels.numel()}};
}

at::Tensor tensor_of(const SceneFrames& frames) {
  return at::tensor(std::vector<int>(frames.pixels.begin(), frames.pixels.end()), at::kInt).to(at::kByte).view({frames.frames, frames.height, frames.width, 3});
}

class ScorersTest : public test::EngineTest {
 protected:
  std::unique_ptr<Scorers> open(ScorerSettings settings = {.clip = kScorers / "clip", .viclip = kScorers / "viclip-b", .yolov5 = kScorers / "yolov5"}) {
    settings.device = "cpu";
    return engine().open_scorers(settings, run_);
  }
  TensorMap forward(const std::string& part, const std::string& model, const TensorMap& in) {
    write_tensors(folder_ / "in.safetensors", in);
    request_.input = folder_ / "in.safetensors";
    return forward(part, model);
  }
  TensorMap forward(const std::string& part, const std::string& model) {
    request_.part = part;
    request_.model = kScorers / model;
    request_.output = folder_ / "out.safetensors";
    engine().forward(request_, run_);
    return read_tensors(request_.output);
  }
  TensorMap frames_of(const fs::path& video) {
    request_.input = video;
    return forward("frames", "");
  }

  ForwardRequest request_{.part = "", .model = {}, .input = {}, .output = {}};
};

TEST_F(ScorersTest, SayWhatTheModelsSayOfThemselves) {
  const auto scorers = open();
  const ScorerFormat& format = scorers->format();
  EXPECT_EQ(format.clip_width, 20);
  EXPECT_EQ(format.viclip_frames, 8);
  EXPECT_EQ(format.threshold, 0.35);
  EXPECT_EQ(format.clip_threshold, std::nullopt);
  EXPECT_EQ(format.viclip_threshold, 0.3);
  EXPECT_EQ(format.labels.size(), 3u);
  EXPECT_EQ(format.person_label, 1);
}

TEST_F(ScorersTest, EmbeddingsHaveLengthOneAndScoresAreTheirCosines) {
  const auto scorers = open();
  const SceneFrames clip = noise(20, 40, 30);  // more than one batch
  const Embeddings frames = scorers->clip_frames(clip), text = scorers->clip_text("the person is bowing");
  ASSERT_EQ(frames.rows(), 20);
  ASSERT_EQ(text.rows(), 1);
  double length = 0;
  for (int i = 0; i < 20; ++i) length += std::pow(frames.values[static_cast<size_t>(20 * 17 + i)], 2);
  EXPECT_NEAR(length, 1, 1e-6);
  const std::vector<float> scores = scorers->clip(clip, "the person is bowing");
  ASSERT_EQ(scores.size(), 20u);
  double dot = 0;
  for (size_t i = 0; i < 20; ++i) dot += frames.values[20 * 17 + i] * text.values[i];
  EXPECT_NEAR(scores[17], dot, 1e-6);
  const float score = scorers->viclip(clip, "the person is bowing");
  EXPECT_TRUE(score >= -1 && score <= 1);
  EXPECT_NE(score, scorers->viclip(clip, "the person is sitting"));
}

TEST_F(ScorersTest, GiveWhatForwardGives) {
  const auto scorers = open();
  const SceneFrames clip = noise(3, 40, 30);
  const auto unit = [](const at::Tensor& rows) { return rows / rows.norm(2, {1}, true); };
  const auto expect_same = [&](const Embeddings& ours, const at::Tensor& rows) {
    const at::Tensor other = unit(rows).flatten();
    ASSERT_EQ(static_cast<int64_t>(ours.values.size()), other.numel());
    EXPECT_TRUE(at::tensor(ours.values).allclose(other, 1e-5, 1e-6));
  };
  expect_same(scorers->clip_frames(clip), forward("clip-image", "clip", {{"frames", tensor_of(clip)}}).at("embeds"));
  expect_same(scorers->viclip_clip(clip), forward("viclip", "viclip-b", {{"frames", tensor_of(clip)}}).at("embeds"));
  const at::Tensor boxes = forward("yolov5", "yolov5", {{"frames", tensor_of(clip)}}).at("boxes");
  const auto found = scorers->detect(clip, {});
  ASSERT_EQ(boxes.size(0), static_cast<int64_t>(found.size()));
  ASSERT_GT(found.size(), 0u);
  for (size_t i = 0; i < found.size(); ++i) {
    const at::Tensor row = boxes[static_cast<int64_t>(i)];
    EXPECT_EQ(found[i].label, 1) << "people only";
    EXPECT_EQ(row[0].item<int>(), found[i].frame);
    EXPECT_EQ(row[3].item<float>(), found[i].x1);
    EXPECT_EQ(row[5].item<float>(), found[i].score);
  }
  request_.input.clear();
  request_.texts = {"a dog", "the person is walking"};
  const at::Tensor texts = forward("clip-text", "clip").at("embeds");
  EXPECT_EQ(texts.size(0), 2);
  expect_same(scorers->clip_text("the person is walking"), texts.slice(0, 1));
  expect_same(scorers->viclip_text("a dog"), forward("viclip", "viclip-b").at("embeds").slice(0, 0, 1));
}

TEST_F(ScorersTest, OtherClassesCanBeAskedFor) {
  const auto scorers = open();
  const SceneFrames clip = noise(2, 64, 64);
  for (const Detection& detection : scorers->detect(clip, {.labels = {0, 2}})) EXPECT_NE(detection.label, 1);
  EXPECT_TRUE(scorers->detect(clip, {.confidence = 0.999}).empty());
}

TEST_F(ScorersTest, OnlyWhatIsNamedIsOpened) {
  const auto scorers = open({.clip = kScorers / "clip"});
  EXPECT_EQ(scorers->format().viclip_width, 0);
  EXPECT_THAT(expect_error(ErrorKind::bug, [&] { scorers->viclip_text("a dog"); }), HasSubstr("ViCLIP was not opened"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { open({.yolov5 = kScorers / "clip"}); }), HasSubstr("_class_name: missing, \"YOLOv5\" expected"));
}

TEST_F(ScorersTest, FramesThatAreNoneAreRefused) {
  const auto scorers = open();
  SceneFrames clip = noise(2, 16, 16);
  clip.frames = 3;
  expect_error(ErrorKind::bug, [&] { scorers->clip_frames(clip); });
}

TEST_F(ScorersTest, ForwardTakesPixelsOrFrames) {
  const TensorMap golden = read_tensors(kScorers / "clip" / "golden.safetensors");
  const at::Tensor embeds = forward("clip-image", "clip", {{"pixels", golden.at("pixels")}}).at("embeds");
  EXPECT_TRUE(embeds.allclose(golden.at("pixels_embeds"), 1e-4, 1e-5));
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { forward("clip-image", "clip", {{"frames", at::zeros({1, 3, 24, 24})}}); }),
              HasSubstr("uint8 [F, H, W, 3] expected"));
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { forward("clip-image", "clip", {{"pixels", golden.at("pixels")}, {"frames", at::zeros({1, 9, 9, 3}, at::kByte)}}); }),
              HasSubstr("\"frames\" is not read"));
}

TEST_F(ScorersTest, AModelIsFoundInAFolderOfAllThree) {
  fs::create_directory(folder_ / "scorers");
  for (const char* name : {"clip", "yolov5"}) fs::copy(kScorers / name, folder_ / "scorers" / name, fs::copy_options::recursive);
  request_.model = folder_ / "scorers";
  request_.part = "clip-text";
  request_.texts = {"a dog"};
  request_.output = folder_ / "out.safetensors";
  engine().forward(request_, run_);
  EXPECT_EQ(read_tensors(request_.output).at("embeds").sizes(), at::IntArrayRef({1, 20}));
}

TEST_F(ScorersTest, ATextThatIsCutIsSaid) {
  request_.texts = {"word"};
  for (int i = 0; i < 100; ++i) request_.texts[0] += " word";
  forward("clip-text", "clip");
  EXPECT_THAT(listener_.notes, testing::ElementsAre(HasSubstr("is cut to 77")));
}

class FramesTest : public ScorersTest {
 protected:
  /// 24 grey pictures at 12 a second, each brighter than the one before.
  void SetUp() override {
    std::vector<uint8_t> pixels;
    for (int f = 0; f < 24; ++f) pixels.insert(pixels.end(), size_t{3} * 32 * 48, static_cast<uint8_t>(20 + 9 * f));
    write_video(folder_ / "film.mp4", {.frames = 24, .height = 32, .width = 48, .rgb = pixels.data()}, {.rate = {12, 1}, .metadata = {}});
    request_.fps.clear();
  }
  /// Which of the 24 pictures came out, by brightness.
  std::vector<int> chosen() {
    const TensorMap out = frames_of(folder_ / "film.mp4");
    const at::Tensor mean = out.at("frames").to(at::kFloat).mean({1, 2, 3});
    EXPECT_EQ(out.at("frames").scalar_type(), at::kByte);
    std::vector<int> numbers;
    for (int64_t i = 0; i < mean.size(0); ++i) {
      numbers.push_back(static_cast<int>(std::lround((mean[i].item<double>() - 20) / 9)));
      EXPECT_NEAR(out.at("times")[i].item<double>(), numbers.back() / 12.0, 1e-3);
    }
    return numbers;
  }
};

TEST_F(FramesTest, AllOfAVideo) {
  const auto numbers = chosen();
  ASSERT_EQ(numbers.size(), 24u);
  EXPECT_EQ(numbers.back(), 23);
}

TEST_F(FramesTest, APartOfIt) {
  request_.start_s = 0.5;
  request_.end_s = 1.0;
  EXPECT_THAT(chosen(), testing::ElementsAre(6, 7, 8, 9, 10, 11));
}

TEST_F(FramesTest, AtAnotherRate) {
  request_.fps = "4";
  EXPECT_THAT(chosen(), testing::ElementsAre(0, 3, 6, 9, 12, 15, 18, 21));
  request_.fps = "24";
  request_.start_s = 1.5;
  EXPECT_THAT(chosen(), testing::ElementsAre(18, 18, 19, 19, 20, 20, 21, 21, 22, 22, 23, 23));
}

TEST_F(FramesTest, SomeSpreadEvenly) {
  request_.count = 4;
  EXPECT_THAT(chosen(), testing::ElementsAre(3, 9, 15, 21));
  request_.fps = "4";
  request_.count = 2;
  EXPECT_THAT(chosen(), testing::ElementsAre(6, 18));
}

TEST_F(FramesTest, WhatIsNotThereIsSaid) {
  request_.start_s = 5;
  EXPECT_EQ(expect_error(ErrorKind::input_file, [&] { chosen(); }).empty(), false);
  request_.end_s = 4;
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { chosen(); }), HasSubstr("0 <= start < end expected"));
  request_ = {.part = "", .model = {}, .input = {}, .output = {}};
  request_.fps = "1000";
  request_.end_s = 1e9;
  EXPECT_EQ(frames_of(folder_ / "film.mp4").at("times").numel(), 2000);
}

}  // namespace
}  // namespace dreamrunner

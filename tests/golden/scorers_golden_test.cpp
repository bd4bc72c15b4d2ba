// CLIP, ViCLIP and YOLOv5 of tiny random sizes, and the preparation of their pictures, against the references
// (tools/golden/scorers.py).
#include <algorithm>
#include <charconv>
#include <filesystem>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "models/clip.h"
#include "models/viclip.h"
#include "models/yolov5.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(DREAMRUNNER_SOURCE_DIR) / "tests" / "golden" / "scorers";
/// The bound: fp32 on both sides, other orders of summation. The largest difference measured is below 2e-6.
constexpr double kTolerance = 1e-4;

/// The pictures that scorers.py's `picture` draws.
at::Tensor picture(int64_t frames, int64_t height, int64_t width) {
  at::Tensor result = at::empty({frames, height, width, 3}, at::kByte);
  auto* pixel = result.data_ptr<uint8_t>();
  for (int64_t f = 0; f < frames; ++f) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        for (int64_t c = 0; c < 3; ++c) {
          const auto mixed = static_cast<uint32_t>(((x * 73856093) ^ (y * 19349663) ^ (c * 83492791) ^ (f * 50331653)) * 2654435761LL);
          *pixel++ = static_cast<uint8_t>((x * 5 + y * 3 + c * 50 + f * 20 + (mixed >> 26)) % 256);
        }
      }
    }
  }
  return result;
}

/// "48x37" -> 48, 37.
std::vector<int64_t> sizes_of(std::string_view text) {
  std::vector<int64_t> sizes;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    int64_t size = 0;
    const auto [next, code] = std::from_chars(at, end, size);
    EXPECT_TRUE(code == std::errc()) << text;
    sizes.push_back(size);
    at = next + 1;
  }
  return sizes;
}

void expect_close(const at::Tensor& ours, const at::Tensor& reference, const std::string& what) {
  ASSERT_EQ(ours.sizes(), reference.sizes()) << what;
  const double scale = reference.abs().max().item<double>();
  ASSERT_GT(scale, 0) << what;
  const double difference = (ours.to(at::kDouble) - reference.to(at::kDouble)).abs().max().item<double>() / scale;
  EXPECT_LE(difference, kTolerance) << what;
  if (std::getenv("DREAMRUNNER_SHOW_DIFFERENCES") != nullptr) printf("%-24s %.2e\n", what.c_str(), difference);
}

struct Golden {
  explicit Golden(const std::string& name) : folder(kGolden / name), tensors(read_tensors(folder / "golden.safetensors")) {}
  const at::Tensor& at(const std::string& name) const { return require_tensor(tensors, name, "golden"); }
  std::vector<std::string> texts() const { return read_json_file(folder / "golden.json").at("texts").get<std::vector<std::string>>(); }
  /// Calls work(FxHxW, frames) for every set of frames that has the output `name`.
  template <typename Work>
  int for_frames(const std::string& name, Work work) const {
    int count = 0;
    for (const auto& [key, tensor] : tensors) {
      const size_t dot = key.find('.');
      if (dot == std::string::npos || key.substr(dot + 1) != name) continue;
      const auto sizes = sizes_of(key.substr(0, dot));
      work(key.substr(0, dot), picture(sizes.at(0), sizes.at(1), sizes.at(2)));
      ++count;
    }
    return count;
  }

  fs::path folder;
  TensorMap tensors;
};

template <typename Model>
at::Tensor embed_texts(const Model& model, const std::vector<std::string>& texts) {
  std::vector<at::Tensor> embeds;
  for (const std::string& text : texts) embeds.push_back(model.embed_text(text));
  return at::cat(embeds);
}

class ClipGolden : public testing::TestWithParam<const char*> {
 protected:
  const Golden golden_{GetParam()};
  const Clip clip_ = Clip::open(golden_.folder, {});
};

TEST_P(ClipGolden, TextTower) {
  expect_close(embed_texts(clip_, golden_.texts()), golden_.at("text_embeds"), "text");
  expect_close(clip_.text_tower().forward(golden_.at("ids")), golden_.at("ids_embeds"), "ids");
}

TEST_P(ClipGolden, ImageTower) {
  expect_close(clip_.embed_pixels(golden_.at("pixels")), golden_.at("pixels_embeds"), "pixels");
  const int sizes = golden_.for_frames("embeds", [&](const std::string& size, const at::Tensor& frames) {
    if (golden_.tensors.contains(size + ".pixels")) expect_close(clip_.preprocess().forward(frames), golden_.at(size + ".pixels"), size + " prepared");
    expect_close(clip_.embed_frames(frames), golden_.at(size + ".embeds"), size);
  });
  EXPECT_EQ(sizes, 4);
}

INSTANTIATE_TEST_SUITE_P(Models, ClipGolden, testing::Values("clip", "clip-openai-names", "clip-gelu"), [](const auto& model) {
  std::string name = model.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

class ViClipGolden : public testing::TestWithParam<const char*> {};

TEST_P(ViClipGolden, BothTowers) {
  const Golden golden(GetParam());
  const ViClip viclip = ViClip::open(golden.folder, {});
  expect_close(embed_texts(viclip, golden.texts()), golden.at("text_embeds"), "text");
  expect_close(viclip.embed_pixels(golden.at("pixels")), golden.at("pixels_embeds"), "pixels");
  const ViClipConfig& config = viclip.config();
  const int sizes = golden.for_frames("embeds", [&](const std::string& size, const at::Tensor& frames) {
    const auto chosen = at::tensor(viclip_frames(config.preparation, frames.size(0), config.frames), at::kLong);
    expect_close(viclip_pixels(config.preparation, frames.index_select(0, chosen), config.image_size), golden.at(size + ".pixels"), size + " prepared");
    expect_close(viclip.embed_clip(frames), golden.at(size + ".embeds"), size);
  });
  EXPECT_EQ(sizes, 3);
}

INSTANTIATE_TEST_SUITE_P(Models, ViClipGolden, testing::Values("viclip-a", "viclip-b"), [](const auto& model) { return std::string(model.param).substr(7); });

at::Tensor table_of(const std::vector<FrameBox>& boxes) {
  at::Tensor table = at::empty({static_cast<int64_t>(boxes.size()), 7});
  for (size_t i = 0; i < boxes.size(); ++i) {
    const FrameBox& box = boxes[i];
    const std::array<float, 7> row = {static_cast<float>(box.frame), box.x0, box.y0, box.x1, box.y1, box.score, static_cast<float>(box.label)};
    for (size_t c = 0; c < row.size(); ++c) table[static_cast<int64_t>(i)][static_cast<int64_t>(c)] = row[c];
  }
  return table;
}

class YoloGolden : public testing::TestWithParam<const char*> {
 protected:
  void expect_boxes(const std::string& output, DetectionOptions options) {
    options.confidence = 0.6;
    options.most = 40;
    const int sizes = golden_.for_frames(output, [&](const std::string& size, const at::Tensor& frames) {
      const at::Tensor& reference = golden_.at(size + "." + output);
      ASSERT_GT(reference.size(0), 0) << size;
      const at::Tensor boxes = table_of(yolo_.detect(frames, options));
      ASSERT_EQ(boxes.sizes(), reference.sizes()) << size;
      EXPECT_TRUE(boxes.select(1, 0).equal(reference.select(1, 0)) && boxes.select(1, 6).equal(reference.select(1, 6))) << size;
      expect_close(boxes.slice(1, 1, 5), reference.slice(1, 1, 5), size + " places");
      expect_close(boxes.select(1, 5), reference.select(1, 5), size + " scores");
    });
    EXPECT_EQ(sizes, 4);
  }

  const Golden golden_{GetParam()};
  const YoloV5 yolo_ = YoloV5::open(golden_.folder, {});
};

TEST_P(YoloGolden, Network) { expect_close(yolo_.forward(golden_.at("images")), golden_.at("rows"), "rows"); }

TEST_P(YoloGolden, BoxesOfFrames) {
  expect_boxes("boxes", {});
  expect_boxes("square", {.square = true});
  expect_boxes("persons", {.labels = {yolo_.config().person_class}});
}

INSTANTIATE_TEST_SUITE_P(Models, YoloGolden, testing::Values("yolov5", "yolov5-deeper", "yolov5-fused"), [](const auto& model) {
  std::string name = model.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

/// Runs what the name of a golden says ("pillow-bicubic.37x53.24x24").
at::Tensor resized(const std::string& name) {
  const size_t dot = name.find('.'), second = name.find('.', dot + 1);
  const std::string kind = name.substr(0, dot);
  const auto from = sizes_of(name.substr(dot + 1, second - dot - 1)), to = sizes_of(name.substr(second + 1));
  const at::Tensor source = picture(1, from.at(0), from.at(1));
  if (kind == "pillow-bicubic") return resize_as_pillow(source, to.at(0), to.at(1), PillowFilter::bicubic);
  if (kind == "pillow-bilinear") return resize_as_pillow(source, to.at(0), to.at(1), PillowFilter::bilinear);
  if (kind == "opencv") return resize_as_opencv(source, to.at(0), to.at(1));
  if (kind == "clip") {
    // Back from normalised values: exact, since they came from 256 levels.
    const ClipPreprocess clip;
    const at::Tensor pixels = clip.forward(source);
    const auto channels = [](const std::vector<double>& values) { return at::tensor(values, at::kFloat).view({1, 3, 1, 1}); };
    return ((pixels * channels(clip.std) + channels(clip.mean)) * 255).round().to(at::kByte).permute({0, 2, 3, 1});
  }
  return put_into_letterbox(source, fit_letterbox(from.at(0), from.at(1), to.at(0), kind == "letterbox-square"));
}

TEST(PictureGolden, EveryByteIsTheLibrarys) {
  const TensorMap golden = read_tensors(kGolden / "resize.safetensors");
  EXPECT_EQ(golden.size(), 45u);
  for (const auto& [name, reference] : golden) {
    const at::Tensor ours = resized(name);
    ASSERT_EQ(ours.sizes(), reference.sizes()) << name;
    EXPECT_EQ((ours.to(at::kInt) - reference.to(at::kInt)).abs().max().item<int>(), 0) << name;
  }
}

}  // namespace
}  // namespace dreamrunner

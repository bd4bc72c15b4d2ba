#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/safetensors_index.h"
#include "cli/inspect.h"
#include "film/small_film.h"
#include "media/media_support.h"
#include "media/png.h"
#include "media/video_writer.h"
#include "support/expect_error.h"
#include "support/program_run.h"

namespace dreamrunner::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

const fs::path kPlayset = fs::path(DREAMRUNNER_SOURCE_DIR) / "models/playset";

/// A file with fp32 tensors of two values each, the second of the last one given.
fs::path write_tensors(const fs::path& file, int count, float last, const std::map<std::string, std::string>& metadata = {}) {
  std::vector<TensorEntry> tensors;
  for (int i = 0; i < count; ++i) tensors.push_back({fmt::format("layers.{:02}.weight", i), TensorType::f32, {2}, 0, 0});
  std::string bytes = make_safetensors_header(tensors, metadata);
  for (int i = 0; i < count; ++i) {
    const float values[2] = {1, i + 1 == count ? last : 2};
    bytes.append(reinterpret_cast<const char*>(values), sizeof values);
  }
  write_file_atomic(file, bytes);
  return file;
}

TEST(Inspect, AModelSaysItsPartsSizesAndLayout) {
  const Json report = inspect_path(kPlayset, {});
  EXPECT_EQ(report.at("kind"), "model");
  EXPECT_EQ(report.at("pipeline"), "CogVideoXPipeline");
  EXPECT_EQ(report.at("makes"), "16 frames of 144 x 96");
  EXPECT_GT(report.at("tokenizer").at("pieces").get<int>(), 100);
  const Json& transformer = report.at("transformer");
  EXPECT_EQ(transformer.at("layout"), "6 blocks, 6 heads of 32, width 192");
  EXPECT_EQ(transformer.at("positions"), "sin-cos");
  EXPECT_EQ(transformer.at("text_length"), 32);
  EXPECT_GT(transformer.at("parameters").get<int64_t>(), 5'000'000);
  EXPECT_EQ(report.at("vae").at("ratios"), "8 x 8 in space, 2 in time");
  EXPECT_EQ(report.at("scheduler").at("zero_terminal_snr"), true);
  EXPECT_EQ(inspect_path(kPlayset / "model_index.json", {}), report);
}

TEST(Inspect, WhatWasRetrievedIsNotTakenForAPlan) {
  const TemporaryFolder folder;
  for (const char* name : {"clips.json", "report.json"}) {
    write_file_atomic(folder / name, R"({"schema": 1, "clips": []})");
    EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { inspect_path(folder / name, {}); }), HasSubstr("retrieved for a motion"));
  }
}

TEST(Inspect, APartOfAModelWorksAlone) {
  const Json report = inspect_path(kPlayset / "vae", {});
  EXPECT_EQ(report.at("kind"), "model part");
  EXPECT_EQ(report.at("class"), "AutoencoderKLCogVideoX");
  EXPECT_EQ(inspect_path(kPlayset / "vae/config.json", {}).at("class"), "AutoencoderKLCogVideoX");
}

TEST(Inspect, APartWithoutItsConfigOrFolderIsSaidToMissIt) {
  TemporaryFolder folder;
  write_text(folder / "model_index.json", R"({"_class_name":"CogVideoXPipeline","vae":["diffusers","AutoencoderKLCogVideoX"]})");
  fs::create_directory(folder / "transformer");
  const Json report = inspect_path(folder.path(), {});
  EXPECT_EQ(report.at("vae"), "missing");
  EXPECT_EQ(report.at("text_encoder"), "none");
  EXPECT_EQ(report.at("transformer").at("missing"), "config.json");
}

/// The header of a LoRA of two modules, and zeros.
fs::path write_lora_header(const fs::path& file, const std::string& down, const std::string& up, int64_t second_rank, const std::map<std::string, std::string>& metadata,
                           bool alpha = false) {
  std::vector<TensorEntry> tensors;
  for (const auto& [module, rank] : {std::pair{std::string("blocks.0.to_q"), int64_t{2}}, {"blocks.1.to_q", second_rank}}) {
    tensors.push_back({.name = module + down, .type = TensorType::f32, .shape = {rank, 3}});
    tensors.push_back({.name = module + up, .type = TensorType::f32, .shape = {3, rank}});
    if (alpha) tensors.push_back({.name = module + ".alpha", .type = TensorType::f32, .shape = {}});
  }
  std::string bytes = make_safetensors_header(tensors, metadata);
  for (const TensorEntry& tensor : tensors) bytes.append(tensor.size, '\0');
  write_file_atomic(file, bytes);
  return file;
}

TEST(Inspect, ALoraSaysWhatItIs) {
  TemporaryFolder folder;
  const std::map<std::string, std::string> metadata{
      {"format", "pt"},
      {"lora_adapter_metadata", R"({"transformer.r": 2, "transformer.lora_alpha": 4})"},
      {"dreamrunner", R"({"schema": 1, "kind": "subject", "name": "[v1]", "base": "", "blocks": [1, 3], "rank": 2, "step": 160, "data": {}})"}};
  const Json lora = inspect_path(write_lora_header(folder / "a.safetensors", ".lora_A.weight", ".lora_B.weight", 2, metadata), {}).at("lora");
  EXPECT_EQ(lora, Json::parse(R"json({"kind": "subject", "name": "[v1]", "blocks": [1, 3], "step": 160, "modules": 2, "rank": "2",
                                  "strength": "alpha 4, rank 2 (lora_adapter_metadata)"})json"));
}

TEST(Inspect, ALoraSaysWhereItsStrengthComesFrom) {
  TemporaryFolder folder;
  const auto lora = [&](const std::string& down, const std::string& up, const std::map<std::string, std::string>& metadata, bool alpha = false) {
    return inspect_path(write_lora_header(folder / "a.safetensors", down, up, 8, metadata, alpha), {}).at("lora");
  };
  EXPECT_EQ(lora(".lora_A.weight", ".lora_B.weight", {}).at("strength"), "no alpha: strength 1");
  EXPECT_EQ(lora(".lora_A.weight", ".lora_B.weight", {}).at("rank"), "2 (1 module), 8 (1 module)");
  EXPECT_EQ(lora(".lora_down.weight", ".lora_up.weight", {}, true).at("strength"), "alpha in 2 of 2 modules");
  EXPECT_EQ(lora(".lora.down.weight", ".lora.up.weight", {{"ss_network_alpha", "16"}}).at("strength"), "alpha 16 (ss_network_alpha)");
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { lora(".lora_A.weight", ".lora_B.weight", {{"lora_adapter_metadata", "{"}}); }), HasSubstr("lora_adapter_metadata"));
  EXPECT_FALSE(inspect_path(kPlayset / "vae/diffusion_pytorch_model.safetensors", {}).contains("lora"));
}

TEST(Inspect, APeftFolderIsALora) {
  const fs::path adapters = fs::path(DREAMRUNNER_SOURCE_DIR) / "tests/golden/adapters";
  EXPECT_EQ(inspect_path(adapters / "peft-rslora", {}).at("lora").at("strength"), "alpha 6, rank 4, rank-stabilised (adapter_config.json)");
  const Json patterns = inspect_path(adapters / "peft-patterns/adapter_model.safetensors", {}).at("lora");
  EXPECT_EQ(patterns.at("strength"), "alpha 5, rank 2, others by pattern (adapter_config.json)");
  EXPECT_EQ(patterns.at("modules"), 14);
}

TEST(Inspect, ShardsAreCountedTogetherAndStayInTheirFolder) {
  TemporaryFolder folder;
  write_text(folder / "config.json", R"({"architectures":["T5EncoderModel"],"num_layers":2})");
  write_tensors(folder / "model-1.safetensors", 2, 2);
  write_tensors(folder / "model-2.safetensors", 3, 2);
  const auto index = [&](const std::string& second) {
    write_text(folder / "model.safetensors.index.json", R"({"weight_map":{"a":"model-1.safetensors","b":")" + second + R"("}})");
  };
  index("model-2.safetensors");
  const Json report = inspect_path(folder.path(), {});
  EXPECT_EQ(report.at("shards"), 2);
  EXPECT_EQ(report.at("tensors"), 5);
  EXPECT_EQ(report.at("parameters"), 10);
  EXPECT_EQ(inspect_path(folder / "model.safetensors.index.json", {}).at("shards"), 2);
  index("model-3.safetensors");
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { inspect_path(folder.path(), {}); }), HasSubstr("model-3.safetensors"));
  for (const char* outside : {"../model-1.safetensors", "/etc/passwd", "..", ""}) {
    index(outside);
    EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { inspect_path(folder.path(), {}); }), HasSubstr("the name of a file beside it"));
  }
}

TEST(Inspect, ManyTensorsAreShortenedUnlessAllAreAskedFor) {
  TemporaryFolder folder;
  const fs::path file = write_tensors(folder / "w.safetensors", 30, 2, {{"rank", "4"}});
  const Json report = inspect_path(file, {});
  EXPECT_EQ(report.at("tensors"), 30);
  EXPECT_EQ(report.at("parameters"), 60);
  EXPECT_EQ(report.at("types"), (Json{{"F32", 30}}));
  EXPECT_EQ(report.at("metadata").at("rank"), "4");
  EXPECT_EQ(report.at("names").size(), 9u);
  EXPECT_EQ(report.at("names").at("..."), "22 more; --all lists them");
  EXPECT_EQ(report.at("names").at("layers.29.weight"), "F32 [2]");
  EXPECT_EQ(inspect_path(file, {.all = true}).at("names").size(), 30u);
}

TEST(Inspect, DeepFindsValuesThatAreNoNumbersAndExitsWith3) {
  TemporaryFolder folder;
  const fs::path bad = write_tensors(folder / "bad.safetensors", 3, NAN);
  EXPECT_FALSE(inspect_path(bad, {}).contains("not_finite_values"));
  EXPECT_EQ(inspect_path(bad, {.deep = true}).at("bad_tensors"), Json{"layers.02.weight"});
  const ProgramResult result = run({"inspect", bad.string(), "--deep"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.err, HasSubstr("layers.02.weight: NaN or infinite"));
  EXPECT_THAT(result.out, HasSubstr("not finite values  1"));

  const fs::path good = write_tensors(folder / "good.safetensors", 3, 2);
  EXPECT_EQ(run({"inspect", good.string(), "--deep"}).code, 0);
}

TEST(Inspect, TextOutOfAFileIsSafeToPrint) {
  TemporaryFolder folder;
  const fs::path file = write_tensors(folder / "w.safetensors", 1, 2, {{"note", "\x1b[2Jgone\r\nsecond"}});
  const ProgramResult result = run({"inspect", file.string()});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
  EXPECT_THAT(result.out, HasSubstr("\\x1b[2Jgone; second"));
}

TEST(Inspect, PicklesAreRefusedWithAWayOut) {
  TemporaryFolder folder;
  write_text(folder / "model.bin", "PK\x03\x04 and so on");
  write_text(folder / "old.pt", "\x80\x02}q");
  for (const char* name : {"model.bin", "old.pt"}) {
    EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { inspect_path(folder / name, {}); }), HasSubstr("safe_serialization=True"));
  }
}

TEST(Inspect, WhatIsMissingOrNothingOfTheKindIsSaid) {
  TemporaryFolder folder;
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { inspect_path(folder / "nothing", {}); }), HasSubstr("no such file or folder"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { inspect_path(folder.path(), {}); }), HasSubstr("neither a film"));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { inspect_path(folder / "pipe", {}); }), HasSubstr("neither a file nor a folder"));
  write_text(folder / "w.safetensors", "short");
  expect_error(ErrorKind::input_file, [&] { inspect_path(folder / "w.safetensors", {}); });
  for (const char* text : {"", "no video at all"}) {
    write_text(folder / "x.mp4", text);
    expect_error(ErrorKind::input_file, [&] { inspect_path(folder / "x.mp4", {}); });
  }
  write_text(folder / "words.txt", "no plan at all");
  expect_error(ErrorKind::plan_refused, [&] { inspect_path(folder / "words.txt", {}); });
}

TEST(Inspect, APlanSaysItsScenesAndWhoIsInThem) {
  TemporaryFolder folder;
  write_text(folder / "plan.txt",
             "Background: a quiet forest\nFrame_1: [[\"bear\", \"walking\", \"a bear is walking\"], [0, 0, 0.5, 1]], "
             "[[\"none\", \"none\", \"a tall tree\"], [0.5, 0, 1, 1]]\nFrame_2: [[\"bear\", \"jumping\", \"a bear is jumping\"], [0, 0, "
             "0.5, 1]]\n");
  const Json report = inspect_path(folder / "plan.txt", {});
  EXPECT_EQ(report.at("kind"), "plan");
  EXPECT_EQ(report.at("scene_count"), 1);
  const Json& scene = report.at("scenes").at(0);
  EXPECT_EQ(scene.at("key_frames"), 2);
  EXPECT_EQ(scene.at("cast"), (Json{"bear", "a tall tree"}));
  EXPECT_EQ(scene.at("background"), "a quiet forest");
}

TEST(Inspect, LongPlansAreShortenedUnlessAllIsAskedFor) {
  const SmallFilm film(40);
  const Json report = inspect_path(film / "plan/plan.json", {});
  EXPECT_EQ(report.at("scene_count"), 40);
  EXPECT_EQ(report.at("scenes").size(), 12u);
  EXPECT_EQ(report.at("scenes_not_shown"), 28);
  EXPECT_EQ(inspect_path(film / "plan/plan.json", {.all = true}).at("scenes").size(), 40u);
}

TEST(Inspect, AFilmSaysWhatIsDoneAndWhatIsNot) {
  SmallFilm film(2);
  Json report = inspect_path(film.root(), {});
  EXPECT_EQ(report.at("kind"), "film");
  EXPECT_EQ(report.at("title"), "Two friends");
  EXPECT_EQ(report.at("steps"), 4);
  EXPECT_EQ(report.at("state"), (Json{{"missing", 7}}));
  film.make({}, 1);
  report = inspect_path(film / "film.toml", {});
  EXPECT_EQ(report.at("artefacts").at("scenes/01/scene.mp4"), "fresh");
  EXPECT_EQ(report.at("state").at("fresh"), 3);
  film.plan.scenes[0].background = "a loud place";
  film.save();
  EXPECT_THAT(inspect_path(film.root(), {}).at("artefacts").at("scenes/01/latents.safetensors").get<std::string>(), StartsWith("stale: "));
}

TEST(Inspect, PicturesAndVideosSayTheirSizes) {
  TemporaryFolder folder;
  const Picture picture{48, 32, std::vector<uint8_t>(48 * 32 * 3, 90)};
  write_png(folder / "p.png", picture);
  const Json png = inspect_path(folder / "p.png", {});
  EXPECT_EQ(png.at("kind"), "png");
  EXPECT_EQ(png.at("width"), 48);
  EXPECT_EQ(png.at("height"), 32);

  const std::vector<uint8_t> pixels(16 * 48 * 32 * 3, 90);
  VideoOptions options;
  options.metadata = {{"title", "Two friends"}};
  write_video(folder / "v.mp4", {16, 32, 48, pixels.data()}, options);
  const Json video = inspect_path(folder / "v.mp4", {});
  EXPECT_EQ(video.at("kind"), "video");
  EXPECT_EQ(video.at("codec"), "h264");
  EXPECT_EQ(video.at("frames"), 16);
  EXPECT_EQ(video.at("fps"), "8");
  EXPECT_DOUBLE_EQ(video.at("duration_s").get<double>(), 2);
  EXPECT_EQ(video.at("metadata").at("title"), "Two friends");
}

TEST(Inspect, FilesThatAreNoTextAreNoPlans) {
  DREAMRUNNER_NEEDS_FFMPEG();
  TemporaryFolder folder;
  const std::vector<uint8_t> pixels(16 * 48 * 32 * 3, 90);
  write_video(folder / "v.mp4", {16, 32, 48, pixels.data()}, {});
  for (const char* name : {"a.ts", "a.flv", "a.wmv", "a.mpg"}) {
    SCOPED_TRACE(name);
    ASSERT_EQ(ffmpeg(fmt::format("-i {} -r 25 {}", (folder / "v.mp4").string(), (folder / name).string())), "");
    const Json video = inspect_path(folder / name, {});
    EXPECT_EQ(video.at("kind"), "video");
    EXPECT_NEAR(video.at("duration_s").get<double>(), 2, 0.1);
  }
  write_text(folder / "noise", std::string("Frame_1:\0\x07\xff\xfe and so on", 24));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { inspect_path(folder / "noise", {}); }), HasSubstr("not a video that can be read"));
  write_text(folder / "latin.txt", "caf\xe9 plan");
  expect_error(ErrorKind::input_file, [&] { inspect_path(folder / "latin.txt", {}); });
  // A character that is cut where the looked-at head ends makes it no other thing.
  write_text(folder / "long.txt", std::string(511, 'a') + "\u00e9 and no plan");
  expect_error(ErrorKind::plan_refused, [&] { inspect_path(folder / "long.txt", {}); });
}

TEST(Inspect, PicturesOfOtherKindsSayTheirSizes) {
  const fs::path pictures = fs::path(DREAMRUNNER_SOURCE_DIR) / "tests/media/pictures";
  for (const auto& [name, kind] : {std::pair{"420.jpg", "jpeg"}, {"lossy.webp", "webp"}, {"plain.bmp", "bmp"}, {"plain.gif", "gif"}}) {
    SCOPED_TRACE(name);
    const Json report = inspect_path(pictures / name, {});
    EXPECT_EQ(report.at("kind"), kind);
    EXPECT_GT(report.at("width").get<int>(), 0);
    EXPECT_FALSE(report.contains("stored"));
  }
  const Json upright = inspect_path(pictures / "orientation-1.jpg", {}), turned = inspect_path(pictures / "orientation-6.jpg", {});
  EXPECT_EQ(turned.at("width"), upright.at("width")) << "as it is shown";
  EXPECT_EQ(turned.at("height"), upright.at("height"));
  EXPECT_THAT(turned.at("stored").get<std::string>(), HasSubstr("orientation 6"));
}

TEST(Inspect, TheProgramPrintsOneScreenOrJson) {
  const ProgramResult text = run({"inspect", kPlayset.string()});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_LE(std::count(text.out.begin(), text.out.end(), '\n'), 50);
  EXPECT_THAT(text.out, HasSubstr("transformer\n  class"));
  const ProgramResult json = run({"inspect", kPlayset.string(), "--json"});
  EXPECT_EQ(Json::parse(json.out), inspect_path(kPlayset, {}));
}

}  // namespace
}  // namespace dreamrunner::test

#include "cli/report.h"

#include <gtest/gtest.h>

namespace dreamrunner {
namespace {

TEST(Report, PutsValuesInAColumnWithUnits) {
  const Json report = {{"kind", "model"},         {"size_bytes", uint64_t{11'114'320}},
                       {"duration_s", 2.0},       {"scene_count", 1200},
                       {"seed", 1'234'567},       {"guidance_scale", 6.5},
                       {"whole", true},           {"fps", nullptr},
                       {"cast", {"bear", "fox"}}, {"none_there", Json::array()}};
  EXPECT_EQ(render_report(report),
            "kind            model\n"
            "size            11.1 MB\n"
            "duration        2.0 s\n"
            "scene count     1,200\n"
            "seed            1234567\n"
            "guidance scale  6.5\n"
            "whole           yes\n"
            "fps             unknown\n"
            "cast            bear, fox\n"
            "none there      none\n");
}

TEST(Report, SmallObjectsStayOnTheirLineAndLargeOnesAreIndented) {
  const Json report = {{"memory", {{"total_bytes", uint64_t{2'000'000'000}}, {"free_bytes", uint64_t{5}}}},
                       {"transformer", {{"class", std::string(60, 'x')}, {"layout", "6 blocks of 32"}}},
                       {"scenes", {{{"scene", 1}, {"cast", {"bear"}}}, {{"scene", 2}, {"cast", Json::array()}}}}};
  EXPECT_EQ(render_report(report),
            "memory  total 2.0 GB; free 5 bytes\n"
            "transformer\n"
            "  class   " +
                std::string(60, 'x') +
                "\n"
                "  layout  6 blocks of 32\n"
                "scenes\n"
                "  scene 1; cast bear\n"
                "  scene 2; cast none\n");
}

TEST(Report, NamesOfTensorsAndMetadataStayAsTheyAre) {
  const Json report = {{"names", {{"hidden_states", "F32 [1]"}}}, {"metadata", {{"lora_bytes", "12"}}}, {"not_finite_values", 0}};
  EXPECT_EQ(render_report(report),
            "names              hidden_states F32 [1]\n"
            "metadata           lora_bytes 12\n"
            "not finite values  0\n");
}

TEST(Report, TextOutOfFilesCannotMoveTheCursor) {
  EXPECT_EQ(render_report({{"names", {{"a\x1b[2J", "x\ny"}}}}), "names  a\\x1b[2J x; y\n");
}

}  // namespace
}  // namespace dreamrunner

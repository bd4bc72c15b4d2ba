#include "diffusion/noise_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

using testing::ElementsAre;

NoiseScheduleConfig cogvideox(double snr_shift_scale) {
  NoiseScheduleConfig config;
  config.snr_shift_scale = snr_shift_scale;
  config.rescale_betas_zero_snr = true;
  config.timestep_spacing = "trailing";
  return config;
}

TEST(NoiseScheduleTest, LevelsOfTheTwoModels) {
  const NoiseSchedule b2(cogvideox(3.0)), b5(cogvideox(1.0));
  EXPECT_NEAR(b2.alpha_cumprod(0), 0.9974543276430069, 1e-14);
  EXPECT_NEAR(b2.alpha_cumprod(499), 0.09596956169073541, 1e-14);
  EXPECT_NEAR(b2.alpha_cumprod(998), 6.230788467394798e-08, 1e-20);
  EXPECT_NEAR(b5.alpha_cumprod(499), 0.24235916655614523, 1e-14);
  EXPECT_EQ(b2.alpha_cumprod(999), 0.0);
  EXPECT_EQ(b5.alpha_cumprod(999), 0.0);
  EXPECT_EQ(b2.alpha_cumprod(-1), 1.0);
}

TEST(NoiseScheduleTest, TimestepsBySpacing) {
  NoiseScheduleConfig config = cogvideox(1.0);
  EXPECT_THAT(NoiseSchedule(config).timesteps(4), ElementsAre(999, 749, 499, 249));
  EXPECT_THAT(NoiseSchedule(config).timesteps(7), ElementsAre(999, 856, 713, 570, 428, 285, 142));
  config.timestep_spacing = "leading";
  EXPECT_THAT(NoiseSchedule(config).timesteps(4), ElementsAre(750, 500, 250, 0));
  config.timestep_spacing = "linspace";
  EXPECT_THAT(NoiseSchedule(config).timesteps(4), ElementsAre(999, 666, 333, 0));
}

TEST(NoiseScheduleTest, AlwaysAsManyTimestepsAsAsked) {
  // The reference yields one too many for 61, 103, 121 and others, the last of them -1.
  const NoiseSchedule schedule(cogvideox(1.0));
  for (int steps = 1; steps <= 1000; ++steps) {
    const auto timesteps = schedule.timesteps(steps);
    ASSERT_EQ(timesteps.size(), static_cast<size_t>(steps));
    EXPECT_EQ(timesteps.front(), 999);
    EXPECT_GE(timesteps.back(), 0) << steps;
  }
}

TEST(NoiseScheduleTest, StepsOutOfRangeAreRefused) {
  const NoiseSchedule schedule(cogvideox(1.0));
  for (const int steps : {-1, 0, 1001}) {
    try {
      schedule.timesteps(steps);
      FAIL() << steps;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_THAT(error.what(), testing::HasSubstr("1 to 1000"));
    }
  }
}

TEST(NoiseScheduleTest, AConfigThatCannotBeFollowedIsRefusedByKey) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{{"prediction_type", "epsilon"},
                                                              {"beta_schedule", "linear"},
                                                              {"timestep_spacing", "sideways"},
                                                              {"num_train_timesteps", 0},
                                                              {"num_train_timesteps", 1.5},
                                                              {"num_train_timesteps", 4'294'968'296},  // 1,000 in 32 bits
                                                              {"steps_offset", 4'294'967'296},
                                                              {"steps_offset", 18'446'744'073'709'551'615u},
                                                              {"beta_start", "tiny"},
                                                              {"rescale_betas_zero_snr", 1},
                                                              {"trained_betas", Json::array({0.1})},
                                                              {"_class_name", "EulerDiscreteScheduler"}}) {
    Json json = {{"prediction_type", "v_prediction"}};
    json[key] = value;
    try {
      read_noise_schedule_config(json, "config");
      FAIL() << key;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input_file);
      EXPECT_THAT(error.what(), testing::HasSubstr("config: " + key + ": found"));
    }
  }
}

}  // namespace
}  // namespace dreamrunner

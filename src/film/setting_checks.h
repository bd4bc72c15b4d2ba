#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dreamrunner {

/// Smallest and largest value of a whole-number setting.
struct WholeRange {
  int64_t least;
  int64_t most;
};

/// Scene k draws its noise from seed + k - 1, so the largest film seed leaves room for a very long film below 2^63.
inline constexpr WholeRange kSeedRange{0, INT64_MAX - 0xffff};
inline constexpr WholeRange kStepsRange{1, 1000};
inline constexpr WholeRange kFramesRange{1, 1024};
inline constexpr WholeRange kSideRange{16, 8192};  ///< Pixels; the model decides which of them can come out.
inline constexpr WholeRange kKeyFramesRange{1, 64};
inline constexpr WholeRange kScenesRange{1, 1000};
inline constexpr WholeRange kMotionsRange{1, 64};  ///< Of one scene.
inline constexpr double kMostTemperature = 2;
inline constexpr double kLeastWait_s = 0.1;
inline constexpr double kMostWait_s = 86400;
inline constexpr double kMostGuidance = 1000;
inline constexpr double kMostFps = 240;

/// `value`, or Error(usage) "WHERE: found 0, 1 to 1000 expected" whose hint is the nearest value that works.
int64_t checked_whole(const std::string& where, int64_t value, WholeRange range);

/// `value`, or Error(usage) when it is not finite or outside `least` to `most` (both allowed).
double checked_number(const std::string& where, double value, double least, double most);

/// `value`, or Error(usage) that lists `choices` and names the nearest.
std::string checked_choice(const std::string& where, const std::string& value, std::span<const std::string_view> choices);

/// Throws Error(usage) unless `id` is 1 to 64 of a-z, 0-9, - and _: ids become file names and are looked up by plans, so they
/// are kept to letters that every file system takes.
void check_id(const std::string& where, const std::string& id);

/// The one of `known` that takes the fewest single-letter changes to reach from `word`; empty when none is near enough to be
/// a slip of the pen (at most a third of its letters, and at least two).
std::string nearest_word(const std::string& word, std::span<const std::string_view> known);

}  // namespace dreamrunner

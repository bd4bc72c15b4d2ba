#pragma once

#include <string>
#include <string_view>

namespace dreamrunner {

/// Frames a second as a fraction in lowest terms. 0/1 where a file does not say.
struct FrameRate {
  int num = 8;
  int den = 1;

  double per_second() const { return static_cast<double>(num) / den; }
  bool operator==(const FrameRate&) const = default;
};

/// Reads "8", "7.99" or "24000/1001". A decimal that is a rate of the television family, rounded to two or more digits,
/// means that rate: "23.976" and "23.98" are 24000/1001, "29.97" is 30000/1001, "59.94" is 60000/1001; any other decimal
/// is taken at its word ("7.99" is 799/100). Throws Error(usage) unless 1/1000 <= rate <= 1000 with terms up to 1,000,000.
FrameRate parse_frame_rate(std::string_view text);

/// The rate that a number means, by the same rule.
FrameRate frame_rate_from(double per_second);

/// "8" or "24000/1001".
std::string to_string(const FrameRate& rate);

}  // namespace dreamrunner

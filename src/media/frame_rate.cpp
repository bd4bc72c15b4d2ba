#include "media/frame_rate.h"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

constexpr int64_t kLargestTerm = 1'000'000;
constexpr int kMostDigits = 9;  ///< Of either part, so that all products below fit 64 bits.

/// Whole numbers whose 1000/1001 is in use on television and in cinemas.
constexpr int64_t kTelevisionRates[] = {24, 30, 48, 60, 120};

std::optional<int64_t> parse_digits(std::string_view text) {
  if (text.empty() || text.size() > kMostDigits) return std::nullopt;
  int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

struct Fraction {
  int64_t num;
  int64_t den;
};

std::optional<Fraction> parse_decimal(std::string_view text) {
  const size_t point = text.find('.');
  const auto whole = parse_digits(text.substr(0, point));
  if (!whole) return std::nullopt;
  if (point == std::string_view::npos) return Fraction{*whole, 1};
  const std::string_view digits = text.substr(point + 1);
  const auto rest = parse_digits(digits);
  if (!rest || *whole > kLargestTerm) return std::nullopt;
  int64_t scale = 1;
  for (size_t i = 0; i < digits.size(); ++i) scale *= 10;
  const int64_t scaled = *whole * scale + *rest;
  if (digits.size() >= 2 && *whole < 1000) {
    for (const int64_t rate : kTelevisionRates) {
      // |scaled/scale - 1000 rate/1001| <= half a unit of the last digit, in whole numbers.
      if (2 * std::llabs(scaled * 1001 - rate * 1000 * scale) <= 1001) return Fraction{rate * 1000, 1001};
    }
  }
  return Fraction{scaled, scale};
}

std::optional<Fraction> parse_fraction(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return parse_decimal(text);
  const auto num = parse_digits(text.substr(0, slash));
  const auto den = parse_digits(text.substr(slash + 1));
  if (!num || !den) return std::nullopt;
  return Fraction{*num, *den};
}

}  // namespace

FrameRate parse_frame_rate(std::string_view text) {
  const auto fraction = parse_fraction(text);
  if (fraction && fraction->num > 0 && fraction->den > 0) {
    const int64_t divisor = std::gcd(fraction->num, fraction->den);
    const int64_t num = fraction->num / divisor;
    const int64_t den = fraction->den / divisor;
    if (num <= kLargestTerm && den <= kLargestTerm && num <= 1000 * den && den <= 1000 * num) {
      return {static_cast<int>(num), static_cast<int>(den)};
    }
  }
  throw Error(ErrorKind::usage, fmt::format("frame rate: '{}' found, frames a second from 1/1000 to 1000 expected", text),
              "write it as 8, 29.97 or 24000/1001");
}

FrameRate frame_rate_from(double per_second) {
  // The shortest text that means this number: what a person would have written. Nine digits are enough for any rate.
  std::string text = fmt::format("{}", per_second);
  if (const size_t point = text.find('.'); point != std::string::npos && text.size() - point - 1 > 6) {
    text = fmt::format("{:.6f}", per_second);
  }
  return parse_frame_rate(text);
}

std::string to_string(const FrameRate& rate) {
  return rate.den == 1 ? fmt::format("{}", rate.num) : fmt::format("{}/{}", rate.num, rate.den);
}

}  // namespace dreamrunner

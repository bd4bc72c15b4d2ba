#include "story/plan_rules.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <unordered_set>

#include <fmt/format.h>

namespace dreamrunner {
namespace {

/// Bytes of the UTF-8 sequence at the start of `text` and its code point; 0 bytes when it is not one.
struct CodePoint {
  size_t bytes = 0;
  uint32_t value = 0;
};

CodePoint decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {1, first};
  const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {};
  uint32_t value = first & (0xffu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::array<uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (value < kSmallest[bytes] || surrogate || value > 0x10ffff) return {};
  return {bytes, value};
}

}  // namespace

std::optional<std::string> text_fault(std::string_view text) {
  if (text.size() > kMaxTextBytes) return fmt::format("{} bytes long, expected at most {}", text.size(), kMaxTextBytes);
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text.substr(at));
    if (point.bytes == 0) return fmt::format("byte {} is not UTF-8", at + 1);
    if (point.value < 0x20 || (point.value >= 0x7f && point.value < 0xa0)) {
      return fmt::format("control character U+{:04X} at byte {}", point.value, at + 1);
    }
    at += point.bytes;
  }
  return std::nullopt;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

std::optional<std::string> id_fault(std::string_view id) {
  const bool plain = !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (plain && id != "none") return std::nullopt;
  return fmt::format("is \"{}\", expected 1 to 64 of a-z, 0-9, - and _, and not none", id);
}

std::optional<std::string> box_fault(const Box& box) {
  const std::array<double, 4> edges{box.left, box.top, box.right, box.bottom};
  constexpr std::array<const char*, 4> kNames{"left", "top", "right", "bottom"};
  for (size_t i = 0; i < edges.size(); ++i) {
    if (!std::isfinite(edges[i])) return fmt::format("{} is not a finite number", kNames[i]);
    if (std::abs(edges[i]) > kMaxBoxValue) {
      return fmt::format("{} is {}, expected a fraction of the frame from 0 to 1 (pixels and per mille are not read)", kNames[i], edges[i]);
    }
  }
  if (box.left > box.right) return fmt::format("left {} is beyond right {}, expected [left, top, right, bottom]", box.left, box.right);
  if (box.top > box.bottom) return fmt::format("top {} is beyond bottom {}, expected [left, top, right, bottom]", box.top, box.bottom);
  return std::nullopt;
}

std::optional<std::string> scene_fault(const Scene& scene) {
  std::unordered_set<std::string_view> captions;
  for (const KeyFrame& frame : scene.key_frames) {
    for (const PlannedRegion& region : frame.regions) captions.insert(region.caption);
  }
  if (captions.size() <= kMaxCaptions) return std::nullopt;
  return fmt::format("{} distinct captions, expected at most {}", captions.size(), kMaxCaptions);
}

void Faults::add(std::string place, std::string what) { faults_.push_back({std::move(place), std::move(what)}); }

Error Faults::error(const std::string& origin) const {
  constexpr size_t kListed = 50;
  const auto line = [&](const Fault& fault) {
    return fault.place.empty() ? fmt::format("{}: {}", origin, fault.what) : fmt::format("{}:{}: {}", origin, fault.place, fault.what);
  };
  if (faults_.size() == 1) return Error(ErrorKind::plan_refused, line(faults_.front()));
  std::string message = fmt::format("{}: {} faults", origin, faults_.size());
  for (size_t i = 0; i < std::min(faults_.size(), kListed); ++i) message += "\n  " + line(faults_[i]);
  if (faults_.size() > kListed) message += fmt::format("\n  and {} more", faults_.size() - kListed);
  return Error(ErrorKind::plan_refused, message);
}

}  // namespace dreamrunner

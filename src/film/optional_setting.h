#pragma once

#include <optional>

namespace dreamrunner {

/// Assigns where the file says something, and leaves the default where it does not.
template <typename Target, typename Value>
void set(Target& target, const std::optional<Value>& value) {
  if (value) target = static_cast<Target>(*value);
}

template <typename Value>
void set(std::optional<int>& target, const std::optional<Value>& value) {
  if (value) target = static_cast<int>(*value);
}

}  // namespace dreamrunner

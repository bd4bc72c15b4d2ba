#include "retrieve/box_filter.h"

#include <algorithm>
#include <cmath>

namespace dreamrunner {
namespace {

constexpr double kUnitsPerSecond = 25;
constexpr double kDrift = 1;              // Variance added to a value in a unit of time.
constexpr double kSpeedDrift = 0.01;      // And to the speeds of x and y,
constexpr double kAreaSpeedDrift = 1e-4;  // and of the area.
constexpr double kPlaceNoise = 1;         // Variance of a measured x or y,
constexpr double kShapeNoise = 10;        // and of a measured area or aspect.

/// Below this an area or an aspect is not believed: rounding must not turn a box inside out.
constexpr double kLeast = 1e-6;

}  // namespace

double overlap(const PixelBox& a, const PixelBox& b) {
  const double width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  const double height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  if (!(width > 0 && height > 0)) return 0;
  const double common = width * height;
  return common / (a.area() + b.area() - common);
}

void BoxFilter::Moving::predict(double time, double speed_noise) {
  value += time * speed;
  value_variance += time * (2 * covariance + time * speed_variance) + time * kDrift;
  covariance += time * speed_variance;
  speed_variance += time * speed_noise;
}

void BoxFilter::Moving::correct(double measured, double noise) {
  const double off = measured - value;
  const double total = value_variance + noise;
  const double gain = value_variance / total, speed_gain = covariance / total;
  value += gain * off;
  speed += speed_gain * off;
  speed_variance -= speed_gain * covariance;
  covariance *= 1 - gain;
  value_variance *= 1 - gain;
}

BoxFilter::BoxFilter(const PixelBox& box) : aspect_(box.width() / box.height()) {
  x_.value = (box.x0 + box.x1) / 2;
  y_.value = (box.y0 + box.y1) / 2;
  area_.value = box.area();
}

void BoxFilter::predict(double seconds) {
  const double time = seconds * kUnitsPerSecond;
  if (area_.value + time * area_.speed <= 0) area_.speed = 0;  // As SORT: nobody shrinks to nothing.
  x_.predict(time, kSpeedDrift);
  y_.predict(time, kSpeedDrift);
  area_.predict(time, kAreaSpeedDrift);
  aspect_variance_ += time * kDrift;
}

void BoxFilter::correct(const PixelBox& box) {
  x_.correct((box.x0 + box.x1) / 2, kPlaceNoise);
  y_.correct((box.y0 + box.y1) / 2, kPlaceNoise);
  area_.correct(box.area(), kShapeNoise);
  const double gain = aspect_variance_ / (aspect_variance_ + kShapeNoise);
  aspect_ += gain * (box.width() / box.height() - aspect_);
  aspect_variance_ *= 1 - gain;
}

PixelBox BoxFilter::box() const {
  const double area = std::max(area_.value, kLeast);
  const double width = std::sqrt(area * std::max(aspect_, kLeast));
  const double height = area / width;
  return {x_.value - width / 2, y_.value - height / 2, x_.value + width / 2, y_.value + height / 2};
}

}  // namespace dreamrunner

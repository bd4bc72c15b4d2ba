#pragma once

namespace dreamrunner {

/// A rectangle in px of a frame, x to the right, y down.
struct PixelBox {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;

  double width() const { return x1 - x0; }
  double height() const { return y1 - y0; }
  double area() const { return width() * height(); }
};

/// Intersection over union, 0 to 1; 0 where one has no area.
double overlap(const PixelBox& a, const PixelBox& b);

/// Where a box will be, by SORT's Kalman filter (Bewley et al. 2016): centre x, centre y and area move with constant speed,
/// the aspect (width / height) stays. The unit of time is 1/25 s, so that SORT's numbers, which are per frame of ordinary
/// video, keep their meaning however often is looked. In px, px^2 and their speeds per unit:
///   variances at the beginning  10 px^2 for x and y, 10 for area and aspect, 1e4 for the three speeds
///   added per unit of time      1 for x, y, area and aspect; 0.01 for the speeds of x and y, 1e-4 for the area's
///   of a measurement            1 for x and y, 10 for area and aspect
/// All of SORT's matrices are diagonal but for the speeds, so its seven values are filtered as three pairs and one alone.
class BoxFilter {
 public:
  /// Begins at a box with an area, at rest.
  explicit BoxFilter(const PixelBox& box);

  /// Moves on by a time of 0 or more.
  void predict(double seconds);
  /// Takes in the box, with an area, that was seen at the time predicted to.
  void correct(const PixelBox& box);
  /// The box as it is expected; always with an area.
  PixelBox box() const;

 private:
  /// A value and its speed with their variances.
  struct Moving {
    double value = 0, speed = 0;
    double value_variance = 10, covariance = 0, speed_variance = 1e4;

    void predict(double time, double speed_noise);
    void correct(double measured, double noise);
  };

  Moving x_, y_, area_;
  double aspect_ = 1, aspect_variance_ = 10;
};

}  // namespace dreamrunner

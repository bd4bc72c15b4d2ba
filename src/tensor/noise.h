#pragma once

#include <cstdint>

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace dreamrunner {

/// Gaussian noise by seed. Draws are made on the CPU, in the order of the calls, so that one seed means one film on every
/// machine. Equal to torch.randn with a CPU generator at the same seed.
class NoiseSource {
 public:
  /// `seed` is any 64-bit number; `dtype` is the type the draws are made in (fp32 unless parity with diffusers in half
  /// precision is wanted: the half draw is another sequence).
  explicit NoiseSource(int64_t seed, at::ScalarType dtype = at::kFloat);

  /// The next standard normal numbers of `shape`, on the CPU.
  at::Tensor draw(at::IntArrayRef shape);

 private:
  at::Generator generator_;
  at::ScalarType dtype_;
};

}  // namespace dreamrunner

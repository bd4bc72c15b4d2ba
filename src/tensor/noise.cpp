#include "tensor/noise.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

namespace dreamrunner {

NoiseSource::NoiseSource(int64_t seed, at::ScalarType dtype)
    : generator_(at::detail::createCPUGenerator(static_cast<uint64_t>(seed))), dtype_(dtype) {}

at::Tensor NoiseSource::draw(at::IntArrayRef shape) { return at::randn(shape, generator_, at::TensorOptions().dtype(dtype_)); }

}  // namespace dreamrunner

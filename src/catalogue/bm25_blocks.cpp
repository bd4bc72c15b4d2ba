#include "catalogue/bm25_blocks.h"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace dreamrunner {
namespace {

constexpr int kLanes = 4;
constexpr int kPerLane = kBlockRows / kLanes;

/// Four numbers that one instruction works on.
using Four = uint32_t __attribute__((vector_size(16)));

Four load(const uint8_t* in, int word) {
  Four value;
  std::memcpy(&value, in + word * 16, sizeof value);
  return value;
}

/// Row `Index` of each lane: everything but the loads is known when this is compiled.
template <int Bits, int Index>
void unpack_four(const uint8_t* in, uint32_t* values) {
  constexpr int kWord = Index * Bits / 32;
  constexpr int kShift = Index * Bits % 32;
  Four value = load(in, kWord) >> kShift;
  if constexpr (kShift + Bits > 32) value |= load(in, kWord + 1) << (32 - kShift);
  if constexpr (Bits < 32) value &= (uint32_t{1} << Bits) - 1;
  std::memcpy(values + Index * kLanes, &value, sizeof value);
}

template <int Bits>
void unpack(const uint8_t* in, uint32_t* values) {
  if constexpr (Bits == 0) {
    (void)in;
    std::memset(values, 0, kBlockRows * sizeof(uint32_t));
  } else {
    [&]<int... Index>(std::integer_sequence<int, Index...>) { (unpack_four<Bits, Index>(in, values), ...); }(std::make_integer_sequence<int, kPerLane>());
  }
}

using Unpack = void (*)(const uint8_t*, uint32_t*);

template <int... Bits>
constexpr std::array<Unpack, sizeof...(Bits)> make_unpackers(std::integer_sequence<int, Bits...>) {
  return {unpack<Bits>...};
}

constexpr auto kUnpackers = make_unpackers(std::make_integer_sequence<int, 33>());

}  // namespace

int bits_of(const uint32_t* values) {
  uint32_t all = 0;
  for (int i = 0; i < kBlockRows; ++i) all |= values[i];
  return std::bit_width(all);
}

void pack_block(const uint32_t* values, int bits, std::string& out) {
  std::array<uint32_t, kBlockRows> words{};
  for (int i = 0; i < kBlockRows; ++i) {
    const int bit = i / kLanes * bits;
    const auto word = static_cast<size_t>(bit / 32 * kLanes + i % kLanes);
    const int shift = bit % 32;
    words[word] |= bits == 0 ? 0 : values[i] << shift;
    if (shift + bits > 32) words[word + kLanes] |= values[i] >> (32 - shift);
  }
  out.append(reinterpret_cast<const char*>(words.data()), packed_size(bits));
}

void unpack_block(const uint8_t* in, int bits, uint32_t* values) { kUnpackers[static_cast<size_t>(bits)](in, values); }

}  // namespace dreamrunner

#pragma once

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/error.h"
#include "media/frames.h"

namespace dreamrunner::test {

using Rgb = std::array<uint8_t, 3>;

/// A film made by a test, with its own pixels.
struct Film {
  int frames, height, width;
  std::vector<uint8_t> rgb;

  Film(int frames_, int height_, int width_)
      : frames(frames_),
        height(height_),
        width(width_),
        rgb(size_t{3} * static_cast<size_t>(frames_) * static_cast<size_t>(height_) * static_cast<size_t>(width_)) {}
  FramesView view() const { return {frames, height, width, rgb.data()}; }
  void set(int frame, int y, int x, const Rgb& colour) {
    const size_t at = ((static_cast<size_t>(frame) * static_cast<size_t>(height) + static_cast<size_t>(y)) * static_cast<size_t>(width) +
                       static_cast<size_t>(x)) *
                      3;
    for (size_t c = 0; c < 3; ++c) rgb[at + c] = colour[c];
  }
};

inline Rgb pixel(const FramesView& film, int frame, int y, int x) {
  const uint8_t* at = film.frame(frame) + (static_cast<size_t>(y) * static_cast<size_t>(film.width) + static_cast<size_t>(x)) * 3;
  return {at[0], at[1], at[2]};
}

inline int largest_difference(const Rgb& a, const Rgb& b) {
  int largest = 0;
  for (size_t c = 0; c < 3; ++c) largest = std::max(largest, std::abs(int{a[c]} - int{b[c]}));
  return largest;
}

inline Film flat_film(int frames, int height, int width, const Rgb& colour) {
  Film film(frames, height, width);
  for (size_t i = 0; i < film.rgb.size(); ++i) film.rgb[i] = colour[i % 3];
  return film;
}

/// Frame `i` is flat grey of level 20 + 4 i: which frame is which can be read from the decoded film.
inline Film numbered_film(int frames, int height, int width, int first = 0) {
  Film film(frames, height, width);
  const size_t frame_bytes = film.view().frame_bytes();
  for (int i = 0; i < frames; ++i) {
    std::fill_n(film.rgb.begin() + static_cast<ptrdiff_t>(frame_bytes * static_cast<size_t>(i)), frame_bytes,
                static_cast<uint8_t>(20 + 4 * (first + i)));
  }
  return film;
}

/// The number that `numbered_film` drew.
inline int frame_number(const FramesView& film, int frame) {
  return static_cast<int>(std::lround((pixel(film, frame, film.height / 2, film.width / 2)[1] - 20) / 4.0));
}

inline std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

/// Writes the turn of an mp4's pictures into its track header: a stored step right is shown as (a, b), down as (c, d).
inline void set_display_matrix(std::string& mp4, int a, int b, int c, int d) {
  // Box "tkhd", version 0: four bytes of name, four of version and flags, 36 of other fields, then (a, b, u), (c, d, v), ...
  const size_t matrix = mp4.find("tkhd") + 4 + 4 + 36;
  const std::pair<size_t, int> entries[] = {{0, a}, {1, b}, {3, c}, {4, d}};
  for (const auto& [index, value] : entries) {
    const uint32_t fixed = static_cast<uint32_t>(value) << 16;
    for (size_t i = 0; i < 4; ++i) mp4[matrix + 4 * index + i] = static_cast<char>(fixed >> (24 - 8 * i));
  }
}

inline int files_in(const std::filesystem::path& folder) {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

/// What a shell command prints; `status` is its exit status.
inline std::string shell(const std::string& command, int& status) {
  std::string output;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer;
  for (size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) output.append(buffer.data(), n);
  status = ::pclose(pipe);
  return output;
}

inline bool has_ffmpeg() {
  int status = 0;
  shell("command -v ffmpeg && command -v ffprobe", status);
  return status == 0;
}

/// Runs FFmpeg's command line with `arguments`; returns its complaints, empty for success.
inline std::string ffmpeg(const std::string& arguments) {
  int status = 0;
  const std::string output = shell("ffmpeg -nostdin -v error -y " + arguments, status);
  return status == 0 ? "" : "ffmpeg failed: " + output;
}

#define DREAMRUNNER_NEEDS_FFMPEG() \
  if (!::dreamrunner::test::has_ffmpeg()) GTEST_SKIP() << "ffmpeg and ffprobe are not installed"

/// Runs `action` and returns the error that it throws; fails the test if it throws none of ours.
template <class Action>
Error error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::bug, "no error was thrown");
}

}  // namespace dreamrunner::test

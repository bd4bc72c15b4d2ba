#include <cstring>
#include <limits>
#include <string>

#include "media/video_wire.h"
#include "oracle.h"
#include "targets.h"

namespace dreamrunner::fuzz {
namespace {

constexpr int kSide = 40;
constexpr int64_t kPictures = 6;
/// Nothing that is read of an answer is larger than a description or a picture; as much memory is taken, and before it comes.
constexpr size_t kMostAtOnce = 64 << 10;

/// The bytes as a process sends them that ends after the last.
wire::Source source_of(std::string_view& bytes) {
  return [&bytes](uint8_t* to, size_t size) {
    require(size <= kMostAtOnce, "the reader asks for what may be asked for");
    if (size > bytes.size()) throw Error(ErrorKind::input_file, "the decoder ended");
    std::memcpy(to, bytes.data(), size);
    bytes.remove_prefix(size);
  };
}

void require_sound(const VideoInfo& info, int side) {
  require(info.width >= 0 && info.width <= side && info.height >= 0 && info.height <= side, "pictures of a size that was asked for");
  require(info.rate.num >= 0 && info.rate.den > 0, "a rate can be divided by");
  require(info.rotation >= 0 && info.rotation < 360 && info.rotation % 90 == 0, "a turn of right angles");
  for (const std::string* name : {&info.container, &info.codec, &info.pixel_format, &info.range, &info.matrix, &info.primaries, &info.transfer}) {
    for (const char c : *name) require(c >= ' ' && c <= '~', "names of plain letters");
  }
}

}  // namespace

void video_child_reply(std::string_view bytes) {
  VideoReadOptions options;
  options.largest_side = kSide;
  options.most_frames = kPictures;
  options.start_s = 0.5;
  options.end_s = 9;
  try {
    std::string_view rest = bytes;
    wire::ReplyReader reply(source_of(rest), options);
    reply.read_hello();
    require_sound(reply.read_info(), kSide);
    Picture picture;
    double time_s = 0, last_s = options.start_s;
    int64_t pictures = 0;
    for (int width = 0, height = 0; reply.read_picture(picture, time_s); last_s = time_s) {
      require(++pictures <= kPictures, "no more pictures than were asked for");
      require(picture.width >= 1 && picture.width <= kSide && picture.height >= 1 && picture.height <= kSide, "pictures of a size that was asked for");
      require(width == 0 || (picture.width == width && picture.height == height), "pictures of one size");
      require(picture.rgb.size() == size_t{3} * static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height), "a picture's size is its sides'");
      require(time_s >= last_s && time_s < options.end_s, "times within the window that never fall");
      width = picture.width;
      height = picture.height;
    }
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::input_file);
    for (const char* c = error.what(); *c != '\0'; ++c) require(*c >= ' ' && *c <= '~', "a refusal of plain letters");
  }
  // A file's description alone, of pictures of any size.
  options.largest_side = std::numeric_limits<int>::max();
  try {
    std::string_view rest = bytes;
    wire::ReplyReader reply(source_of(rest), options);
    reply.read_hello();
    require_sound(reply.read_info(), options.largest_side);
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::input_file);
  }
}

}  // namespace dreamrunner::fuzz

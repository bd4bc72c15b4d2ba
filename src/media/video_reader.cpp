#include "media/video_reader.h"

#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "media/colour_conversion.h"
#include "media/libav.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace dreamrunner {
namespace {

using namespace libav;

/// How stored pictures are turned: a stored step right goes (a, b) on the screen, a stored step down (c, d). Each is 0, 1 or -1.
struct Turn {
  int a = 1, b = 0, c = 0, d = 1;
  bool swaps_sides() const { return a == 0; }
};

int sign(int32_t value) { return (value > 0) - (value < 0); }

/// Reads the display matrix of mp4 and QuickTime: rows (a, b, u), (c, d, v), (x, y, w) in 16.16 fixed point.
Turn turn_of(const Input& input) {
  size_t size = 0;
  const uint8_t* bytes = av_stream_get_side_data(&input.stream(), AV_PKT_DATA_DISPLAYMATRIX, &size);
  std::array<int32_t, 9> matrix{};
  if (bytes == nullptr || size < sizeof matrix) return {};
  std::memcpy(matrix.data(), bytes, sizeof matrix);
  const Turn turn{sign(matrix[0]), sign(matrix[1]), sign(matrix[3]), sign(matrix[4])};
  const bool upright = turn.a != 0 && turn.d != 0 && turn.b == 0 && turn.c == 0;
  const bool sideways = turn.a == 0 && turn.d == 0 && turn.b != 0 && turn.c != 0;
  if (!upright && !sideways) input.refuse("turned by a slanted angle, a multiple of 90 degrees expected");
  return turn;
}

/// Copies a stored picture to where a player shows it.
void turn_picture(const Turn& turn, int stored_width, int stored_height, const uint8_t* stored, Picture& shown) {
  shown.width = turn.swaps_sides() ? stored_height : stored_width;
  shown.height = turn.swaps_sides() ? stored_width : stored_height;
  shown.rgb.resize(size_t{3} * static_cast<size_t>(stored_width) * static_cast<size_t>(stored_height));
  // A direction that runs backwards starts at the far edge.
  const int left = turn.a + turn.c < 0 ? shown.width - 1 : 0;
  const int top = turn.b + turn.d < 0 ? shown.height - 1 : 0;
  for (int y = 0; y < stored_height; ++y) {
    for (int x = 0; x < stored_width; ++x, stored += 3) {
      const int column = left + turn.a * x + turn.c * y;
      const int row = top + turn.b * x + turn.d * y;
      std::memcpy(&shown.rgb[size_t{3} * (static_cast<size_t>(row) * static_cast<size_t>(shown.width) + static_cast<size_t>(column))],
                  stored, 3);
    }
  }
}

std::string name_or_unknown(const char* name) { return name == nullptr ? "unknown" : name; }

VideoInfo describe(const Input& input, const Turn& turn) {
  const AVCodecParameters& codec = *input.stream().codecpar;
  VideoInfo info;
  info.container = input.container().iformat->name;
  info.codec = avcodec_get_name(codec.codec_id);
  info.pixel_format = name_or_unknown(av_get_pix_fmt_name(static_cast<AVPixelFormat>(codec.format)));
  info.width = turn.swaps_sides() ? codec.height : codec.width;
  info.height = turn.swaps_sides() ? codec.width : codec.height;
  const AVRational rate = av_guess_frame_rate(&input.container(), &input.stream(), nullptr);
  if (rate.num > 0 && rate.den > 0) info.rate = {rate.num, rate.den};
  info.range = name_or_unknown(av_color_range_name(codec.color_range));
  info.matrix = name_or_unknown(av_color_space_name(codec.color_space));
  info.primaries = name_or_unknown(av_color_primaries_name(codec.color_primaries));
  info.transfer = name_or_unknown(av_color_transfer_name(codec.color_trc));
  // A turn with negative determinant is a mirror first; undo it to read the angle.
  info.mirrored = turn.a * turn.d - turn.b * turn.c < 0;
  const int right_x = info.mirrored ? -turn.a : turn.a;
  const int right_y = info.mirrored ? -turn.b : turn.b;
  info.rotation = right_x == 1 ? 0 : right_y == 1 ? 90 : right_x == -1 ? 180 : 270;
  for (const AVDictionary* tags : {std::as_const(input.container().metadata), std::as_const(input.stream().metadata)}) {
    for (const AVDictionaryEntry* tag = nullptr; (tag = av_dict_get(tags, "", tag, AV_DICT_IGNORE_SUFFIX)) != nullptr;) {
      info.metadata.emplace(tag->key, tag->value);
    }
  }
  return info;
}

CodecPtr open_decoder(const Input& input, const VideoReadOptions& options) {
  const AVCodecParameters& parameters = *input.stream().codecpar;
  if (parameters.width > options.largest_side || parameters.height > options.largest_side) {
    input.refuse(fmt::format("pictures of {} x {}, sides up to {} expected", parameters.width, parameters.height, options.largest_side));
  }
  const AVCodec* codec = avcodec_find_decoder(parameters.codec_id);
  if (codec == nullptr) input.refuse(fmt::format("no decoder for {}", avcodec_get_name(parameters.codec_id)));
  CodecPtr context(allocated(avcodec_alloc_context3(codec)));
  const int copied = avcodec_parameters_to_context(context.get(), &parameters);
  context->pkt_timebase = input.stream().time_base;
  context->max_pixels = int64_t{options.largest_side} * options.largest_side;
  context->thread_count = 1;
  const int opened = copied < 0 ? copied : avcodec_open2(context.get(), codec, nullptr);
  if (opened < 0) input.refuse(fmt::format("the {} decoder cannot be opened ({})", codec->name, words(opened)));
  return context;
}

}  // namespace

struct VideoReader::State {
  State(const std::filesystem::path& path, const VideoReadOptions& wanted)
      : options(wanted), input(path), turn(turn_of(input)), info(describe(input, turn)), decoder(open_decoder(input, wanted)) {}

  /// Fetches the next decoded frame. The decoder is drained at the end of the file: it holds back frames until then.
  bool decode() {
    for (;;) {
      const int received = avcodec_receive_frame(decoder.get(), frame.get());
      if (received >= 0) return true;
      if (received == AVERROR_EOF) return false;
      if (received != AVERROR(EAGAIN)) fail(received);
      const bool more = input.read(*packet);
      const int sent = avcodec_send_packet(decoder.get(), more ? packet.get() : nullptr);
      // Before the first picture: the clip was cut in the middle of a group, and nobody can show these.
      if (sent < 0 && frames_seen > 0) fail(sent);
    }
  }

  [[noreturn]] void fail(int code) const { input.refuse(fmt::format("frame {} cannot be decoded ({})", frames_seen, words(code))); }

  /// Time of the decoded frame from the film's first. Once time stamps fail, the frame number is used from there on.
  double time() {
    const double frame_s = info.rate.num > 0 ? 1.0 / info.rate.per_second() : 1.0;
    const int64_t stamp = frame->best_effort_timestamp;
    if (frames_seen == 0) first_stamp = stamp;
    double seconds = 0;
    if (stamp != AV_NOPTS_VALUE && first_stamp != AV_NOPTS_VALUE) {
      seconds = static_cast<double>(stamp - first_stamp) * av_q2d(input.stream().time_base);
    } else {
      stamps_fail = true;
    }
    if (frames_seen > 0 && seconds <= last_time) stamps_fail = true;
    if (stamps_fail) seconds = frames_seen == 0 ? 0 : last_time + frame_s;
    last_time = seconds;
    return seconds;
  }

  VideoReadOptions options;
  Input input;
  Turn turn;
  VideoInfo info;
  CodecPtr decoder;
  FilmToRgb converter;
  PacketPtr packet = make_packet();
  FramePtr frame = make_frame();
  std::vector<uint8_t> stored;
  int64_t frames_seen = 0;
  int64_t first_stamp = AV_NOPTS_VALUE;
  double last_time = 0;
  bool stamps_fail = false;
};

VideoReader::VideoReader(const std::filesystem::path& path, const VideoReadOptions& options)
    : state_(std::make_unique<State>(path, options)) {}

VideoReader::~VideoReader() = default;

const VideoInfo& VideoReader::info() const { return state_->info; }

bool VideoReader::next(Picture& picture, double& time_s) {
  State& state = *state_;
  while (state.decode()) {
    const AVFrame& frame = *state.frame;
    if (state.frames_seen >= state.options.most_frames) {
      state.input.refuse(fmt::format("more than {} frames found", state.options.most_frames));
    }
    if (frame.decode_error_flags != 0) state.input.refuse(fmt::format("frame {} is damaged", state.frames_seen));
    const int shown_width = state.turn.swaps_sides() ? frame.height : frame.width;
    const int shown_height = state.turn.swaps_sides() ? frame.width : frame.height;
    if (state.frames_seen == 0) {
      state.info.width = shown_width;
      state.info.height = shown_height;
    } else if (shown_width != state.info.width || shown_height != state.info.height) {
      state.input.refuse(fmt::format("frame {} is {} x {}, {} x {} expected", state.frames_seen, shown_width, shown_height,
                                     state.info.width, state.info.height));
    }
    time_s = state.time();
    ++state.frames_seen;
    if (time_s >= state.options.end_s) return false;  // Times only grow.
    if (time_s < state.options.start_s) continue;
    state.stored.resize(size_t{3} * static_cast<size_t>(frame.width) * static_cast<size_t>(frame.height));
    state.converter.convert(frame, state.stored.data(), state.input.path());
    turn_picture(state.turn, frame.width, frame.height, state.stored.data(), picture);
    return true;
  }
  if (state.frames_seen == 0) state.input.refuse("no frame can be decoded");
  return false;
}

Video read_video(const std::filesystem::path& path, const VideoReadOptions& options) {
  VideoReader reader(path, options);
  Video video;
  Picture picture;
  double time_s = 0;
  while (reader.next(picture, time_s)) {
    if (static_cast<int64_t>(video.pixels.size() + picture.rgb.size()) > options.most_bytes) {
      throw Error(ErrorKind::input_file, fmt::format("{}: more than {} bytes of pixels found", path.string(), options.most_bytes));
    }
    video.pixels.insert(video.pixels.end(), picture.rgb.begin(), picture.rgb.end());
    video.times_s.push_back(time_s);
  }
  video.info = reader.info();
  video.info.frames = static_cast<int64_t>(video.times_s.size());
  return video;
}

VideoInfo probe_video(const std::filesystem::path& path) {
  Input input(path);
  VideoInfo info = describe(input, turn_of(input));
  const PacketPtr packet = make_packet();
  while (input.read(*packet)) {
    // Packets that an edit list leaves out only help to decode the others.
    if ((packet->flags & AV_PKT_FLAG_DISCARD) == 0) ++info.frames;
  }
  if (info.frames == 0) input.refuse("no frame found");
  return info;
}

}  // namespace dreamrunner

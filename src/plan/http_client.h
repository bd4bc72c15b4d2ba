#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/run_context.h"

namespace dreamrunner {

/// What is sent. Headers are whole lines ("Name: value") without line ends.
struct HttpPost {
  std::string url;
  std::vector<std::string> headers;
  std::string_view body;
};

/// What one request may cost.
struct HttpLimits {
  double total_s = 300;             ///< From the first call to the last byte.
  double stall_s = 60;              ///< Between two bytes, once the reply has begun.
  uint64_t max_bytes = 4u << 20;    ///< Of the body.
};

/// What a server answered, whatever its status.
struct HttpReply {
  long status = 0;
  std::string content_type;
  std::string location;        ///< Where a redirect points; it is never followed.
  double retry_after_s = 0;    ///< 0: the server did not say.
  std::string body;            ///< At most `max_bytes`.
  bool too_long = false;       ///< The body goes on behind `max_bytes`; reading stopped there.
};

/// Nothing whole came through: refused, timed out, cut off, not HTTP.
class HttpFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The address of `url` is on this machine: `localhost`, 127.x.x.x or ::1.
bool is_loopback(const std::string& url);

/// Throws Error(usage) unless `url` is http or https with a host and without user, password, query or fragment: those
/// would end up in records and messages.
void check_http_url(const std::string& url);

/// Sends one POST and reads the reply. Follows no redirect, keeps no cookie, reads no netrc, unpacks nothing; goes past
/// a proxy of the environment for servers on this machine. Throws HttpFault, and Error(interrupted) within a tenth of a
/// second of a stop.
HttpReply http_post(const HttpPost& post, const HttpLimits& limits, const RunContext& run);

}  // namespace dreamrunner
